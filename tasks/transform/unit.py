"""One unit: an archive in, PNGs and rows out. Whatever fails with one instance ends as that instance's reason.

Works in a process of a pool: its arguments and its result can be pickled, and it speaks to no database.
Doing it twice writes the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zipfile
from pathlib import Path
from typing import Any

import cv2
from pydicom import Dataset

from tasks.core.entry import quiet_libraries
from tasks.core.errors import QuarantineUnit, UnitError
from tasks.core.files import atomic_path, sha256, write_json
from tasks.core.models import Item, State, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings, digest
from tasks.transform import VERSION
from tasks.transform.codecs import describe_decoder
from tasks.transform.objects import IMAGE
from tasks.transform.render import render_instance
from tasks.transform.rows import Row, describe_series
from tasks.transform.series import Plane, order_planes
from tasks.transform.survey import Survey, list_members, open_archive, read_member, survey

log = logging.getLogger(__name__)


def transform_unit(archive: Path, images: Path, rows: Path, unit: Unit, settings: TransformSettings) -> UnitResult:
    """Make the PNGs of `unit` under `images`/<MODALITY>/, and write its table rows to the JSON file `rows`.

    `archive` is the unit's ZIP. PNGs that an earlier run made of this unit and this one does not are removed. Each item
    of the result is an instance: TRANSFORMED, or refused with its reason. The digest is that of the rows, which hold
    the digests of the PNGs. Raises `ContractViolation` if the archive can't be opened, `ConfigurationError` if the disk is full.
    """
    quiet_libraries()
    cv2.setNumThreads(1)
    key = unit_key(archive, settings)
    with open_archive(archive, unit) as members:
        found = survey(members, unit, settings)
        instances, written = _make_images(members, images, unit, settings, found)
        everything = list_members(members)
    for former in sorted(images.glob(f"*/{_stem(unit)}_*.png")):
        if former not in written:
            former.unlink()
    return _conclude(rows, unit, key, found, instances, everything)


def refuse_unit(archive: Path, images: Path, rows: Path, unit: Unit, settings: TransformSettings) -> UnitResult:
    """Refuse all of a unit whose decoding killed the process: no images, each instance with DECODE_FAILED."""
    with open_archive(archive, unit) as members:
        everything = list_members(members)
    for former in sorted(images.glob(f"*/{_stem(unit)}_*.png")):
        former.unlink()
    found = Survey(refused=dict.fromkeys(everything, Reason.DECODE_FAILED))
    return _conclude(rows, unit, unit_key(archive, settings), found, [], everything)


def unit_key(archive: Path, settings: TransformSettings) -> str:
    """What the result depends on: the archive's bytes, the settings and this stage's version."""
    return hashlib.sha256(f"{sha256(archive)} {digest(settings)} {VERSION}".encode()).hexdigest()[:32]


def read_rows(rows: Path) -> dict[str, Any] | None:
    """What `transform_unit` wrote: key, decoders, instances, series; None where there is nothing whole."""
    try:
        found = json.loads(rows.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def is_made(rows: Path, images: Path, key: str) -> bool:
    """Whether the unit was made with `key` and all its PNGs are still there."""
    found = read_rows(rows)
    return (
        found is not None
        and found.get("key") == key
        and all((images / row["image_path"]).is_file() for row in found["instances"] if row["image_path"])
    )


def _make_images(
    members: zipfile.ZipFile, images: Path, unit: Unit, settings: TransformSettings, found: Survey
) -> tuple[list[Row], set[Path]]:
    """Decode instance by instance in slice order; an instance that fails takes all its frames with it."""
    ordered = order_planes(found.planes)
    width = max(4, len(str(len(ordered))))
    planes: dict[str, dict[int, tuple[int, Plane]]] = {}
    for index, plane in enumerate(ordered, start=1):
        planes.setdefault(plane.sop, {})[plane.frame] = (index, plane)
    instances: list[Row] = []
    written: set[Path] = set()
    for sop, frames in planes.items():
        paths = {frame: f"{unit.modality}/{_stem(unit)}_{index:0{width}}.png" for frame, (index, _) in frames.items()}
        made: list[Row] = []
        try:
            ds = read_member(members, sop)
            for row, png in _rendered(ds, frames, unit, sop, settings, found):
                path = images / paths[row["frame"]]
                with atomic_path(path) as draft:
                    draft.write_bytes(png)
                made.append(row | {"image_path": paths[row["frame"]]})
        except UnitError as error:
            found.refused[sop] = error.reason
            continue
        instances.extend(made)
        written.update(images / path for path in paths.values())
    instances.sort(key=lambda row: row["slice_index"])
    return instances, written


