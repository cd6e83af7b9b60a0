"""The defects: what is wrong, the rule that must stop it, and the rules that may stop it too since they see the same.

Each works on any ground that has CT volumes of several slices, labels and three splits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from tasks.validate.tables import Curated
from tests.support.tables import pseudonym

NARRATIVE = "seen on Monday by the senior who found nothing at all of any note here"
Plant = Callable[[Curated], Curated]


@dataclass(frozen=True)
class Seeded:
    """One defect. `also` are rules that see the same defect from another side; `k` is asked of k-anonymity."""

    what: str
    rule: str
    plant: Plant
    also: tuple[str, ...] = ()
    k: int | None = None


def change(table: str, how: Callable[[pd.DataFrame], pd.DataFrame]) -> Plant:
    """One table is another."""
    return lambda curated: with_table(curated, table, how(curated.frames[table].copy()))


def with_table(curated: Curated, table: str, frame: pd.DataFrame) -> Curated:
    """`curated` with another frame for `table`."""
    return replace(curated, frames={**curated.frames, table: frame})


def cell(table: str, column: str, value: Any, row: int = 0) -> Plant:
    """One cell is another."""

    def how(frame: pd.DataFrame) -> pd.DataFrame:
        kept = frame[column].tolist()
        kept[row] = value(kept[row]) if callable(value) else value
        frame[column] = pd.Series(kept, index=frame.index, dtype=frame[column].dtype)
        return frame

    return change(table, how)


def column(table: str, name: str, how: Callable[[pd.Series], Any]) -> Plant:
    """One column is another."""
    return change(table, lambda frame: frame.assign(**{name: how(frame[name])}))


def again(table: str, **changes: Any) -> Plant:
    """The first row comes twice, the second time with `changes`."""
    return change(table, lambda frame: pd.concat([frame, frame.iloc[[0]].assign(**changes)], ignore_index=True))


def volume(curated: Curated) -> pd.DataFrame:
    """The rows of the first CT of which one volume can be made, by slice."""
    series = curated.frames["series"]
    sound = series[(series["modality"] == "CT") & (series["volumes"] == 1) & (series["duplicates_dropped"] == 0)]
    rows = curated.frames["instances"]
    return rows[rows["unit"] == sound["unit"].iloc[0]].sort_values("slice_index")


def in_volume(table: str, name: str, how: Callable[[pd.Series], Any]) -> Plant:
    """A column is another for the rows of that volume: its slices, or the one row of its series."""

    def plant(curated: Curated) -> Curated:
        frame = curated.frames[table].copy()
        mine = frame["unit"] == volume(curated)["unit"].iloc[0]
        frame.loc[mine, name] = how(frame.loc[mine, name])
        return with_table(curated, table, frame)

    return plant


def one_value(name: str) -> Plant:
    """An intensity of that volume is -1000 on all slices."""
    return in_volume("instances", name, lambda cells: cells * 0 - 1000.0)


def over_splits(name: str, how: Callable[[str], str]) -> Plant:
    """An image of a patient who trains is, in the column `name`, made from one of a patient who tests."""

    def plant(curated: Curated) -> Curated:
        frame, splits = curated.frames["instances"].copy(), curated.frames["splits"]
        split = frame["patient"].map(dict(zip(splits["patient"], splits["split"], strict=True)))
        varied = (frame["kind"] == "image") & (frame["intensity_min"] != frame["intensity_max"])
        target, source = (frame.index[varied & (split == wanted)][0] for wanted in ("train", "test"))
        frame.loc[target, name] = how(frame.loc[source, name])
        if name == "content_sha256":
            for size in ("rows", "columns"):
                frame.loc[target, size] = frame.loc[source, size]
        return with_table(curated, "instances", frame)

    return plant


def nearly(hash_: str) -> str:
    """A perceptual hash six bits away: the same picture in another window."""
    return f"{int(hash_, 16) ^ 0x1000100010001000010001:064x}"


def lose_slice(curated: Curated) -> Curated:
    """A slice in the middle of a volume is gone, and the counts were written after it went."""
    rows, instances, series = volume(curated), curated.frames["instances"], curated.frames["series"].copy()
    unit = rows["unit"].iloc[0]
    series.loc[series["unit"] == unit, "images"] -= 1
    kept = instances.drop(index=rows.index[len(rows) // 2]).reset_index(drop=True)
    return with_table(with_table(curated, "instances", kept), "series", series)


def lose_series(curated: Curated) -> Curated:
    """A series is gone as if it had never been selected for the release."""
    unit, lost = volume(curated)["unit"].iloc[0], curated
    for table in ("instances", "series"):
        frame = lost.frames[table]
        lost = with_table(lost, table, frame[frame["unit"] != unit].reset_index(drop=True))
    study = volume(curated)["study"].iloc[0]
    studies = lost.frames["studies"].copy()
    studies.loc[studies["study"] == study, "series"] -= 1
    return with_table(lost, "studies", studies)


def half_gone(curated: Curated) -> Curated:
    """The last release had twice as much."""
    release = curated.frames["release"].copy()
    for name in ("last_patients", "last_series", "last_instances"):
        release[name] = release[name] * 2
    return with_table(curated, "release", release)


def not_passed(curated: Curated) -> Curated:
    """One instance got into the tables without the residual check."""
    first = curated.frames["instances"].iloc[0]
    passed = curated.books.passed - {(first["unit"], first["instance"])}
    return replace(curated, books=replace(curated.books, passed=passed))


def strange(prefix: str) -> str:
    """A pseudonym that nobody has."""
    return pseudonym(prefix, "stranger")


def stranger_series(curated: Curated) -> Curated:
    """A series that was never selected, complete with its tables."""
    frame, series = curated.frames["instances"], curated.frames["series"]
    unit, new = volume(curated)["unit"].iloc[0], strange("u")
    swapped = with_table(curated, "instances", frame.assign(unit=frame["unit"].replace(unit, new)))
    return with_table(swapped, "series", series.assign(unit=series["unit"].replace(unit, new)))


def other_patient(curated: Curated) -> Curated:
    """A study is given to another patient in every table: two people were mixed up after the selection."""
    unit = volume(curated)["unit"].iloc[0]
    patient = curated.frames["cohort"].set_index("unit")["patient"]
    other = next(each for each in curated.frames["patients"]["patient"] if each != patient[unit])
    cohort = curated.frames["cohort"].copy()
    cohort.loc[cohort["unit"] == unit, "patient"] = other
    return with_table(curated, "cohort", cohort)


def without(name: str) -> Plant:
    """A column of instances is gone."""
    return change("instances", lambda frame: frame.drop(columns=name))


def rare_patient(curated: Curated) -> Curated:
    """A patient is the only one of a sex in the release."""
    return cell("patients", "sex", "O")(curated)


SEEDED = (
    Seeded("a patient is in two splits", "splits/patient-is-in-one-split", again("splits", split="test"),
           ("splits/split-is-as-locked", "splits/class-is-in-each-split")),
    Seeded("a patient moved from training to test", "splits/split-is-as-locked",
           change("splits", lambda frame: frame.assign(split=frame["split"].mask(
               frame.index == frame.index[frame["split"] == "train"][0], "test")))),
    Seeded("the same image in training and test", "instances/pixels-in-one-split", over_splits("content_sha256", str)),
    Seeded("nearly the same image in training and test", "instances/lookalikes-in-one-split",
           over_splits("perceptual_hash", nearly)),
    Seeded("a series belongs to another patient than selected", "cohort/series-is-of-its-patient", other_patient,
           ("patients/patient-is-in-cohort",)),
    Seeded("a series that was never selected", "instances/series-is-in-cohort", stranger_series,
           ("cohort/series-is-complete", "instances/residual-check-is-clean")),
    Seeded("a slice is lost on the way", "series/no-slice-is-missing", lose_slice,
           ("cohort/series-is-complete", "release/counts-do-not-fall")),
    Seeded("a series is lost on the way", "cohort/series-is-complete", lose_series,
           ("release/counts-do-not-fall", "studies/series-are-counted")),
    Seeded("the counts of a series are off", "series/instances-are-counted",
           cell("series", "images", lambda count: count + 1)),
    Seeded("a row of an instance comes twice", "instances/frame-is-there-once", again("instances"),
           ("instances/instance-is-in-one-series", "instances/image-path-is-its-own", "series/slices-are-in-order")),
    Seeded("a patient has two rows", "patients/patient-is-there-once", again("patients")),
    Seeded("a key is missing", "instances/instance-is-given", cell("instances", "instance", pd.NA),
           ("instances/residual-check-is-clean", "series/instances-are-counted", "cohort/series-is-complete")),
    Seeded("numbers written as text", "series/types-are-kept",
           column("series", "rows", lambda cells: cells.astype("string"))),
    Seeded("a column that nobody promised", "series/no-unknown-columns",
           change("series", lambda frame: frame.assign(remark="fine"))),
    Seeded("a column is gone", "instances/columns-exist", without("window_center")),
    Seeded("pixel spacing of a CT in centimetres", "series/ct-field-of-view-is-in-millimetres",
           change("series", lambda frame: frame.assign(**{name: frame[name].mask(frame["modality"] == "CT",
                  frame[name] / 10) for name in ("spacing_row_mm", "spacing_column_mm")})),
           ("series/spacing-row-mm-is-distributed-as-before",)),
    Seeded("a CT without its offset of -1024 HU", "series/ct-reaches-air",
           in_volume("instances", "intensity_min", lambda cells: cells + 1024)),
    Seeded("the distance of slices is negative", "series/slice-spacing-is-not-negative",
           in_volume("series", "slice_spacing_mm", lambda cells: -cells),
           ("series/slice-spacing-is-that-of-positions", "series/slice-spacing-is-plausible")),
    Seeded("the distance of slices in centimetres", "series/slice-spacing-is-that-of-positions",
           in_volume("series", "slice_spacing_mm", lambda cells: cells / 10), ("series/no-slice-is-missing",)),
    Seeded("slices numbered in another order", "series/slices-are-in-order",
           in_volume("instances", "slice_index", lambda cells: [2, 1, *cells.tolist()[2:]]),
           ("series/no-slice-is-missing",)),
    Seeded("one slice of an axial volume is sagittal", "series/one-orientation-a-volume",
           in_volume("instances", "orientation", lambda cells: ["sagittal", *cells.tolist()[1:]])),
    Seeded("a series decoded to one grey value", "series/series-is-not-blank",
           lambda curated: one_value("intensity_max")(one_value("intensity_min")(curated))),
    Seeded("an image without measured intensities", "instances/image-is-described", cell("instances", "mean", pd.NA)),
    Seeded("largest and smallest intensity swapped", "instances/intensities-are-numbers",
           in_volume("instances", "intensity_max", lambda cells: cells * 0 - 3000.0)),
    Seeded("a CT that says it is an MR", "series/modality-of-instances-agrees",
           in_volume("series", "modality", lambda cells: "MR")),
    Seeded("an MR in Hounsfield units", "instances/hounsfield-units-are-of-ct",
           change("instances", lambda frame: frame.assign(intensity_unit=frame["intensity_unit"].mask(
               frame["modality"] == "MR", "HU")))),
    Seeded("0 bits stored", "instances/bits-are-plausible", cell("instances", "bits_stored", 0)),
    Seeded("an age below 0", "patients/age-is-plausible", cell("patients", "age_years", -1.0)),
    Seeded("an age above 90, which identifies", "patients/age-is-capped", cell("patients", "age_years", 97.0)),
    Seeded("the labels are inverted", "labels/labels-agree-with-splits",
           column("labels", "value", lambda cells: 1 - cells), ("labels/value-is-distributed-as-before",)),
    Seeded("label and source change places", "labels/label-is-one-of-params",
           change("labels", lambda frame: frame.assign(label=frame["source"], source=frame["label"])),
           ("studies/most-studies-are-labelled", "labels/source-is-known", "studies/study-is-labelled")),
    Seeded("most labels are missing", "studies/most-studies-are-labelled",
           change("labels", lambda frame: frame.head(4)),
           ("studies/study-is-labelled", "release/counts-do-not-fall", "release/counts-do-not-collapse")),
    Seeded("one class only", "labels/classes-are-not-rare", column("labels", "value", lambda cells: cells * 0),
           ("labels/labels-agree-with-splits", "labels/value-is-distributed-as-before")),
    Seeded("all series come from another scanner", "series/manufacturer-is-distributed-as-before",
           column("series", "manufacturer", lambda cells: "Newcomer"), ()),
    Seeded("half of the last release is gone", "release/counts-do-not-collapse", half_gone,
           ("release/counts-do-not-fall",)),
    Seeded("an instance skipped the residual check", "instances/residual-check-is-clean", not_passed),
    Seeded("the scorecard is of an older engine", "release/scorecard-is-current",
           cell("release", "scorecard_is_current", value=False)),
    Seeded("the scorecard found identifiers", "release/scorecard-is-clean",
           cell("release", "scorecard_is_clean", value=False)),
    Seeded("params.yaml changed after de-identification", "release/profile-is-applied",
           cell("release", "profile_is_applied", value=False)),
    Seeded("a patient stands out by sex", "series/groups-are-of-k-patients", rare_patient,
           ("patients/sex-is-distributed-as-before",), k=5),
    Seeded("a UID of the source is left", "series/series-is-a-new-uid",
           cell("series", "series", "1.3.12.2.1107.5.1.4.54693")),
    Seeded("an image lies under a name of the source", "instances/image-path-is-pseudonymous",
           cell("instances", "image_path", "CT/MILLER_JANE_0001.png"), ("instances/file-exists",)),
    Seeded("a narrative in a column", "series/no-free-text",
           column("series", "model", lambda cells: NARRATIVE),
           ("series/model-is-distributed-as-before",)),
    Seeded("an object refers to a UID of nobody", "instances/references-are-new-uids",
           change("instances", lambda frame: frame.assign(references=frame["references"].mask(
               frame["references"].notna(), '["1.3.12.2.1107.5.1.4.1"]')))),
)  # fmt: skip
"""Every defect that `make gates` seeds."""
