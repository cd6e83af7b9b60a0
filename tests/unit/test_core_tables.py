"""Tables between stages: read with nullable types, missed plainly, and described once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.core.columns import TABLES, TRANSFORMED
from tasks.core.errors import ContractViolation
from tasks.core.files import write_table
from tasks.core.tables import read_table


def test_integers_with_gaps_stay_integers_and_columns_can_be_chosen(tmp_path: Path) -> None:
    frame = pd.DataFrame({"rows": pd.array([1, None], dtype="Int64"), "unit": pd.array(["u", "v"], dtype="string")})
    write_table(frame, tmp_path / "series.parquet")
    read = read_table(tmp_path / "series.parquet", "transform")
    assert read["rows"].dtype == "Int64"
    assert list(read_table(tmp_path / "series.parquet", "transform", ["unit"]).columns) == ["unit"]


def test_a_missing_or_damaged_table_names_the_stage_that_makes_it(tmp_path: Path) -> None:
    place = tmp_path / "series.parquet"
    with pytest.raises(ContractViolation, match=r"no series\.parquet in .*: run `python -m tasks\.curate` first"):
        read_table(place, "curate")
    place.write_bytes(b"PAR1 and no table")
    with pytest.raises(ContractViolation, match=r"not a Parquet table: delete it and run `python -m tasks\.curate`"):
        read_table(place, "curate")


@pytest.mark.parametrize("table", sorted(TRANSFORMED))
def test_what_transform_writes_is_released_first_and_in_the_same_order(table: str) -> None:
    made = TRANSFORMED[table]
    assert tuple(TABLES[table].values())[: len(made)] == made
    assert len(TABLES[table]) > len(made)
