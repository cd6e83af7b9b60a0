"""How the main columns of the released tables are distributed: what a later release is compared with.

Export puts it into release.json, which git keeps; the gates compare. It holds counts of bins, no row of anyone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

EDGES: Mapping[str, tuple[float, ...]] = {
    "slice_thickness_mm": (0.75, 1.5, 2.5, 3.5, 5.5, 8.0),
    "slice_spacing_mm": (0.75, 1.5, 2.5, 3.5, 5.5, 8.0),
    "spacing_row_mm": (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.5),
    "kvp": (35.0, 75.0, 95.0, 105.0, 115.0, 125.0, 145.0),
    "field_strength_t": (0.3, 0.7, 1.2, 2.0, 4.0),
}
"""Where columns of numbers are cut; all others are taken value by value."""

WATCHED: Mapping[str, tuple[str, ...]] = {
    "patients": ("sex", "age_band"),
    "series": ("modality", "body_part", "manufacturer", "model", *EDGES),
    "labels": ("value",),
}
NOTHING = "none"
"""The bin of what is null."""


def bins_of(column: str, cells: pd.Series) -> dict[str, int]:
    """How many cells of `column` are in which bin, by name."""
    if column in EDGES:
        numbers = pd.to_numeric(cells, errors="coerce").astype("float64").to_numpy()
        edges = EDGES[column]
        places = np.searchsorted(np.array(edges), numbers[~np.isnan(numbers)], side="right")
        names = [f"from {edges[place - 1]:g}" if place else f"below {edges[0]:g}" for place in places]
        names += [NOTHING] * int(np.isnan(numbers).sum())
    else:
        names = [NOTHING if pd.isna(cell) else str(cell) for cell in cells]
    return dict(sorted(Counter(names).items()))


def describe(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Rows by table, and the bins of each watched column: {"rows": {...}, "bins": {"series": {"modality": {...}}}}."""
    return {
        "rows": {name: len(tables[name]) for name in sorted(tables)},
        "bins": {
            table: {name: bins_of(name, tables[table][name]) for name in columns if name in tables[table].columns}
            for table, columns in WATCHED.items()
        },
    }
