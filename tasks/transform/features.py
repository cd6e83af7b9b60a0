"""From a source of DICOM and files of regions to a feature table: which regions belong to which volume, and the rows.

Joins the rooms within transform: volumes/ loads, roi/ lays regions on them, radiomics/ calculates. One volume is in
memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.core.settings import TransformSettings
from tasks.core.settings.radiomics import RadiomicsSettings
from tasks.transform.radiomics.engine import Values
from tasks.transform.radiomics.extract import extract_features
from tasks.transform.radiomics.robustness import perturbed_values
from tasks.transform.radiomics.table import make_row, write_features, write_robustness
from tasks.transform.regions import assign_regions, target_of
from tasks.transform.roi.load import Source, Target, load_rois, open_source
from tasks.transform.roi.model import whole_volume
from tasks.transform.volumes.noted import VolumeRefused
from tasks.transform.volumes.series import find_series
from tasks.transform.volumes.volume import Volume, assemble

Told = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """What was written: rows, rows with a problem, values; and each problem or finding with its number of rows."""

    rows: int
    incomplete: int
    values: int
    dictionary: Path
    codes: dict[str, int]


def tabulate_features(
    source: Path,
    regions: Sequence[Path],
    target: Path,
    settings: RadiomicsSettings,
    transform: TransformSettings | None = None,
    told: Told = lambda _: None,
    repeats: int = 0,
) -> Summary:
    """Write the features of every region of `regions`, or of whole volumes where there are none, to `target`.

    A region file goes to the volumes that it names most surely: by instance, else series, else frame of reference; one
    that names nothing goes to the only volume there is. Raises `ConfigurationError` or `VolumeRefused` in one line
    where nothing can be done. With `repeats` each region is perturbed as many times, and the ICC of each feature
    is written beside the table (.robustness.parquet).
    """
    chosen = transform or TransformSettings()
    opened = [open_source(path) for path in regions]
    found = find_series([source], chosen)
    volumes = [(series, one) for series in found.series for one in series.candidates]
    usable = [(series, one) for series, one in volumes if one.grid is not None]
    if not usable:
        raise VolumeRefused(list({note.finding: note for _, one in volumes for note in one.notes}.values()))
    wanted = assign_regions(opened, usable, any_frame=settings.any_frame_of_reference)
    rows: list[dict[str, Any]] = []
    perturbed: list[list[Values]] = []
    for index, (series, candidate) in enumerate(usable):
        files = wanted[index]
        if regions and not files:
            continue
        volume = assemble(series, candidate, chosen)
        told(f"series {volume.series_number}: {volume.modality}, {' x '.join(map(str, volume.array.shape))} voxels")
        laid = [(file, opened[file - 1]) for file in files]
        rows.extend(feature_rows(volume, target_of(series, candidate), laid, settings, repeats, perturbed))
    if repeats:
        write_robustness(perturbed, repeats, settings, target.with_suffix(".robustness.parquet"))
    dictionary = write_features(rows, settings, target)
    return _summarise(rows, dictionary)


def feature_rows(
    volume: Volume,
    target: Target,
    files: Sequence[tuple[int, Source]],
    settings: RadiomicsSettings,
    repeats: int,
    perturbed: list[list[Values]],
) -> Iterator[dict[str, Any]]:
    """A row for each region of `files` (number, source) on `volume`, or for the whole of it where there are none.

    With `repeats`, the values of each perturbed region are added to `perturbed`.
    """
    grid = target.grid
    described = {
        "series": volume.series,
        "series_number": volume.series_number,
        "volume": json.dumps(volume.label, sort_keys=True) if volume.label else "",
        "modality": volume.modality,
        "intensity_unit": volume.unit,
        "volume_findings": "; ".join(map(str, volume.findings)),
    }
    if not files:
        for roi, features in extract_features(
            volume.array, grid, volume.modality, [whole_volume(grid.shape)], settings
        ):
            yield make_row(described, 0, roi, features)
    for file, source in files:
        rois = load_rois(source, target, any_frame=settings.any_frame_of_reference, max_voxels=settings.max_voxels)
        for roi, features in extract_features(volume.array, grid, volume.modality, rois, settings):
            yield make_row(described, file, roi, features)
            if repeats:
                perturbed.append(perturbed_values(volume.array, grid, volume.modality, roi, settings, repeats))


def _summarise(rows: Sequence[dict[str, Any]], dictionary: Path) -> Summary:
    codes: dict[str, int] = {}
    values = 0
    for row in rows:
        told = [part for key in ("problems", "roi_findings") for part in str(row[key]).split("; ") if part]
        for code in {part.rpartition(" (")[0].rpartition(": ")[2] for part in told}:
            codes[code] = codes.get(code, 0) + 1
        values += sum(isinstance(value, float) for value in row.values())
    return Summary(
        len(rows), sum(bool(row["problems"]) for row in rows), values, dictionary, dict(sorted(codes.items()))
    )
