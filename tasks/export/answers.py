"""An answer of the catalog as text or a file: CSV without formulas, JSON, Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.core.files import atomic_path
from tasks.core.formulas import neutral
from tasks.export.shelf import Arrow


def cells(answer: Arrow) -> Iterator[list[str]]:
    """Each row as texts; null is empty, lists and structs are JSON."""
    for batch in answer.to_batches():
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield [_text(value) for value in row]


def to_csv(answer: Arrow) -> str:
    """CSV with a head; an apostrophe stands before a cell, or name, that a spreadsheet would run as a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(neutral(name) for name in answer.column_names)
    writer.writerows([neutral(cell) for cell in row] for row in cells(answer))
    return buffer.getvalue()


def to_json(answer: Arrow) -> str:
    """A JSON list of one object a row; what JSON has no number for (NaN, infinity) is null."""
    return json.dumps([_plain(row) for row in answer.to_pylist()], indent=2, ensure_ascii=False) + "\n"


def write_parquet(answer: Arrow, target: Path) -> None:
    """The answer with its types, whole or not at all."""
    import pyarrow.parquet as pq

    with atomic_path(target) as draft:
        pq.write_table(answer.replace_schema_metadata(None), draft, compression="zstd", store_schema=False)


def to_frame(table: Arrow) -> pd.DataFrame:
    """A table of a release with nullable types, as `read_table` gives it."""
    import pyarrow as pa

    types = {
        pa.string(): pd.StringDtype(), pa.large_string(): pd.StringDtype(), pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(), pa.bool_(): pd.BooleanDtype(),
    }  # fmt: skip
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get)
    return frame


def _text(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(_plain(value), ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
