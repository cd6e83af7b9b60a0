"""Columns derived for the gates on a table as a whole: its columns, their types, and that nothing in it identifies."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from tasks.core.columns import TABLES, describe

LISTS = frozenset({"references", "icd10", "quality_note", "problems", "roi_findings", "volume_findings"})
"""Columns of our own JSON and phrases, long on purpose."""
LONGEST_TEXT = 100  # characters; DICOM's LO holds 64, and a narrative is longer
MOST_WORDS = 12

_IDENTIFYING = re.compile(
    r"(patient|last|sur|family|first|given|reader|institution|referringphysician)?name|(other)?patientids?"
    r"|mrn|medicalrecordnumber|ssn|accession(number)?|(patient)?birthdate|dateofbirth|dob|address|street|phone|telephone"
    r"|email|original(sop|study|series)?(instance)?uid|orthancid|source(path|file)|filename|reader|radiologist|physician"
    r"|operators?(name)?"
)


_KINDS = {"string": "string", "Int64": "integer", "float64": "number", "bool": "boolean"}


def contract(table: str, frame: pd.DataFrame) -> dict[str, pd.Series]:
    """That the table has no column that nobody promised, and each is of its type. A column of nulls is of any."""
    if table not in TABLES:
        return {}
    typed = all(
        frame[name].isna().all() or _is(frame[name], _KINDS[describe(table, str(name)).dtype])
        for name in frame.columns
        if name in TABLES[table]
    )
    return {
        "columns_are_known": pd.Series(set(frame.columns) <= set(TABLES[table]), index=frame.index),
        "types_are_kept": pd.Series(typed, index=frame.index),
    }


def _is(cells: pd.Series, kind: str) -> bool:
    types = pd.api.types
    if kind == "string":
        return bool(types.is_string_dtype(cells.dtype))
    if kind == "boolean":
        return bool(types.is_bool_dtype(cells.dtype))
    return bool(types.is_integer_dtype(cells.dtype) or (kind == "number" and types.is_float_dtype(cells.dtype)))


def privacy(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """No column that is named like an identifier, and no cell that reads like a narrative."""
    named = any(_IDENTIFYING.fullmatch(re.sub(r"[^a-z]", "", str(name).lower())) for name in frame.columns)
    plain = pd.Series(True, index=frame.index)
    for name in frame.columns:
        if name not in LISTS and isinstance(frame[name].dtype, pd.StringDtype):
            plain &= each(frame[name], lambda cell: not _reads_like_text(cell))
    return {"columns_are_safe": pd.Series(not named, index=frame.index), "has_no_free_text": plain}


def each(cells: pd.Series, holds: Callable[[str], bool]) -> pd.Series:
    """Whether `holds` for each cell; it does for null."""
    return pd.Series([pd.isna(cell) or holds(str(cell)) for cell in cells], index=cells.index, dtype=bool)


def _reads_like_text(cell: str) -> bool:
    return len(cell) > LONGEST_TEXT or len(cell.split()) > MOST_WORDS or "\n" in cell.strip()
