"""From rows to a table with the columns of the dictionary (`tasks.core.columns`), whatever the rows happen to hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from tasks.core.columns import Column


def make_frame(rows: Iterable[Mapping[str, Any]], columns: tuple[Column, ...]) -> pd.DataFrame:
    """`rows` as a table with exactly `columns`, in their order and of their types, also where no row has a value."""
    listed = list(rows)
    return pd.DataFrame(
        {column.name: pd.array([row[column.name] for row in listed], dtype=column.dtype) for column in columns}
    )
