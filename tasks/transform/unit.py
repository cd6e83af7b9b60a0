"""One unit: an archive in, PNGs and rows out. Whatever fails with one instance ends as that instance's reason.

Works in a process of a pool: its arguments and its result can be pickled, and it speaks to no database.
Doing it twice writes the same bytes.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path

import cv2

from tasks.core.entry import quiet_libraries
from tasks.core.errors import UnitError
from tasks.core.files import atomic_path, sha256, write_json
from tasks.core.models import Item, State, Unit, UnitResult
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.codecs import describe_decoder
from tasks.transform.done import unit_key
from tasks.transform.members import Members
from tasks.transform.render import render_instance
from tasks.transform.rows import Row, describe_series
from tasks.transform.scratch import Scratch
from tasks.transform.series import Plane, order_planes
from tasks.transform.steps.chain import Chain, chain_for, describe_chain
from tasks.transform.survey import Survey, survey
from tasks.transform.volumes.stepped import picture_slices, render_block, run_chain

log = logging.getLogger(__name__)


def transform_unit(archive: Path, images: Path, rows: Path, unit: Unit, settings: TransformSettings) -> UnitResult:
    """Make the PNGs of `unit` under `images`/<MODALITY>/, and write its table rows to the JSON file `rows`.

    `archive` is the unit's ZIP. PNGs that an earlier run made of this unit and this one does not are removed. Each item
    of the result is an instance: TRANSFORMED, or refused with its reason. The digest is that of the rows, which hold
    the digests of the PNGs. Raises `ContractViolation` if the archive can't be opened,
    `ConfigurationError` if the disk is full.
    """
    quiet_libraries()
    cv2.setNumThreads(1)
    with Members(archive, unit) as members, Scratch(rows.parent) as scratch:
        key = unit_key(archive, settings)
        found = survey(members, unit, settings, scratch)
        made, written = _make_images(members, images, unit, settings, found, scratch)
        everything = members.names()
    _remove_images(images, unit, keep=written)
    return _conclude(rows, unit, key, found, made, everything, settings)


def refuse_unit(archive: Path, images: Path, rows: Path, unit: Unit, settings: TransformSettings) -> UnitResult:
    """Refuse all of a unit whose decoding killed the process: no images, each instance with DECODE_FAILED."""
    with Members(archive, unit) as members:
        everything = members.names()
    _remove_images(images, unit, keep=set())
    found = Survey(refused=dict.fromkeys(everything, Reason.DECODE_FAILED))
    return _conclude(rows, unit, unit_key(archive, settings), found, [], everything, settings)


def _make_images(
    members: Members,
    images: Path,
    unit: Unit,
    settings: TransformSettings,
    found: Survey,
    scratch: Scratch,
) -> tuple[list[Row], set[Path]]:
    """Decode instance by instance; one that fails takes all its frames with it, and leaves a gap in the numbers."""
    chain = chain_for(settings, _modality(unit, found))
    if chain.needs_volume:
        return _make_slices(images, unit, settings, found, chain)
    ordered = order_planes(found.planes)
    width = max(4, len(str(len(ordered))))
    frames: dict[str, dict[int, tuple[int, Plane]]] = {}
    for index, plane in enumerate(ordered, start=1):
        frames.setdefault(plane.sop, {})[plane.frame] = (index, plane)
    made: list[Row] = []
    for sop, planes in frames.items():
        of_instance: list[Row] = []
        try:
            ds = members.read(sop)
            for row, png in render_instance(ds, unit, sop, planes, settings, found.window, scratch):
                of_instance.append(_save(images, unit, row, png, width))
        except UnitError as error:
            found.refused[sop] = error.reason
        else:
            made.extend(of_instance)
    made.sort(key=lambda row: row["slice_index"])
    return made, {images / row["image_path"] for row in made}


def _make_slices(
    images: Path, unit: Unit, settings: TransformSettings, found: Survey, chain: Chain
) -> tuple[list[Row], set[Path]]:
    """A picture for each slice of the volumes after the chain; an image that is in no volume gets its reason."""
    made: list[Row] = []
    counted: Counter[str] = Counter()  # frames by instance, over all volumes that it is in
    for sop in {plane.sop for plane in found.planes}:
        found.refused[sop] = Reason.NO_VOLUME
    for candidate in found.candidates:
        sops = {one.plane.sop for one in candidate.slices}
        if candidate.grid is None:
            continue
        try:
            block = run_chain(candidate, settings, chain)
        except UnitError as error:
            found.refused.update(dict.fromkeys(sops, error.reason))
            continue
        pictures = picture_slices(candidate, block)
        for row, png in render_block(block, pictures, unit, settings, chain):
            counted[row["instance"]] += 1
            numbers = {"slice_index": len(made) + 1, "frame": counted[row["instance"]]}
            made.append(_save(images, unit, row | numbers, png, 4))
        used = {picture.source.plane.sop for picture in pictures}
        found.refused.update(dict.fromkeys(sops - used, Reason.RESAMPLED_AWAY))
    for row in made:
        found.refused.pop(row["instance"], None)
    return made, {images / row["image_path"] for row in made}


def _save(images: Path, unit: Unit, row: Row, png: bytes, width: int) -> Row:
    """Write one picture; its row, with the path."""
    name = f"{_folder(unit)}/{_stem(unit)}_{row['slice_index']:0{width}}.png"
    with atomic_path(images / name) as draft:
        draft.write_bytes(png)
    return row | {"image_path": name}


def _modality(unit: Unit, found: Survey) -> str:
    """The modality that decides on the chain."""
    return found.slices[0].modality if found.slices else unit.modality


def _conclude(
    rows: Path,
    unit: Unit,
    key: str,
    found: Survey,
    images: list[Row],
    members: list[str],
    settings: TransformSettings,
) -> UnitResult:
    instances = images + found.objects
    kept = {row["instance"] for row in instances}
    headers = [found.headers[sop] for sop in members if sop in kept]
    planes = [plane for plane in found.planes if plane.sop in kept]
    syntaxes = sorted({row["transfer_syntax"] for row in images})
    content = {
        "key": key,
        "decoders": {syntax: describe_decoder(syntax) for syntax in syntaxes},
        "steps": describe_chain([one for one in settings.steps if one.is_for(_modality(unit, found))]),
        "instances": instances,
        "series": describe_series(unit, headers, instances, planes) | found.geometry if instances else None,
    }
    write_json(rows, content)
    items = [
        Item(item=sop, sop=sop, state=State.TRANSFORMED) if sop in kept else Item.refused(sop, found.refused[sop], sop)
        for sop in members
    ]
    log.info(
        "unit %s: %d images, %d objects, %d refused", unit.unit, len(images), len(found.objects), len(found.refused)
    )
    return UnitResult(unit=unit.unit, items=tuple(items), digest=sha256(rows))


def _remove_images(images: Path, unit: Unit, keep: set[Path]) -> None:
    for former in sorted(images.glob(f"*/{_stem(unit)}_*.png")):
        if former not in keep:
            former.unlink()


def _stem(unit: Unit) -> str:
    return f"{unit.patient}_{unit.study}_{unit.unit}"


def _folder(unit: Unit) -> str:
    return unit.modality if re.fullmatch(r"[A-Z0-9]{1,16}", unit.modality) else "OT"
