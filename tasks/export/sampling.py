"""A stratified sample of a release that keeps patients together: the same seed draws the same, in any order."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import pandas as pd

from tasks.core.errors import ConfigurationError
from tasks.record.releases.cohorts import COLUMN, Level

NOTHING = "unknown"
_OF_PATIENT = ("sex", "age_years")
"""Columns that the series' headers say too, where they can contradict each other."""


@dataclass(frozen=True)
class Stratum:
    """How many items and patients there are of one kind, and how many were drawn."""

    values: tuple[str, ...]
    items: int
    patients: int
    drawn: int
    drawn_patients: int


@dataclass(frozen=True)
class Sample:
    """The rows that were drawn (ids and what they were stratified by), sorted by id, and the strata they are from."""

    rows: pd.DataFrame
    strata: tuple[Stratum, ...]


def draw(items: pd.DataFrame, by: Level, stratify: Sequence[str], size: int, seed: int = 0) -> Sample:
    """`size` items, from each stratum in proportion to its items.

    `items` is as `items_of` makes it. A patient is in one stratum: that of all values that their items have, such as
    `CT+MR`. Within a stratum patients are drawn one after the other, each with all of theirs until its share is full:
    at most one patient of a stratum is in the sample in part.
    """
    if size < 1:
        raise ConfigurationError("-n must be 1 or more")
    column = COLUMN[by]
    kinds = {str(patient): _kind(rows, stratify) for patient, rows in items.groupby("patient", sort=True)}
    kind_of = [kinds[str(patient)] for patient in items["patient"]]
    groups = {kind: items[[one == kind for one in kind_of]] for kind in sorted(set(kinds.values()))}
    shares = _shares({kind: len(rows) for kind, rows in groups.items()}, size)
    drawn, strata = [], []
    for kind, rows in groups.items():
        order = sorted(range(len(rows)), key=_lot(rows, column, seed))
        taken = rows.iloc[order[: shares[kind]]]
        drawn.append(taken)
        counts = (len(rows), rows["patient"].nunique(), len(taken), taken["patient"].nunique())
        strata.append(Stratum(kind, *counts))
    sample = pd.concat(drawn).sort_values([column]).reset_index(drop=True) if drawn else items
    return Sample(sample, tuple(strata))


def items_of(tables: dict[str, pd.DataFrame], by: Level, stratify: Sequence[str]) -> pd.DataFrame:
    """One row an item of the level, with its patient and the columns to stratify by, whichever table they are in.

    Raises `ConfigurationError` that names the nearest column where there is none of that name. A label counts as a
    column, with its value for the study.
    """
    base = {"patient": "patients", "study": "studies", "series": "series", "instance": "instances"}[by]
    if not stratify:
        raise ConfigurationError("--stratify needs columns, such as sex,modality")
    rows = tables[base]
    if by in ("patient", "study") and not set(stratify) <= set(rows.columns):
        rows = tables["series"]  # what is said of series: a patient has several, so it becomes CT+MR
    labels = tables["labels"]
    wide = labels.pivot(index="study", columns="label", values="value").reset_index()
    found: dict[str, pd.Series] = {}
    for name in stratify:
        found[name] = _column(name, rows, tables, wide)
    ids = list(dict.fromkeys(("patient", COLUMN[by])))
    return rows[ids].assign(**{name: values.to_numpy() for name, values in found.items()}).pipe(_once, ids, stratify)


def _once(rows: pd.DataFrame, ids: list[str], stratify: Sequence[str]) -> pd.DataFrame:
    """One row an item: several values become one, such as CT+MR."""
    words = rows.assign(**{name: rows[name].astype("string").fillna(NOTHING) for name in stratify})
    grouped = words.groupby(ids[-1], sort=True, as_index=False)
    together = {name: lambda values: "+".join(sorted(set(values))) for name in stratify}
    return grouped.agg({**dict.fromkeys(ids[:-1], "first"), **together})


def _column(name: str, rows: pd.DataFrame, tables: dict[str, pd.DataFrame], labels: pd.DataFrame) -> pd.Series:
    if name in rows.columns and name not in _OF_PATIENT:
        return rows[name]
    keys = {"splits": "patient", "patients": "patient", "studies": "study", "series": "unit"}
    for table in ("patients", "splits", "studies", "series"):
        if name in tables[table].columns and keys[table] in rows.columns:
            return rows[keys[table]].map(tables[table].set_index(keys[table])[name])
    if name in labels.columns and "study" in rows.columns:
        return rows["study"].map(labels.set_index("study")[name])
    known = sorted({str(column) for table in tables.values() for column in table.columns} | set(labels.columns))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    raise ConfigurationError(
        f"--stratify: no column {name} at this level; {f'did you mean {near[0]}?' if near else 'see `DESCRIBE series`'}"
    )


def _kind(rows: pd.DataFrame, stratify: Sequence[str]) -> tuple[str, ...]:
    return tuple("+".join(sorted({part for value in rows[name] for part in value.split("+")})) for name in stratify)


def _shares(sizes: dict[tuple[str, ...], int], size: int) -> dict[tuple[str, ...], int]:
    """By largest remainder; all of them where there are no more than were asked for."""
    total = sum(sizes.values())
    wanted = min(size, total)
    exact = {kind: Fraction(wanted * count, total) for kind, count in sizes.items()}
    shares = {kind: int(share) for kind, share in exact.items()}
    rest = sorted(sizes, key=lambda kind: (shares[kind] - exact[kind], kind))
    for kind in rest[: wanted - sum(shares.values())]:
        shares[kind] += 1
    return shares


def _lot(rows: pd.DataFrame, column: str, seed: int) -> Callable[[int], tuple[str, str]]:
    """The place of a row in the draw: by its patient's lot, then its own."""
    patients, names = rows["patient"].tolist(), rows[column].tolist()

    def key(at: int) -> tuple[str, str]:
        return _hash(seed, patients[at]), _hash(seed, f"{patients[at]}/{names[at]}")

    return key


def _hash(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
