"""Reading the Parquet tables that stages leave for each other, and those of a release.

What a table must hold is its reader's matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from tasks.core.errors import ConfigurationError, ContractViolation


def read_table(path: Path, maker: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table at `path` with nullable types, or some of its columns.

    Raises `ContractViolation` where it is missing or damaged; `maker` is the stage that makes it again.
    """
    try:
        return pd.read_parquet(path, columns=list(columns) if columns else None, dtype_backend="numpy_nullable")
    except FileNotFoundError:
        raise ContractViolation(f"no {path.name} in {path.parent}: run `python -m tasks.{maker}` first") from None
    except (OSError, ValueError):
        raise ContractViolation(
            f"{path} is not a Parquet table: delete it and run `python -m tasks.{maker}` again"
        ) from None


def read_release_table(release: Path, table: str) -> pd.DataFrame:
    """A table of the release in the folder `release`, with nullable types; `ConfigurationError` where there is none."""
    try:
        return pd.read_parquet(release / f"{table}.parquet", dtype_backend="numpy_nullable")
    except FileNotFoundError:
        raise ConfigurationError(f"{release} is no release (no {table}.parquet): make one with `sluice run`") from None
    except (OSError, ValueError):
        raise ConfigurationError(f"{release}/{table}.parquet is damaged: check the release's checksums") from None


def split_of_patients(splits: pd.DataFrame) -> dict[str, str]:
    """Patient to split, from the table of splits; `ContractViolation` where a patient is in two."""
    pairs = splits[["patient", "split"]].dropna().drop_duplicates().astype(str)
    if several := int(pairs["patient"].duplicated().sum()):
        raise ContractViolation(f"leak: {several} patients are in two splits; do not use this release for training")
    return dict(pairs.itertuples(index=False, name=None))
