"""`sluice convert`: DICOM to a folder of PNGs, NumPy arrays or NIfTI files, and a page that says what is what.

DST/series-001/volume-01.nii.gz, volume-01.json    (or .npy; or 00001.png … and images.json)
DST/summary.json                                   every series, its volumes, findings, and what was refused
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tasks.core.errors import ConfigurationError, UnitError
from tasks.core.files import atomic_directory, write_json
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.volumes.noted import Note, VolumeRefused
from tasks.transform.volumes.pictures import write_pictures
from tasks.transform.volumes.report import describe_candidate, describe_notes, describe_series, describe_source
from tasks.transform.volumes.series import Series, find_series
from tasks.transform.volumes.write import write_nifti, write_npy

Form = Literal["png", "nifti", "npy"]
Progress = Callable[[int, int], None]

_SUFFIX = {"nifti": ".nii.gz", "npy": ".npy"}


@dataclass
class Converted:
    """What was written and what was not: files; findings that refused volumes; reasons of images."""

    files: int = 0
    refused: list[tuple[int, Note]] = field(default_factory=list)
    reasons: Counter[Reason] = field(default_factory=Counter)


def convert(
    source: Path,
    target: Path,
    form: Form,
    settings: TransformSettings,
    *,
    header_windows: bool = True,
    uids: bool = False,
    progress: Progress | None = None,
) -> Converted:
    """Convert `source` into the new folder `target`, whole or not at all.

    `uids` writes the UIDs of series and instances into the JSON files, which otherwise hold no identifier. Raises
    `ConfigurationError` where `target` is in use, and `VolumeRefused` where there is nothing to write.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigurationError("the destination is not empty: give a new folder")
    found = find_series([source], settings)
    done = Converted(reasons=Counter(found.outside))
    done.reasons.pop(Reason.NOT_DICOM, None)
    with atomic_directory(target) as draft:
        for number, series in enumerate(found.series, start=1):
            folder = draft / f"series-{series.number:03d}"
            folder.mkdir()
            if form == "png":
                rows, failed = write_pictures(folder, series, settings, header_windows=header_windows)
                write_json(folder / "images.json", {"series": describe_series(series), "images": rows})
                done.files += len(rows)
                done.reasons += failed
            else:
                _write_volumes(folder, series, form, settings, done, uids)
            for reason, count in series.reasons.items():
                done.reasons[reason] += count
            if not any(folder.iterdir()):
                folder.rmdir()
            if progress:
                progress(number, len(found.series))
        if not done.files:
            raise VolumeRefused({note.finding: note for _, note in done.refused}.values())
        write_json(
            draft / "summary.json",
            describe_source(found)
            | {
                "settings": settings.model_dump(mode="json"),
                "written": done.files,
                "failed": {reason.code: count for reason, count in sorted(done.reasons.items())},
            },
        )
    return done


def _write_volumes(
    folder: Path,
    series: Series,
    form: Literal["nifti", "npy"],
    settings: TransformSettings,
    done: Converted,
    uids: bool,
) -> None:
    write = write_nifti if form == "nifti" else write_npy
    for number, candidate in enumerate(series.candidates, start=1):
        grid, name = candidate.grid, f"volume-{number:02d}"
        if grid is None:
            done.refused.extend((series.number, note) for note in candidate.notes if note.refuses)
            continue
        try:
            write(folder / f"{name}{_SUFFIX[form]}", candidate.slices, grid, settings)
        except UnitError as error:
            done.reasons[error.reason] += 1
            continue
        told: dict[str, Any] = describe_candidate(candidate, number, series)
        told |= {"modality": series.modality, "findings": describe_notes(candidate.notes)}
        if uids:
            told |= {
                "series_uid": series.uid,
                "frame_of_reference_uid": candidate.slices[0].frame_of_reference,
                "sop_uids": [
                    candidate.slices[lower].plane.sop if share == 0.0 else None for lower, _, share in grid.sources
                ],
            }
        write_json(folder / f"{name}.json", told)
        done.files += 1
