"""How far a column has moved from the last release: the population stability index, against what chance alone gives."""

from __future__ import annotations

import math
from collections.abc import Mapping

CHANCE = 0.999
"""Of releases that only differ by chance, this share passes."""


def stability_index(now: Mapping[str, int], before: Mapping[str, int]) -> float:
    """The PSI of two counts by bin, sum of (p - q) ln(p / q), with half a row more in each bin so that none is 0."""
    names = sorted(set(now) | set(before))
    rows_now, rows_before = (sum(counts.values()) + 0.5 * len(names) for counts in (now, before))
    total = 0.0
    for name in names:
        share, former = (now.get(name, 0) + 0.5) / rows_now, (before.get(name, 0) + 0.5) / rows_before
        total += (share - former) * math.log(share / former)
    return total


def has_moved(now: Mapping[str, int], before: Mapping[str, int], limit: float) -> bool:
    """Whether the index is above `limit`, and above what chance alone gives for so few rows.

    By chance it goes like (1/n + 1/m) times chi-squared with one degree of freedom less than bins (Yurdakul,
    Statistical Properties of Population Stability Index, 2018).
    """
    bins = len(set(now) | set(before))
    if bins < 2 or not sum(now.values()) or not sum(before.values()):
        return False
    from scipy.stats import chi2

    by_chance = (1 / sum(now.values()) + 1 / sum(before.values())) * float(chi2.ppf(CHANCE, bins - 1))
    return stability_index(now, before) > max(limit, by_chance)
