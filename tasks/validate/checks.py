"""Columns derived for the gates: for each row of a table, whether something holds that no single column shows.

Keys between tables, files, leaks over splits, text that does not belong. The suites of expectations/ then expect
these columns to be true. All of them are bool and computed in memory; none is ever written into a table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from tasks.validate.tables import Curated, files_exist

LISTS = frozenset({"references", "icd10", "quality_note"})  # our own JSON and phrases, long on purpose
LONGEST_TEXT = 100  # characters; DICOM's LO holds 64, and a narrative is longer
MOST_WORDS = 12
SMALLEST_FOR_SHARES = 20  # patients; below, shares are a matter of rounding
SHARE_TOLERANCE = 0.1
EARLIEST_YEAR = 1900

_OUR_UID = re.compile(r"2\.25\.[0-9]{1,39}|1\.2\.840\.10008(\.[0-9]+)+")
_IDENTIFYING = re.compile(
    r"(patient|last|sur|family|first|given|reader|institution|referringphysician)?name|(other)?patientids?"
    r"|mrn|medicalrecordnumber|ssn|accession(number)?|(patient)?birthdate|dateofbirth|dob|address|street|phone|telephone"
    r"|email|original(sop|study|series)?(instance)?uid|orthancid|source(path|file)|filename|reader|radiologist|physician"
    r"|operators?(name)?"
)


def with_checks(curated: Curated) -> dict[str, pd.DataFrame]:
    """Each curated table with its derived columns."""
    makers: dict[str, Callable[[Curated], Mapping[str, pd.Series]]] = {
        "instances": _instances,
        "series": _series,
        "studies": _studies,
        "patients": _patients,
        "labels": _labels,
        "splits": _splits,
    }
    checked = {}
    for table, frame in curated.frames.items():
        derived = {**makers[table](curated), **_privacy(frame)}
        checked[table] = frame.assign(**{name: held.fillna(False).astype(bool) for name, held in derived.items()})
    return checked


def _instances(curated: Curated) -> dict[str, pd.Series]:
    patient = curated.column("instances", "patient")
    image = curated.column("instances", "kind") == "image"
    has_image, has_object = (curated.column("instances", name).notna() for name in ("image_path", "object_path"))
    described = [curated.column("instances", name).notna() for name in ("mean", "std", "content_sha256", "png_sha256")]
    return {
        "unit_is_known": _known(curated, "instances", "unit", "series"),
        "study_is_known": _known(curated, "instances", "study", "studies"),
        "patient_is_known": _known(curated, "instances", "patient", "patients"),
        "patient_of_study_agrees": patient == _through(curated, "instances", "study", "studies", "patient"),
        "patient_of_unit_agrees": patient == _through(curated, "instances", "unit", "series", "patient"),
        "study_of_unit_agrees": curated.column("instances", "study")
        == _through(curated, "instances", "unit", "series", "study"),
        "has_one_place": has_image ^ has_object,
        "file_exists": files_exist(curated),
        "image_is_described": ~image | pd.concat(described, axis=1).all(axis=1),
        "pixels_stay_in_one_split": _pixels_in_one_split(curated),
        "references_are_pseudonymous": _each(curated.column("instances", "references"), _only_our_uids),
    }


def _series(curated: Curated) -> dict[str, pd.Series]:
    return {
        "study_is_known": _known(curated, "series", "study", "studies"),
        "patient_is_known": _known(curated, "series", "patient", "patients"),
        "patient_of_study_agrees": curated.column("series", "patient")
        == _through(curated, "series", "study", "studies", "patient"),
        "instances_are_counted": curated.column("series", "images") + curated.column("series", "objects")
        == _count(curated, "series", "unit", "instances", ["instance", "frame"]),
        "date_is_plausible": _plausible_dates(curated, "series"),
    }


def _studies(curated: Curated) -> dict[str, pd.Series]:
    valued = curated.column("labels", "value").notna() & (curated.column("labels", "label") == curated.label)
    labelled = set(curated.column("labels", "study")[valued.fillna(False).astype(bool)])
    return {
        "patient_is_known": _known(curated, "studies", "patient", "patients"),
        "series_are_counted": curated.column("studies", "series")
        == _count(curated, "studies", "study", "series", ["unit"]),
        "date_is_plausible": _plausible_dates(curated, "studies"),
        "is_labelled": curated.column("studies", "study").isin(labelled),
    }


def _patients(curated: Curated) -> dict[str, pd.Series]:
    return {
        "has_split": _known(curated, "patients", "patient", "splits"),
        "studies_are_counted": curated.column("patients", "studies")
        == _count(curated, "patients", "patient", "studies", ["study"]),
    }


def _labels(curated: Curated) -> dict[str, pd.Series]:
    return {
        "study_is_known": _known(curated, "labels", "study", "studies"),
        "patient_is_known": _known(curated, "labels", "patient", "patients"),
        "patient_of_study_agrees": curated.column("labels", "patient")
        == _through(curated, "labels", "study", "studies", "patient"),
    }


def _splits(curated: Curated) -> dict[str, pd.Series]:
    patient, split = (curated.column("splits", name) for name in ("patient", "split"))
    share = split.map(split.value_counts(normalize=True))
    near = (share - split.map(curated.shares)).abs() <= SHARE_TOLERANCE
    classes = curated.column("splits", "stratum").astype("string").str.split("/").str[0]
    used = [name for name, wanted in curated.shares.items() if wanted > 0]
    found = classes.map(split.groupby(classes).nunique())
    feasible = classes.map(classes.value_counts()) >= len(used)
    return {
        "patient_is_known": _known(curated, "splits", "patient", "patients"),
        "split_is_known": split.isin(set(curated.shares)),
        "split_is_as_locked": split == patient.map(curated.locked).astype("string"),
        "share_is_near": near | (len(split) < SMALLEST_FOR_SHARES),
        "class_is_in_each_split": (found >= len(used)) | ~feasible | (classes == "unlabelled"),
    }


def _privacy(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """No column that is named like an identifier, and no cell that reads like a narrative."""
    named = any(_IDENTIFYING.fullmatch(re.sub(r"[^a-z]", "", str(name).lower())) for name in frame.columns)
    plain = pd.Series(True, index=frame.index)
    for name in frame.columns:
        if name not in LISTS and isinstance(frame[name].dtype, pd.StringDtype):
            plain &= _each(frame[name], lambda cell: not _reads_like_text(cell))
    return {"columns_are_safe": pd.Series(not named, index=frame.index), "has_no_free_text": plain}


def _reads_like_text(cell: str) -> bool:
    return len(cell) > LONGEST_TEXT or len(cell.split()) > MOST_WORDS or "\n" in cell.strip()


def _only_our_uids(references: str) -> bool:
    try:
        uids: Iterable[object] = json.loads(references)
        return all(_OUR_UID.fullmatch(str(uid)) for uid in uids)
    except (ValueError, TypeError):
        return False


def _each(cells: pd.Series, holds: Callable[[str], bool]) -> pd.Series:
    """Whether `holds` for each cell; it does for null."""
    return pd.Series([pd.isna(cell) or holds(str(cell)) for cell in cells], index=cells.index, dtype=bool)


def _pixels_in_one_split(curated: Curated) -> pd.Series:
    split = curated.column("instances", "patient").map(curated.pairs("splits", "patient", "split"))
    flat = curated.column("instances", "intensity_min") == curated.column("instances", "intensity_max")
    pixels = curated.column("instances", "content_sha256")
    splits = split.groupby([curated.column("instances", "rows"), curated.column("instances", "columns"), pixels])
    return (splits.transform("nunique").fillna(1) <= 1) | flat.fillna(False).astype(bool) | pixels.isna()


def _plausible_dates(curated: Curated, table: str) -> pd.Series:
    text = curated.column(table, "study_date").astype("string")
    parsed = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    after = parsed > pd.Timestamp(curated.today)
    return text.isna() | (parsed.notna() & ~after & (parsed.dt.year >= EARLIEST_YEAR))


def _known(curated: Curated, table: str, key: str, other: str) -> pd.Series:
    return curated.column(table, key).isin(set(curated.column(other, key).dropna()))


def _through(curated: Curated, table: str, key: str, other: str, value: str) -> pd.Series:
    return curated.column(table, key).map(curated.pairs(other, key, value)).astype("string")


def _count(curated: Curated, table: str, key: str, other: str, rows: list[str]) -> pd.Series:
    """How many distinct `rows` of `other` belong to each key."""
    owned = pd.DataFrame({name: curated.column(other, name) for name in [key, *rows]}).drop_duplicates()
    return curated.column(table, key).map(owned[key].value_counts()).fillna(0).astype("Int64")
