"""Tables that a spreadsheet may open: what would run as a formula is text there, and only there."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.columns import KEYS, OPTIONAL, TABLES, describe
from tasks.export.tables import without_formulas, write_released


@given(st.text(alphabet="=+-@\t\r 0123456789.eEabc(", max_size=12))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(text: str) -> None:
    cell = without_formulas(pd.DataFrame({"a": pd.array([text], dtype="string")}))["a"].iloc[0]
    if cell[:1] in tuple("=+-@\t\r") and cell:
        float(cell)
    assert cell in (text, f"'{text}")


@pytest.mark.parametrize("value", ["-12", "+1.5", "-1e-3", "plain", "'quoted", ""])
def test_numbers_and_plain_words_stay_as_they_are(value: str) -> None:
    assert without_formulas(pd.DataFrame({"a": [value]}))["a"].iloc[0] == value


def test_the_csv_is_neutralised_and_the_parquet_is_not(tmp_path: Path) -> None:
    frame = pd.DataFrame({"model": pd.array(["=1+1", None], dtype="string"), "kvp": [-1.5, 2.0]})
    write_released(frame, tmp_path / "series")
    with (tmp_path / "series.csv").open(newline="") as handle:
        assert list(csv.reader(handle)) == [["model", "kvp"], ["'=1+1", "-1.5"], ["", "2.0"]]
    assert pd.read_parquet(tmp_path / "series.parquet")["model"].iloc[0] == "=1+1"


def test_every_key_is_a_described_column() -> None:
    assert all(set(keys) <= set((TABLES | OPTIONAL)[table]) for table, keys in KEYS.items())
    assert all(column.description for table in TABLES.values() for column in table.values())
    assert describe("labels", "site_score").description == "site score, as the site gave it"
