"""The contact sheets of a workspace: one a patient, from the images that transform made, and a page that shows them.

Everything here is pseudonymous and de-identified. Only what changed is drawn again. Pictures are read back from
data/images, so a slice costs no decoding; archives are opened for series with regions alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np

from tasks.core.errors import ConfigurationError, SluiceError
from tasks.core.files import atomic_path, remove_except, write_text
from tasks.core.models import Unit
from tasks.core.settings import TransformSettings, digest
from tasks.core.workspace import Workspace
from tasks.transform import VERSION
from tasks.transform.done import read_rows, rows_path
from tasks.transform.linked import Made, Object, link_objects, open_linked
from tasks.transform.look.folder import load_all
from tasks.transform.look.outlines import Laid, choose_evenly, lay
from tasks.transform.look.page import findings_of, write_page
from tasks.transform.look.sheet import Panel, Tile, Told, draw_sheet, fit_tile, legend_fits
from tasks.transform.resize import fit
from tasks.transform.roi.grid import Mask
from tasks.transform.volumes.series import find_series

log = logging.getLogger(__name__)

Row = dict[str, Any]


def draw_patients(workspace: Workspace, units: Iterable[Unit]) -> int:
    """Draw data/look/<patient>.png for the first patients of `units`, and index.html; returns how many were drawn anew.

    Sheets of patients that are no longer among them are deleted; with `look.sheets` off, all of them.
    """
    settings = workspace.settings.look
    of_patients: dict[str, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: (unit.patient, unit.study, unit.unit)):
        of_patients.setdefault(unit.patient, []).append(unit)
    shown = sorted(of_patients)[: settings.patients] if settings.sheets else []
    drawn, told = 0, []
    for patient in shown:
        made = [Made(unit, content) for unit in of_patients[patient] if (content := _rows(workspace, unit))]
        target, note = workspace.look / f"{patient}.png", workspace.scratch / "look" / f"{patient}.key"
        key = _key(workspace, made)
        if not (target.is_file() and note.is_file() and note.read_text(encoding="utf-8") == key):
            target.unlink(missing_ok=True)
            if (sheet := _sheet(workspace, patient, made)) is not None:
                with atomic_path(target) as draft:
                    draft.write_bytes(sheet)
                write_text(note, key)
                drawn += 1
        told.append((patient, [one.content["series"] for one in made if one.content["series"]]))
    keep = {workspace.look / f"{patient}.png" for patient in shown}
    if workspace.look.is_dir():
        remove_except(workspace.look, keep, "*.png")
    if shown:
        write_page(workspace.look, told, len(of_patients) - len(shown), workspace.settings.transform)
    elif workspace.look.is_dir():
        (workspace.look / "index.html").unlink(missing_ok=True)
    return drawn


def _rows(workspace: Workspace, unit: Unit) -> dict[str, Any] | None:
    return read_rows(rows_path(workspace, unit))


def _key(workspace: Workspace, made: Sequence[Made]) -> str:
    """What a sheet follows from: the keys of its units (bytes, settings, version) and how many slices it has."""
    keys = json.dumps([[one.unit.unit, one.content["key"]] for one in made])
    return hashlib.sha256(f"{keys} {digest(workspace.settings.look)} {VERSION}".encode()).hexdigest()


def _sheet(workspace: Workspace, patient: str, made: Sequence[Made]) -> bytes | None:
    """The sheet of a patient; None without images, and, with a warning, where a bug stops it."""
    try:
        panels = _panels(workspace, made)
        return draw_sheet(f"Patient {patient}", panels) if panels else None
    except SluiceError:
        raise
    except Exception as error:  # numpy, OpenCV or Pillow on values no one thought of
        log.warning("the contact sheet of %s could not be drawn (%s)", patient, type(error).__name__)
        return None


def _panels(workspace: Workspace, made: Sequence[Made]) -> list[Panel]:
    linked = link_objects(made)
    return [
        _panel(workspace, one, _regions(workspace, one, linked.get(one.unit.unit, [])))
        for one in made
        if one.images and one.content["series"]
    ]


def _panel(workspace: Workspace, one: Made, laid: Laid) -> Panel:
    rows, series, settings = one.images, one.content["series"], workspace.settings.transform
    legend = list(laid.legend.items())
    indices = laid.choose(len(rows), workspace.settings.look.slices) if laid.legend else None
    chosen = [rows[index] for index in indices or choose_evenly(len(rows), workspace.settings.look.slices)]
    places = {id(row): index for index, row in enumerate(rows)}
    return Panel(
        title=f"{series['modality']} · {one.unit.unit}",
        facts=" · ".join(_facts(series, rows)),
        findings=_told(series, settings),
        tiles=[_tile(workspace, row, laid.masks.get(places[id(row)], {})) for row in chosen],
        regions=dict(legend[: legend_fits([words for _, words in legend])]),
    )


def _regions(workspace: Workspace, one: Made, things: Sequence[Object]) -> Laid:
    """The regions of `things` on the pictures of a series, by the index of its row; none where nothing can be laid."""
    if not things or any(row.get("steps") for row in one.images):
        return Laid()
    settings = workspace.settings
    sources = [source for _, source in open_linked(workspace.deidentified, things)]
    found = find_series([workspace.deidentified / one.unit.archive], settings.transform).series
    rows = {(row["instance"], row["frame"]): index for index, row in enumerate(one.images)}
    for series in found:
        for candidate in series.candidates:
            if candidate.grid is None:
                continue
            try:
                laid = lay(load_all(sources, series, candidate), candidate, settings.look.slices)
            except SluiceError as error:  # of the object alone; what it is stands in the tables
                log.warning("regions of unit %s are not drawn (%s)", one.unit.unit, type(error).__name__)
                return Laid()
            place = {i: rows.get((s.plane.sop, s.plane.frame)) for i, s in enumerate(candidate.slices)}
            masks = {row: laid.masks[index] for index, row in place.items() if row is not None and index in laid.masks}
            largest = {n: row for n, index in laid.largest.items() if (row := place.get(index)) is not None}
            return Laid(masks, laid.legend, largest, laid.more)
    return Laid()


def _tile(workspace: Workspace, row: Row, masks: dict[int, Mask]) -> Tile:
    picture = cv2.imread(str(workspace.images / row["image_path"]), cv2.IMREAD_COLOR)
    if picture is None:
        raise ConfigurationError("an image of data/images cannot be read: delete it and run again")
    across, down = row["png_spacing_column_mm"], row["png_spacing_row_mm"]
    aspect = down / across if across and down and workspace.settings.transform.fit == "stretch" else 1.0
    fitted = {number: _fitted(mask, row, workspace.settings.transform) for number, mask in masks.items()}
    small, outlines = fit_tile(np.ascontiguousarray(picture[..., ::-1]), fitted, aspect)
    place = row["position_mm"]
    return Tile(small, f"{place:+.1f} mm" if place is not None else f"image {row['slice_index']}", outlines)


def _fitted(mask: Mask, row: Row, settings: TransformSettings) -> Mask:
    """A mask through the same fit as its image."""
    between = row["pixel_spacing_row_mm"], row["pixel_spacing_column_mm"]
    spacing = (float(between[0]), float(between[1])) if None not in between else None
    return np.asarray(fit(mask.astype(np.float32), settings.size, settings.fit, spacing).image >= 0.5)


def _facts(series: Row, rows: Sequence[Row]) -> list[str]:
    first = rows[0]
    parts = [f"{series['rows']} × {series['columns']}", f"{len(rows)} image{'s' if len(rows) != 1 else ''}"]
    spacing = [series["slice_spacing_mm"], series["spacing_row_mm"], series["spacing_column_mm"]]
    if any(part is not None for part in spacing):
        parts.append(" × ".join("?" if part is None else f"{part:.4g}" for part in spacing) + " mm")
    parts.append(first["orientation"] or "plane unknown")
    if first["window_center"] is not None:
        half = first["window_width"] / 2
        low, high = first["window_center"] - half, first["window_center"] + half
        parts.append(f"window {low:.4g} to {high:.4g} ({first['window_source']})")
    return parts


def _told(series: Row, settings: TransformSettings) -> list[Told]:
    notes = sorted(findings_of(series, settings), key=lambda note: not note.refuses)
    return [Told(note.finding.value, note.finding.sentence, note.refuses) for note in notes]
