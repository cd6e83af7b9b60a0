"""From the rows of all units to the two tables, and nothing left in the images folder that they don't name."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from tasks.core.columns import TRANSFORMED
from tasks.core.errors import ContractViolation
from tasks.core.files import remove_except, write_json, write_table
from tasks.core.models import Frozen, Unit
from tasks.core.workspace import Workspace
from tasks.transform.done import read_rows, rows_path
from tasks.transform.tables import make_frame


class GatherSummary(Frozen):
    """Counts of what the images zone now holds; `removed` are PNGs that no unit names any more."""

    units: int
    series: int
    images: int
    objects: int
    removed: int


def gather(workspace: Workspace, units: Iterable[Unit]) -> GatherSummary:
    """Write data/images/instances.parquet, series.parquet, decoders.json and steps.json, from `units` in any order.

    steps.json says which step was done by which versions, by its name in the column `steps` of instances.

    PNGs of units not given are deleted. Raises `ContractViolation` if the rows or a PNG of a unit are missing.
    """
    contents = {unit.unit: _read(workspace, unit) for unit in units}
    found = [contents[name] for name in sorted(contents)]
    instances = sorted(chain.from_iterable(content["instances"] for content in found), key=_place)
    series = [content["series"] for content in found if content["series"] is not None]
    keep = {workspace.images / row["image_path"] for row in instances if row["image_path"]}
    lost = sum(not path.is_file() for path in keep)
    if lost:
        raise ContractViolation(f"{lost} images that the rows name are missing from data/images: run transform again")
    write_table(make_frame(instances, TRANSFORMED["instances"]), workspace.images / "instances.parquet")
    write_table(make_frame(series, TRANSFORMED["series"]), workspace.images / "series.parquet")
    decoders = dict(chain.from_iterable(content["decoders"].items() for content in found))
    write_json(workspace.images / "decoders.json", decoders)
    steps = {
        step["step"]: step["packages"] | {"step": step["version"]} for content in found for step in content["steps"]
    }
    write_json(workspace.images / "steps.json", steps)
    return GatherSummary(
        units=len(found),
        series=len(series),
        images=len(keep),
        objects=len(instances) - len(keep),
        removed=remove_except(workspace.images, keep, "*.png"),
    )


def _read(workspace: Workspace, unit: Unit) -> dict[str, Any]:
    content = read_rows(rows_path(workspace, unit))
    if content is None:
        raise ContractViolation(f"unit {unit.unit} has no rows: transform it before gathering")
    return content


def _place(row: dict[str, Any]) -> tuple[str, bool, int, str, int]:
    return row["unit"], row["slice_index"] is None, row["slice_index"] or 0, row["instance"], row["frame"]
