"""A series to PNGs, through the same steps as the flow's: modality, window, fit, encode (render.py). One a frame.

Geometry refuses nothing here: a picture needs no neighbour. What cannot be decoded is told with its reason.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset

from tasks.core.errors import ConfigurationError, QuarantineUnit, UnitError
from tasks.core.models import Unit
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.codecs import describe_decoder
from tasks.transform.headers import items
from tasks.transform.pixels import read_pixel_header
from tasks.transform.render import render_instance
from tasks.transform.rows import find_modality
from tasks.transform.scratch import Scratch
from tasks.transform.series import Plane, order_planes
from tasks.transform.steps.chain import Chain, chain_for
from tasks.transform.survey import SAMPLE, frames_without_window, list_planes, sample_values
from tasks.transform.volumes.series import Series
from tasks.transform.volumes.sources import Place, read_header, read_instance
from tasks.transform.volumes.stepped import picture_slices, render_block, run_chain
from tasks.transform.windows import Window, window_of

WINDOWS = {
    "ct-lung": (-600.0, 1500.0),
    "ct-bone": (400.0, 1800.0),
    "ct-brain": (40.0, 80.0),
    "ct-abdomen": (40.0, 400.0),
    "ct-mediastinum": (50.0, 350.0),
}
"""Centre and width in HU of windows with a name."""

_TOLD = (
    "frame",
    "slice_index",
    "rows",
    "columns",
    "photometric",
    "orientation",
    "position_mm",
    "png_spacing_row_mm",
    "png_spacing_column_mm",
    "window_center",
    "window_width",
    "window_source",
    "intensity_unit",
    "steps",
    "transfer_syntax",
    "png_sha256",
)


def choose_windows(name: str, settings: TransformSettings) -> tuple[TransformSettings, bool]:
    """The settings for `--window`, and whether windows of the header count: a name, `header`, `auto` or `C,W`."""
    if name in ("header", "auto"):
        return settings, name == "header"
    if name in WINDOWS:
        center, width = WINDOWS[name]
        return settings.model_copy(update={"windows": settings.windows | {"CT": (center, width)}}), True
    try:
        center, width = (float(part) for part in name.split(","))
        if width <= 0:
            raise ValueError
    except ValueError:
        known = ", ".join(WINDOWS)
        raise ConfigurationError(
            f"--window: give header, auto, centre and width such as 40,400, or one of {known}"
        ) from None
    every = dict.fromkeys(("CT", "MR", "PT", "CR", "DX", "MG", "NM", "XA", "US", "OT"), (center, width))
    return settings.model_copy(update={"windows": every}), True


def write_pictures(
    folder: Path, series: Series, settings: TransformSettings, *, header_windows: bool
) -> tuple[list[dict[str, Any]], Counter[Reason]]:
    """Write the frames of `series` as 00001.png and so on in slice order; rows of what they are, and what failed.

    Where a step needs volumes, slices are those of the volumes after the chain, and a series that has none has none.
    """
    chain = chain_for(settings, series.modality)
    if chain.needs_volume:
        return _write_slices(folder, series, settings, chain, header_windows)
    with Scratch(folder) as scratch:
        return _write_frames(folder, series, settings, header_windows, scratch)


def _write_slices(
    folder: Path, series: Series, settings: TransformSettings, chain: Chain, header_windows: bool
) -> tuple[list[dict[str, Any]], Counter[Reason]]:
    rows: list[dict[str, Any]] = []
    failed: Counter[Reason] = Counter()
    for candidate in series.candidates:
        try:
            if candidate.grid is None:
                raise QuarantineUnit(Reason.NO_VOLUME)
            block = run_chain(candidate, settings, chain)
            pictures = picture_slices(candidate, block)
            read = partial(_read_header, header_windows=header_windows)
            for row, png in render_block(block, pictures, _unit(series), settings, chain, read):
                rows.append(_save(folder, row | {"slice_index": len(rows)}, png))
        except UnitError as error:
            failed[error.reason] += len({one.place for one in candidate.slices})
    return rows, failed


def _write_frames(
    folder: Path, series: Series, settings: TransformSettings, header_windows: bool, scratch: Scratch
) -> tuple[list[dict[str, Any]], Counter[Reason]]:
    places = sorted({one.place for candidate in series.candidates for one in candidate.slices})
    unit = _unit(series)
    planes, samples = {}, []
    failed: Counter[Reason] = Counter()
    for place in places:
        try:
            ds, name = _read_header(place, header_windows=header_windows), place.path + place.member
            header = read_pixel_header(ds)
            planes[place] = list(list_planes(ds, header, name))
            if lacking := frames_without_window(ds, header, unit, settings):
                share = max(1, SAMPLE // (len(places) * header.frames))
                whole = read_windowed(place, header_windows)
                chain = chain_for(settings, find_modality(whole, unit))
                samples.extend(sample_values(whole, header, lacking, chain, share, scratch, name))
        except UnitError as error:
            failed[error.reason] += 1
    window: Window | None = window_of(np.concatenate(samples), settings.percentiles) if samples else None
    order = {
        (plane.sop, plane.frame): index for index, plane in enumerate(order_planes(_flat(planes)))
    }  # sop is the place here, which is unique
    rows = []
    for place, own in planes.items():
        numbered = {plane.frame: (order[plane.sop, plane.frame], plane) for plane in own}
        try:
            whole = read_windowed(place, header_windows)
            for row, png in render_instance(whole, unit, "", numbered, settings, window, scratch, facts=False):
                rows.append(_save(folder, row, png))
        except UnitError as error:
            failed[error.reason] += 1
    return sorted(rows, key=lambda row: str(row["file"])), failed


def _save(folder: Path, row: dict[str, Any], png: bytes) -> dict[str, Any]:
    """Write one picture; its row, with what decoded it."""
    name = f"{row['slice_index'] + 1:05d}.png"
    (folder / name).write_bytes(png)
    return {"file": name, "decoder": _decoder(row["transfer_syntax"])} | {key: row[key] for key in _TOLD}


_decoder = lru_cache(describe_decoder)


def _flat(planes: dict[Place, list[Plane]]) -> list[Plane]:
    return [plane for own in planes.values() for plane in own]


def read_windowed(place: Place, header_windows: bool) -> Dataset:
    """The whole instance, without the windows of its header where those don't count."""
    return _without_windows(read_instance(place), header_windows)


def _read_header(place: Place, *, header_windows: bool) -> Dataset:
    return _without_windows(read_header(place), header_windows)


def _without_windows(ds: Dataset, header_windows: bool) -> Dataset:
    if not header_windows:
        groups = items(ds, "PerFrameFunctionalGroupsSequence") + items(ds, "SharedFunctionalGroupsSequence")
        for part in (ds, *(item for group in groups for item in items(group, "FrameVOILUTSequence"))):
            for keyword in ("WindowCenter", "WindowWidth", "VOILUTSequence"):
                if keyword in part:
                    del part[keyword]
    return ds


def _unit(series: Series) -> Unit:
    return Unit(
        unit=f"series-{series.number:03d}",
        patient="",
        study="",
        modality=series.modality,
        expected=series.instances,
        bytes=0,
        fingerprint="",
    )
