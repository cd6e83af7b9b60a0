"""`sluice look`: a source to pictures of its series and patients, in a new folder.

OUT/series-001.png           a contact sheet: slices of each of its volumes, outlines, findings
OUT/series-001-report.png    histogram, positions, distances, orientation, findings
OUT/patient-01.png           all series of one patient
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_directory
from tasks.core.settings import TransformSettings
from tasks.transform.headers import text
from tasks.transform.look.chart import Report, Stack, draw_report
from tasks.transform.look.outlines import Laid, lay
from tasks.transform.look.sheet import COLUMNS, Panel, draw_sheet
from tasks.transform.look.slices import Sample, View, facts_of, make_panel, sample_series, told, told_reasons
from tasks.transform.regions import assign_regions, target_of
from tasks.transform.roi.load import Source, load_rois, open_source
from tasks.transform.roi.model import Roi
from tasks.transform.volumes.series import Candidate, Series, find_series
from tasks.transform.volumes.sources import read_header

VOLUMES = 6
"""Volumes of a series that its sheet shows; of more, how many there are is said."""

Progress = Callable[[int, int], None]


@dataclass
class Looked:
    """What was drawn: files, and the series (by number) of which nothing could be shown."""

    files: int = 0
    empty: list[int] = field(default_factory=list)


def look(
    source: Path,
    target: Path,
    settings: TransformSettings,
    regions: Sequence[Path] = (),
    *,
    slices: int = 12,
    header_windows: bool = True,
    progress: Progress | None = None,
) -> Looked:
    """Draw the series of `source` into the new folder `target`, whole or not at all.

    `slices` is how many a volume shows. Raises `ConfigurationError` where `target` is in use, there are no images, or a
    file of `regions` belongs to no volume.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError("the destination is not empty: give a new folder")
    opened = [open_source(path) for path in regions]
    found = find_series([source], settings).series
    if not found:
        raise ConfigurationError("there are no images in the source: `sluice inspect` says what there is")
    wanted = _assigned(opened, found)
    of_patients: dict[bytes, list[Series]] = {}
    samples: dict[int, Sample] = {}
    done, view = Looked(), View(settings, header_windows)
    with atomic_directory(target) as draft:
        for count, series in enumerate(found, start=1):
            if series.candidates:
                of_patients.setdefault(_patient(series), []).append(series)
                sample = sample_series(series, view)
                _draw_series(draft, series, view, sample, opened, wanted, slices)
                sample.values = sample.values[:0]  # the sheet of the patient has no histogram
                samples[series.number] = sample
                done.files += 2
            else:
                done.empty.append(series.number)
            if progress:
                progress(count, len(found) + 1)
        for number, own in enumerate(of_patients.values(), start=1):
            panels = [
                make_panel(series, index, view, samples[series.number], COLUMNS, laid)
                for series in own
                for index, laid in _laid(series, opened, wanted, COLUMNS, 2)
            ]
            (draft / f"patient-{number:02d}.png").write_bytes(draw_sheet(f"Patient {number}", panels))
            done.files += 1
        if not samples:
            raise ConfigurationError("no image of the source can be shown: `sluice inspect` says why")
    return done


def describe_stacks(series: Series) -> list[Stack]:
    """The positions of the slices of each volume, those of unknown geometry left out."""
    stacks = []
    for number, candidate in enumerate(series.candidates, start=1):
        places = [one.plane.position for one in candidate.slices]
        label = ", ".join(f"{name} {value}" for name, value in candidate.label.items() if name != "volume")
        known = sorted(place for place in places if place is not None)
        stacks.append(
            Stack(f"volume {number} {label}".strip(), known, candidate.grid.spacing[0] if candidate.grid else None)
        )
    return stacks


def make_report(series: Series, sample: Sample) -> Report:
    """What the report of a series shows: all of its values, the geometry and findings of each volume."""
    first = series.candidates[0]
    facts = []
    for number, candidate in enumerate(series.candidates[:VOLUMES], start=1):
        head = f"volume {number}: " if len(series.candidates) > 1 else ""
        facts.append(head + " · ".join([*facts_of(series, number, sample), *_cosines(candidate)]))
    if len(series.candidates) > VOLUMES:
        facts.append(f"{len(series.candidates) - VOLUMES} more volumes")
    notes = {note: None for candidate in series.candidates for note in candidate.notes}
    return Report(
        title=f"series {series.number} · {series.modality} · {series.instances} instances",
        facts=facts,
        findings=[*told(notes), *told_reasons(sample.reasons)],
        values=sample.values,
        unit=first.slices[0].values.unit,
        windows=[window for window, _ in sample.windows.most_common(3)],
        stacks=describe_stacks(series),
    )


def _draw_series(
    draft: Path,
    series: Series,
    view: View,
    sample: Sample,
    opened: Sequence[Source],
    wanted: dict[tuple[int, int], list[int]],
    slices: int,
) -> None:
    shown = _laid(series, opened, wanted, slices, VOLUMES)
    panels: list[Panel] = [make_panel(series, number, view, sample, slices, laid) for number, laid in shown]
    hidden = len(series.candidates) - VOLUMES
    foot = f"{hidden} more volumes of this series are not shown" if hidden > 0 else ""
    name = f"series-{series.number:03d}"
    (draft / f"{name}.png").write_bytes(draw_sheet(f"Series {series.number}", panels, foot))
    (draft / f"{name}-report.png").write_bytes(draw_report(make_report(series, sample)))


def _assigned(opened: Sequence[Source], found: Sequence[Series]) -> dict[tuple[int, int], list[int]]:
    """Files of regions by (series, volume), both from 1."""
    volumes = [(series, number, one) for series in found for number, one in enumerate(series.candidates, 1) if one.grid]
    if opened and not volumes:
        raise ConfigurationError("--roi: no series of SRC makes a volume to lay regions on; see `sluice inspect`")
    wanted = assign_regions(opened, [(series, one) for series, _, one in volumes]) if opened else []
    return {(series.number, number): files for (series, number, _), files in zip(volumes, wanted, strict=False)}


def _laid(
    series: Series, opened: Sequence[Source], wanted: dict[tuple[int, int], list[int]], slices: int, most: int
) -> Iterator[tuple[int, Laid]]:
    for number, candidate in enumerate(series.candidates[:most], start=1):
        files = [opened[file - 1] for file in wanted.get((series.number, number), [])]
        yield number, lay(load_all(files, series, candidate), candidate, slices)


def load_all(files: Sequence[Source], series: Series, candidate: Candidate) -> Iterator[Roi]:
    """The regions of all `files` on a volume, one after the other."""
    for source in files:
        yield from load_rois(source, target_of(series, candidate))


def _cosines(candidate: Candidate) -> list[str]:
    """Directions of rows and columns, and whether slices follow each other in the order of their numbers."""
    first = candidate.slices[0].plane
    if first.orientation is None:
        return []
    row, column = ("(" + ", ".join(f"{part:.3g}" for part in half) + ")" for half in _halves(first.orientation))
    numbers = [one.plane.instance_number or 0 for one in candidate.slices]
    rising = all(before <= after for before, after in pairwise(numbers))
    order = "with" if rising else "not with"
    return [f"rows along {row}, columns along {column}".replace("-", "−"), f"position rises {order} InstanceNumber"]


def _halves(orientation: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return orientation[:3], orientation[3:]


def _patient(series: Series) -> bytes:
    """What tells one patient from another; shown to nobody."""
    ds = read_header(series.candidates[0].slices[0].place)
    return hashlib.sha256("\0".join([text(ds, "PatientID") or "", text(ds, "PatientName") or ""]).encode()).digest()
