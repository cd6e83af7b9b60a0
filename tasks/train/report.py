"""What is told of a training: report.json and report.md, pictures, and what MLflow is given to compare runs by.

Counts and figures alone: no pseudonym is in any of it, so that a withdrawal has nothing to take out here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tasks.record.models.plots import draw_calibration, draw_shuffled, png
from tasks.train.baseline import CROSS_VALIDATED, Evaluation, TrainedModel
from tasks.train.scores import METRICS, Interval, reliability

_NAMES = {
    "roc_auc": "AUC",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
    "ece": "calibration error (ECE)",
}


def ordered(trained: TrainedModel) -> list[Evaluation]:
    """The evaluations that tell something, the final one first: test, cross-validation, other splits, train."""
    parts = [*trained.evaluations, *([trained.cross_validated] if trained.cross_validated else [])]
    rank = {"test": 0, CROSS_VALIDATED: 1, "train": 3}
    return sorted(parts, key=lambda part: (rank.get(part.split, 2), part.split))


def findings(trained: TrainedModel) -> list[str]:
    """What stands against the model, a sentence each."""
    told = [f"leak {leak.name}: {leak.sentence}" for leak in trained.leaks.found]
    if trained.shortcuts.found:
        named = ", ".join(field.name for field in trained.shortcuts.fields) or "no single field alone"
        told.append(
            f"shortcut: acquisition alone tells {trained.params['target']} with an AUC of {trained.shortcuts.roc_auc} "
            f"({named}); the model may have learned the scanner"
        )
    return told


def tags(trained: TrainedModel) -> dict[str, str]:
    """What a gate and a reader of MLflow ask first."""
    checked = [leak.name for leak in trained.leaks.found]
    shortcut = trained.shortcuts
    found = {
        "leaks": ", ".join(checked) or ("none" if trained.leaks.shuffled else "not looked for"),
        "shortcuts": "not looked for" if shortcut.roc_auc is None and shortcut.looked_at else "none",
        "model.kind": str(trained.params["model"]),
        "model.features": str(trained.params["features"]),
    }
    if shortcut.found:
        found["shortcuts"] = ", ".join(field.name for field in shortcut.fields) or "acquisition"
    return found | ({"weights.sha256": trained.sha256} if trained.sha256 else {})


def figures(trained: TrainedModel) -> dict[str, float]:
    """Metrics beyond those of the splits, by the name that MLflow shows."""
    found = {f"leak.shuffled.{_plain(one.way)}": one.mean for one in trained.leaks.shuffled}
    found |= {f"leak.limit.{_plain(one.way)}": one.limit for one in trained.leaks.shuffled}
    if trained.shortcuts.roc_auc:
        found |= _ends("shortcut_roc_auc", trained.shortcuts.roc_auc)
    for group in trained.subgroups.shown:
        name = f"subgroup.{group.scored}.{group.by}.{_plain(group.group)}"
        found[f"{name}.patients"] = float(group.patients)
        for metric, interval in group.metrics.items():
            found |= _ends(f"{name}.{metric}", interval)
    return found


def to_json(trained: TrainedModel) -> dict[str, Any]:
    """Everything that is told, for machines."""
    return {
        "format": "sluice-training-1",
        "params": dict(trained.params),
        "findings": findings(trained),
        "evaluations": [
            {
                "scored": part.split, "patients": part.patients, "studies": part.studies,
                "confusion": part.confusion,
                "metrics": {name: interval.model_dump() for name, interval in part.intervals.items()},
                "calibration": reliability(trained.scored[part.split]),
            }
            for part in ordered(trained)
        ],
        "fold_aucs": trained.fold_aucs,
        "leaks": trained.leaks.model_dump(mode="json"),
        "shortcuts": trained.shortcuts.model_dump(mode="json") | {"found": trained.shortcuts.found},
        "subgroups": trained.subgroups.model_dump(mode="json"),
        "weights_sha256": trained.sha256,
    }  # fmt: skip


def to_markdown(trained: TrainedModel, title: str) -> str:
    """The same for people."""
    return "\n".join(_lines(trained, title)) + "\n"


def files(trained: TrainedModel, title: str) -> dict[str, bytes]:
    """The artifacts of a run by name; the same training gives the same bytes."""
    shuffled = [(one.way, one.aucs, one.limit) for one in trained.leaks.shuffled]
    real = trained.cross_validated.metrics.get("roc_auc") if trained.cross_validated else None
    curves = [
        ({CROSS_VALIDATED: "cross-validation"}.get(part.split, part.split), reliability(trained.scored[part.split]))
        for part in ordered(trained)
        if part.split in ("test", CROSS_VALIDATED)
    ]
    made = {
        "report.json": (json.dumps(to_json(trained), indent=2, sort_keys=True) + "\n").encode(),
        "report.md": to_markdown(trained, title).encode(),
        "calibration.png": png(draw_calibration(curves)),
    }
    return made | ({"shuffled.png": png(draw_shuffled(real, shuffled))} if shuffled else {})


def predictions(trained: TrainedModel) -> bytes:
    """Each study's score as a line of JSON with its pseudonyms; a withdrawal takes a patient's lines out."""
    lines = [
        json.dumps({"scored": name, "patient": patient, "study": study, "label": int(truth), "score": round(score, 6)})
        for name, scored in sorted(trained.scored.items())
        for patient, study, truth, score in zip(
            scored.patients, scored.studies, scored.truth, scored.score.tolist(), strict=True
        )
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _lines(trained: TrainedModel, title: str) -> Iterator[str]:
    parts = ordered(trained)
    yield from (f"# {title}", "")
    yield f"Predicts `{trained.params['target']}` from {trained.params['features']}: {trained.params['estimator']}."
    yield "Intervals are 95 %, by bootstrap over patients. Fitted on the train split alone; cross-validation is by"
    yield from ("patient, within all splits but test.", "")
    stated = findings(trained)
    yield from ([f"- **{_cell(one)}**" for one in stated] or ["No leak and no shortcut was found."])
    yield from ("", "| | " + " | ".join(_heading(part) for part in parts) + " |", "|---" * (len(parts) + 1) + "|")
    for metric in METRICS:
        cells = [str(part.intervals.get(metric, "-")) for part in parts]
        yield f"| {_NAMES.get(metric, metric)} | " + " | ".join(cells) + " |"
    yield from ("", "![calibration](calibration.png)", "", "## Leaks", "")
    for one in trained.leaks.shuffled:
        yield (
            f"- {len(one.aucs)} models on shuffled labels, {one.way}: mean AUC {one.mean:.3f}; "
            f"above {one.limit:.3f} it would be a leak"
        )
    if not trained.leaks.shuffled:
        yield "- labels were not shuffled (train.permutations, or too few patients)"
    else:
        yield from ("", "![shuffled labels](shuffled.png)")
    yield from ("", "## Shortcuts", "")
    check = trained.shortcuts
    if check.roc_auc is None:
        yield "There are too few patients to look." if check.looked_at else "Acquisition is the same for all series."
    else:
        yield f"From {', '.join(check.looked_at)} alone, {check.patients} patients: AUC {check.roc_auc}."
        yield from (f"- {field.name} alone: {field.roc_auc}" for field in check.fields)
    yield from ("", "## Subgroups", "")
    yield from _subgroups(trained)


def _subgroups(trained: TrainedModel) -> Iterator[str]:
    check = trained.subgroups
    if check.shown:
        yield "| scored | by | group | patients | studies | positive | AUC | sensitivity | specificity | Brier |"
        yield "|---|---|---|---|---|---|---|---|---|---|"
    for group in check.shown:
        cells = [str(group.metrics.get(name, "-")) for name in ("roc_auc", "sensitivity", "specificity", "brier")]
        told = [group.scored, group.by, _cell(group.group), group.patients, group.studies, group.positive, *cells]
        yield "| " + " | ".join(map(str, told)) + " |"
    yield ""
    for hidden in check.hidden:
        yield f"- {hidden.scored}, {hidden.by}: {hidden.groups} groups are not shown, they have too few patients"
    if check.unknown:
        yield f"- not in the release: {', '.join(check.unknown)}"


def _heading(part: Evaluation) -> str:
    name = {CROSS_VALIDATED: "cross-validation"}.get(part.split, part.split)
    return f"{name} ({part.studies} studies, {part.patients} patients)"


def _ends(name: str, interval: Interval) -> dict[str, float]:
    ends = {"": interval.value, "_low": interval.low, "_high": interval.high}
    return {f"{name}{end}": value for end, value in ends.items() if value is not None}


def _plain(text: str) -> str:
    """A text as MLflow takes it in the name of a metric."""
    return re.sub(r"[^A-Za-z0-9_+-]+", "-", text).strip("-") or "other"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
