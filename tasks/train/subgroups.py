"""How the model does for women and men, age bands, sites and scanners. Small groups are counted, and not shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tasks.core.models import Frozen
from tasks.train.examples import Examples
from tasks.train.scores import Interval, Scored, bootstrap

SHOWN = ("roc_auc", "sensitivity", "specificity", "brier")
SEVERAL = "several"
"""The group of a study whose series are of several, of scanners for instance."""


class Subgroup(Frozen):
    """One group within one set of scores: patients, studies, positive studies, and metrics where they can be told."""

    scored: str
    by: str
    group: str
    patients: int
    studies: int
    positive: int
    metrics: dict[str, Interval]


class Hidden(Frozen):
    """How many groups had fewer patients than `subgroup_min`."""

    scored: str
    by: str
    groups: int


class SubgroupCheck(Frozen):
    """All groups, those that are hidden, and what could not be looked at since the release does not tell it."""

    shown: tuple[Subgroup, ...]
    hidden: tuple[Hidden, ...]
    unknown: tuple[str, ...]


def look_at_subgroups(
    examples: Examples, scored: Mapping[str, Scored], site: str, least: int, draws: int, seed: int
) -> SubgroupCheck:
    """Metrics of each group of at least `least` patients, for each set of scores (test, cross-validation …)."""
    groups = {name: of for name, of in groupings(examples, site).items() if of}
    shown, hidden = [], []
    for name, scores in scored.items():
        for by, of in groups.items():
            labels = np.array([of.get(study, "") for study in scores.studies], dtype=object)
            small = 0
            for group in sorted(set(labels) - {""}):
                part = scores.chosen(labels == group)
                patients = len(set(part.patients))
                if patients < least:
                    small += 1
                    continue
                metrics = bootstrap(part, draws, seed)
                shown.append(
                    Subgroup(
                        scored=name,
                        by=by,
                        group=group,
                        patients=patients,
                        studies=len(part.studies),
                        positive=int(part.truth.sum()),
                        metrics={metric: metrics[metric] for metric in SHOWN if metric in metrics},
                    )
                )
            if small:
                hidden.append(Hidden(scored=name, by=by, groups=small))
    unknown = tuple(by for by in ("sex", "age_band", "site", "scanner") if by not in groups)
    return SubgroupCheck(shown=tuple(shown), hidden=tuple(hidden), unknown=unknown)


def groupings(examples: Examples, site: str) -> dict[str, dict[str, str]]:
    """For each way of grouping the group of each study; empty where the release does not tell it."""
    features = examples.features
    rows = pd.DataFrame({"unit": features.units, "study": features.studies, "patient": features.patients})
    patients = examples.tables["patients"].drop_duplicates("patient").set_index("patient")
    series = examples.tables["series"].drop_duplicates("unit").set_index("unit")
    made: dict[str, dict[str, str]] = {}
    for by in ("sex", "age_band"):
        made[by] = _of_studies(rows, rows["patient"].map(patients[by])) if by in patients.columns else {}
    if site in patients.columns:
        made["site"] = _of_studies(rows, rows["patient"].map(patients[site]))
    elif site in series.columns:
        made["site"] = _of_studies(rows, rows["unit"].map(series[site]))
    if {"manufacturer", "model"} <= set(series.columns):
        scanner = (
            series["manufacturer"].fillna("").astype("string").str.cat(series["model"].fillna(""), " ").str.strip()
        )
        made["scanner"] = _of_studies(rows, rows["unit"].map(scanner.mask(scanner == "")))
    return made


def _of_studies(rows: pd.DataFrame, values: pd.Series) -> dict[str, str]:
    told = rows.assign(value=values.astype("string")).dropna(subset=["value"])
    return {
        str(study): str(own.iloc[0]) if own.nunique() == 1 else SEVERAL
        for study, own in told.groupby("study", sort=True)["value"]
    }
