"""Whether the label can be told from how a picture was taken: scanner, spacing, kVp, number of slices. Pixels are not
looked at. Where it can, a model may have learned the scanner, and will not work elsewhere (DeGrave et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tasks.core.models import Frozen
from tasks.train.examples import Examples
from tasks.train.folds import cross_validate
from tasks.train.learner import Linear
from tasks.train.scores import Interval, bootstrap

CATEGORIES = (
    "modality", "body_part", "manufacturer", "model", "orientation", "photometric", "transfer_syntax", "bits_stored",
)  # fmt: skip
NUMBERS = (
    "rows", "columns", "spacing_row_mm", "spacing_column_mm", "slice_spacing_mm", "slice_thickness_mm", "kvp",
    "field_strength_t", "images", "series_number",
)  # fmt: skip
CHANCE = 0.5
_FEW = 8
"""A number with so few values is a setting of the scanner: each value counts for itself."""
_RARE = 3


class Field(Frozen):
    """How well one field alone tells the label."""

    name: str
    roc_auc: Interval


class ShortcutCheck(Frozen):
    """How well acquisition alone tells the label; None where it could not be looked at. `fields` are those that do."""

    roc_auc: Interval | None
    fields: tuple[Field, ...]
    looked_at: tuple[str, ...]
    patients: int

    @property
    def found(self) -> bool:
        """Whether the lower end of the interval is above chance."""
        return self.roc_auc is not None and self.roc_auc.low is not None and self.roc_auc.low > CHANCE


def look_for_shortcuts(examples: Examples, folds: int, draws: int, seed: int) -> ShortcutCheck:
    """Cross-validate, within development, a model that knows acquisition only."""
    encoded = {name: made for name, made in encode(acquisition(examples)).items() if made.shape[1]}
    together = _score(examples, list(encoded.values()), folds, draws, seed)
    fields = []
    if together and together.low is not None and together.low > CHANCE:
        for name, made in encoded.items():
            alone = _score(examples, [made], folds, draws, seed)
            if alone and alone.low is not None and alone.low > CHANCE:
                fields.append(Field(name=name, roc_auc=alone))
    return ShortcutCheck(
        roc_auc=together,
        fields=tuple(sorted(fields, key=lambda field: (-field.roc_auc.value, field.name))),
        looked_at=tuple(encoded),
        patients=len({examples.features.patients[row] for row in examples.development}),
    )


def acquisition(examples: Examples) -> pd.DataFrame:
    """What the release's tables say of how each series was taken: a row a series, in the order of the examples."""
    series = examples.tables["series"].drop_duplicates("unit").set_index("unit")
    instances = examples.tables["instances"]
    first = instances[instances["image_path"].notna()].drop_duplicates("unit").set_index("unit")
    places = list(examples.features.units)
    wanted = [*CATEGORIES, *NUMBERS]
    columns = {
        name: next((table[name].reindex(places) for table in (series, first) if name in table.columns), None)
        for name in wanted
    }
    return pd.DataFrame({name: column.to_numpy() for name, column in columns.items() if column is not None})


def encode(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Each column as numbers, without looking at labels: a category as one column for each value that is not rare."""
    found = {}
    for name in table.columns:
        column = table[name]
        numbers = pd.to_numeric(column, errors="coerce") if name in NUMBERS else None
        parts: list[np.ndarray] = []
        if numbers is not None and numbers.nunique() > _FEW:
            values = numbers.astype("float64")
            parts = [np.asarray(values.fillna(values.median())), np.asarray(values.isna(), dtype=float)]
        else:
            words = column.astype("string").fillna("")
            counts = words.value_counts()
            parts = [np.asarray(words == value, dtype=float) for value in sorted(counts[counts >= _RARE].index)]
        varied = [part for part in parts if part.min() < part.max()]
        found[name] = np.stack(varied, axis=1) if varied else np.zeros((len(table), 0))
    return found


def _score(examples: Examples, columns: Sequence[np.ndarray], folds: int, draws: int, seed: int) -> Interval | None:
    if not columns:
        return None
    matrix = np.concatenate(columns, axis=1).astype(np.float32)
    rows = examples.development
    people = examples.features.patients, examples.features.studies
    if (matrix[rows].max(axis=0) == matrix[rows].min(axis=0)).all():
        return None
    learner = Linear(matrix, seed, strength=0.3, best=None)
    made = cross_validate(learner, rows, people, examples.target, folds, seed)
    return bootstrap(made.scored, draws, seed).get("roc_auc") if made else None
