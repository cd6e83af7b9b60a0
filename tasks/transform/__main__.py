"""`python -m tasks.transform`: the stage as dvc.yaml calls it."""

from __future__ import annotations

from tasks.core.entry import run_stage
from tasks.core.workspace import Workspace
from tasks.transform.stage import transform


def main(workspace: Workspace) -> str:
    """Run the stage and say in one line what there is."""
    done = transform(workspace)
    held = done.gathered
    return (
        f"{held.images} images and {held.objects} objects of {held.series} series"
        f" ({done.transformed} units transformed, {done.unchanged} unchanged)"
    )


if __name__ == "__main__":
    run_stage("transform", main)
