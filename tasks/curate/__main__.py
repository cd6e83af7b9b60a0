"""`python -m tasks.curate`: make data/curated and data/splits.lock from the tables of images and records."""

from __future__ import annotations

from tasks.core.entry import run_stage
from tasks.core.workspace import Workspace
from tasks.curate.stage import curate


def main(workspace: Workspace) -> str:
    """Curate the workspace and say in one line what came of it."""
    return curate(workspace).sentence


if __name__ == "__main__":
    run_stage("curate", main)
