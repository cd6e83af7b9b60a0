"""Rules about groups of rows: how few patients share a combination of values, which images look alike across groups.

Plain counting over a frame; `gx_own.py` makes expectations of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import pandas as pd

from tasks.core.likeness import near_pairs


def in_small_groups(frame: pd.DataFrame, columns: Sequence[str], of: str, k: int) -> pd.Series:
    """For each row, whether fewer than `k` different `of` share its values of `columns` (null is a value of its own).

    Sweeney, k-anonymity: a model for protecting privacy (2002), counted in patients and not in rows.
    """
    keys = [frame[name].astype("string").fillna("") for name in columns]
    return frame[of].groupby(keys).transform("nunique").fillna(0) < k


def alike_across(frame: pd.DataFrame, column: str, group: str, distance: int) -> pd.Series:
    """For each row, whether an image of another `group` has a hash in `column` at most `distance` bits away.

    Rows without a hash or a group look like nothing.
    """
    known = frame[frame[column].notna() & frame[group].notna()]
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for hash_, name in zip(known[column], known[group], strict=True):
        groups[str(hash_)].add(str(name))
    alike = {hash_ for hash_, names in groups.items() if len(names) > 1}
    for one, other in near_pairs(list(groups), distance):
        if len(groups[one] | groups[other]) > 1:
            alike |= {one, other}
    return frame[column].isin(alike) & frame[group].notna()
