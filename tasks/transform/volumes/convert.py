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

import numpy as np

from tasks.core.errors import ConfigurationError, UnitError
from tasks.core.files import atomic_directory, write_json
from tasks.core.reasons import Reason
from tasks.core.settings import TransformSettings
from tasks.transform.codecs import describe_decoder
from tasks.transform.rows import rounded
from tasks.transform.steps.chain import UNITLESS, describe_chain
from tasks.transform.volumes.noted import Note, VolumeRefused
from tasks.transform.volumes.pictures import write_pictures
from tasks.transform.volumes.report import describe_candidate, describe_notes, describe_series, describe_source
from tasks.transform.volumes.series import Candidate, Series, find_series
from tasks.transform.volumes.stacked import find_runs, write_run
from tasks.transform.volumes.write import Laid, write_nifti, write_npy

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
    four_d: bool = False,
    progress: Progress | None = None,
) -> Converted:
    """Convert `source` into the new folder `target`, whole or not at all.

    `four_d` stacks volumes that follow each other in time into one NIfTI. `uids` writes the UIDs of series and
    instances into the JSON files, which otherwise hold no identifier. Raises `ConfigurationError` where `target` is in
    use, and `VolumeRefused` where there is nothing to write.
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
            elif four_d and form == "nifti":
                _write_runs(folder, series, settings, done)
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
                "steps": describe_chain(settings.steps),
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
        chosen = [one for one in settings.steps if one.is_for(candidate.slices[0].modality)]
        if grid is None:
            done.refused.extend((series.number, note) for note in candidate.notes if note.refuses)
            continue
        try:
            laid = write(folder / f"{name}{_SUFFIX[form]}", candidate, settings)
        except UnitError as error:
            done.reasons[error.reason] += 1
            continue
        told: dict[str, Any] = describe_candidate(candidate, number, series)
        told |= {"modality": series.modality, "findings": describe_notes(candidate.notes)}
        told |= {"decoders": _decoders(candidate), "steps": describe_chain(chosen)}
        if chosen:
            told |= _after_steps(laid, unitless=any(one.step.drops_unit for one in chosen))
        if uids:
            told |= {
                "series_uid": series.uid,
                "frame_of_reference_uid": candidate.slices[0].frame_of_reference,
                "sop_uids": [
                    candidate.slices[lower].plane.sop if share == 0.0 else None for lower, _, share in grid.sources
                ]
                if laid.shape[0] == len(grid.sources)
                else None,  # resampled: no slice is that of one instance
            }
        write_json(folder / f"{name}.json", told)
        done.files += 1


def _write_runs(folder: Path, series: Series, settings: TransformSettings, done: Converted) -> None:
    """Volumes that follow each other in time as one file, run-01.nii.gz and so on."""
    for candidate in series.candidates:
        if candidate.grid is None:
            done.refused.extend((series.number, note) for note in candidate.notes if note.refuses)
    for number, run in enumerate(find_runs(series), start=1):
        name, first = f"run-{number:02d}", run.candidates[0]
        try:
            laid, count = write_run(folder / f"{name}.nii.gz", run, settings)
        except UnitError as error:
            done.reasons[error.reason] += 1
            continue
        told: dict[str, Any] = describe_candidate(first, run.numbers[0], series)
        told |= {"modality": series.modality, "findings": describe_notes(first.notes), "decoders": _decoders(first)}
        told |= {"volumes": list(run.numbers), "times_s": run.times and list(run.times), "time_step_s": run.step}
        told["shape"] = [count, *laid.shape]
        write_json(folder / f"{name}.json", told)
        done.files += 1


def _decoders(candidate: Candidate) -> dict[str, str]:
    """What decoded the slices, by transfer syntax."""
    return {syntax: describe_decoder(syntax) for syntax in sorted({one.syntax for one in candidate.slices})}


def _after_steps(laid: Laid, *, unitless: bool) -> dict[str, Any]:
    """The geometry that the file has after the steps, in place of the series's own."""
    lengths = np.linalg.norm(laid.affine[:3, :3], axis=0)[::-1]
    told: dict[str, Any] = {
        "shape": list(laid.shape),
        "dtype": laid.dtype.name,
        "spacing_mm": [rounded(float(part)) for part in lengths],
        "affine_lps": [[rounded(float(part)) for part in row] for row in laid.affine],
    }
    return told | ({"unit": UNITLESS} if unitless else {})
