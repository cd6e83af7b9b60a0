"""Metrics of groups of patients (sex, age band, scanner) under names that sort together in MLflow.

Which groups there are and how they score is found out by `train`; this is only how they are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tasks.core.models import Frozen

_FORBIDDEN = re.compile(r"[^A-Za-z0-9_./ -]+")
SMALLEST = 5
"""Patients below which a group's scores are not told: they would say something about single people."""


class Subgroup(Frozen):
    """How a model does on the part of `split` in which `attribute` is `value`, e.g. sex F. `metrics` by name."""

    split: str
    attribute: str
    value: str
    patients: int
    metrics: dict[str, float]


def subgroup_metrics(groups: Iterable[Subgroup], smallest: int = SMALLEST) -> dict[str, float]:
    """Names such as `subgroup/test/sex/F/auc`, for `mlflow.log_metrics`; of a small group only how many it has."""
    found: dict[str, float] = {}
    for group in sorted(groups, key=lambda one: (one.split, one.attribute, one.value)):
        parts = (_FORBIDDEN.sub("_", part) or "unknown" for part in (group.split, group.attribute, group.value))
        place = "subgroup/" + "/".join(parts)
        found[f"{place}/patients"] = float(group.patients)
        if group.patients >= smallest:
            found |= {f"{place}/{name}": value for name, value in sorted(group.metrics.items())}
    return found
