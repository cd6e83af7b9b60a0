"""From a series of DICOM to what a sheet shows of it: evenly spaced slices, windowed as the transform does, and facts.

Two passes: one that samples values for histogram and percentiles, one over the instances that are shown. Memory holds
one instance, the sample and the slices that are shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tasks.core.errors import UnitError
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.decode import decode_frames
from tasks.transform.frames import FrameFinder
from tasks.transform.look.canvas import Picture
from tasks.transform.look.outlines import Laid
from tasks.transform.look.sheet import Panel, Tile, Told, fit_tile, legend_fits
from tasks.transform.pixels import MONOCHROME, check_limits, read_pixel_header
from tasks.transform.render import render_frame
from tasks.transform.series import Plane
from tasks.transform.survey import SAMPLE, thin_values
from tasks.transform.volumes.mosaic import cut_tile
from tasks.transform.volumes.noted import Note
from tasks.transform.volumes.pictures import read_windowed
from tasks.transform.volumes.report import describe_candidate
from tasks.transform.volumes.series import Candidate, Series
from tasks.transform.volumes.slices import Slice
from tasks.transform.volumes.sources import Place
from tasks.transform.windows import Window, find_voi, window_of


@dataclass(frozen=True)
class View:
    """How slices are shown: the transform's settings, and whether windows of the header count."""

    settings: TransformSettings
    header_windows: bool = True


@dataclass
class Sample:
    """Values of a series in output units without padding, and the windows that its frames are shown with.

    `percentiles` is the window of frames that have none of their own; `reasons` counts instances that can't be decoded.
    """

    values: npt.NDArray[np.float32]
    windows: Counter[Window] = field(default_factory=Counter)
    percentiles: Window | None = None
    reasons: Counter[Reason] = field(default_factory=Counter)


def sample_series(series: Series, view: View) -> Sample:
    """Decode every instance of `series` once; of colour images nothing is taken."""
    kinds = {one.place: one.modality for candidate in series.candidates for one in candidate.slices}
    taken: list[npt.NDArray[np.float32]] = []
    lacking: list[npt.NDArray[np.float32]] = []
    found = Sample(np.empty(0, np.float32))
    for place, modality in sorted(kinds.items()):
        try:
            ds = read_windowed(place, view.header_windows)
            header = read_pixel_header(ds)
            check_limits(header, view.settings.max_pixels)
            if header.photometric not in MONOCHROME:
                continue
            finder, share = FrameFinder(ds), max(256, SAMPLE // (len(kinds) * header.frames))
            for frame, stored in enumerate(decode_frames(ds, header)):
                taken.append(thin_values(stored, header, ds, finder, frame, share))
                voi = find_voi(finder.layers(frame), modality, view.settings, header.signed)
                if voi is None:
                    lacking.append(taken[-1])
                elif isinstance(voi, Window):
                    found.windows[voi] += 1
        except UnitError as error:
            found.reasons[error.reason] += 1
    if lacking:
        found.percentiles = window_of(np.concatenate(lacking), view.settings.percentiles)
        found.windows[found.percentiles] += len(lacking)
    if taken:
        found.values = np.concatenate(taken)
        found.values = found.values[np.isfinite(found.values)]
    return found


def make_panel(series: Series, number: int, view: View, sample: Sample, count: int, laid: Laid | None = None) -> Panel:
    """The panel of the volume `number` (from 1) of `series`: at most `count` slices, with the regions of `laid`."""
    candidate, regions = series.candidates[number - 1], laid or Laid()
    legend = list(regions.legend.items())
    shown = legend_fits([words for _, words in legend])
    hidden = len(legend) - shown + regions.more
    facts = facts_of(series, number, sample) + ([f"{hidden} more regions"] if hidden else [])
    return Panel(
        title=title_of(series, number),
        facts=" · ".join(facts),
        findings=[*told(candidate.notes), *told_reasons(sample.reasons)],
        tiles=make_tiles(candidate, view, sample.percentiles, count, regions),
        regions=dict(legend[:shown]),
    )


def title_of(series: Series, number: int) -> str:
    """What the panel is called: number, modality, and what tells this volume from others of its series."""
    label = series.candidates[number - 1].label
    parts = [f"series {series.number}", series.modality]
    if len(series.candidates) > 1:
        parts.append(f"volume {number} of {len(series.candidates)}")
    parts += [f"{name} {value}" for name, value in label.items() if name not in ("volume", "kind")]
    return " · ".join(parts)


def facts_of(series: Series, number: int, sample: Sample) -> list[str]:
    """Size, spacing, plane, unit and window, in words."""
    told_ = describe_candidate(series.candidates[number - 1], number, series)
    slices = f"{told_['slices']} slice{'s' if told_['slices'] != 1 else ''}"
    parts = [f"{told_['rows']} × {told_['columns']}", slices]
    spacing = told_.get("spacing_mm") or (told_["pixel_spacing_mm"] and [None, *told_["pixel_spacing_mm"]])
    if spacing:
        parts.append(" × ".join("?" if part is None else f"{part:.4g}" for part in spacing) + " mm")
    parts.append(told_["orientation"] or "plane unknown")
    if sample.values.size:
        parts.append("arbitrary units" if told_["unit"] == "US" else told_["unit"])
    if sample.windows:
        parts.append(in_words(sample.windows.most_common(1)[0][0], len(sample.windows) - 1))
    return parts


def in_words(window: Window, others: int = 0) -> str:
    """A window as ends and source: `window -160 to 240 (header)`."""
    low, high = window.center - window.width / 2, window.center + window.width / 2
    more = f", and {others} more" if others > 0 else ""
    return f"window {low:.4g} to {high:.4g} ({window.source}{more})".replace("-", "−")


def told(notes: Iterable[Note]) -> list[Told]:
    """Findings in words, those that refuse the volume first."""
    ordered = sorted(notes, key=lambda note: not note.refuses)
    return [Told(f"{note.finding.value} {note.count}", note.finding.sentence, note.refuses) for note in ordered]


def told_reasons(reasons: Counter[Reason]) -> list[Told]:
    """What could not be decoded."""
    return [Told(f"{reason.code} {count}", reason.sentence, refuses=True) for reason, count in sorted(reasons.items())]


def make_tiles(candidate: Candidate, view: View, percentiles: Window | None, count: int, laid: Laid) -> list[Tile]:
    """At most `count` slices of `candidate` in their order; one that cannot be decoded leaves an empty cell."""
    chosen = laid.choose(len(candidate.slices), count)
    by_place: dict[Place, list[int]] = defaultdict(list)
    for index in chosen:
        by_place[candidate.slices[index].place].append(index)
    pictures: dict[int, Picture] = {}
    for place, wanted in by_place.items():
        try:
            pictures |= _render_place(place, {index: candidate.slices[index] for index in wanted}, view, percentiles)
        except UnitError:
            continue  # told by the reasons of the sample
    tiles = []
    for index in chosen:
        one = candidate.slices[index]
        if index not in pictures:
            tiles.append(Tile(np.zeros((1, 1), np.uint8), f"{caption_of(one.plane)}: not decoded"))
            continue
        aspect = one.spacing[0] / one.spacing[1] if one.spacing else 1.0
        picture, outlines = fit_tile(pictures[index], laid.masks.get(index, {}), aspect)
        tiles.append(Tile(picture, caption_of(one.plane), outlines, sides_of(one.plane)))
    return tiles


def caption_of(plane: Plane) -> str:
    """Where the slice lies along the normal, else its InstanceNumber."""
    if plane.position is not None:
        return f"{plane.position:+.1f} mm".replace("-", "−")
    return f"image {plane.instance_number}" if plane.instance_number is not None else "position unknown"


def sides_of(plane: Plane) -> tuple[str, str] | None:
    """Which side of the patient lies to the right of the picture, and which below (PS3.3 C.7.6.2.1.1)."""
    if plane.orientation is None or plane.normal is None:
        return None
    return _side(plane.orientation[:3]), _side(plane.orientation[3:])


def _side(direction: Sequence[float]) -> str:
    axis = max(range(3), key=lambda index: abs(direction[index]))
    return ("LR", "PA", "HF")[axis][direction[axis] < 0]


def _render_place(place: Place, wanted: dict[int, Slice], view: View, percentiles: Window | None) -> dict[int, Picture]:
    """The pictures of the slices `wanted` of one instance, by their index in the group."""
    ds = read_windowed(place, view.header_windows)
    header = read_pixel_header(ds)
    check_limits(header, view.settings.max_pixels)
    finder, last, found = FrameFinder(ds), max(one.plane.frame for one in wanted.values()), dict[int, Picture]()
    for number, stored in enumerate(decode_frames(ds, header), start=1):
        here = {index: one for index, one in wanted.items() if one.plane.frame == number}
        for index, one in here.items():
            layers = finder.layers(number - 1)
            image = render_frame(stored, header, ds, layers, one.modality, view.settings, percentiles).image
            whole = np.asarray(image * np.float32(255) + np.float32(0.5), dtype=np.uint8)
            found[index] = whole if one.tile is None else cut_tile(whole, one.tile, one.rows, one.columns)
        if number >= last:
            break
    return found
