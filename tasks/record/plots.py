"""Two figures of a classifier: confusion matrices and ROC curves, one panel a split. Drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Evaluated(Protocol):
    """How a model did on one split. `confusion` is ((TN, FP), (FN, TP)); `roc` is (FPR, TPR), points in order."""

    @property
    def split(self) -> str: ...
    @property
    def studies(self) -> int: ...
    @property
    def confusion(self) -> tuple[tuple[int, int], tuple[int, int]]: ...
    @property
    def roc(self) -> tuple[tuple[float, ...], tuple[float, ...]]: ...


def draw_confusion(evaluations: Sequence[Evaluated]) -> Figure:
    """Counts of studies, truth down, prediction across."""
    figure = Figure(figsize=(3.2 * len(evaluations), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(evaluations), squeeze=False)[0]
    for panel, evaluation in zip(panels, evaluations, strict=True):
        most = max(1, *(max(row) for row in evaluation.confusion))
        panel.imshow(evaluation.confusion, cmap="Blues", vmin=0, vmax=most)
        for truth, row in enumerate(evaluation.confusion):
            for guess, count in enumerate(row):
                ink = "white" if count > most / 2 else "black"
                panel.text(guess, truth, str(count), ha="center", va="center", color=ink, fontsize=14)
        panel.set_xticks([0, 1], ["no", "yes"])
        panel.set_yticks([0, 1], ["no", "yes"])
        panel.set_xlabel("predicted")
        panel.set_ylabel("label")
        panel.set_title(f"{evaluation.split} ({evaluation.studies} studies)", fontsize=10)
    return figure


def draw_roc(evaluations: Sequence[Evaluated]) -> Figure:
    """True against false positive rate, all splits in one panel."""
    figure = Figure(figsize=(4.6, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
    for evaluation in evaluations:
        panel.plot(*evaluation.roc, marker=".", label=evaluation.split)
    panel.set_xlabel("false positive rate")
    panel.set_ylabel("true positive rate")
    panel.set_aspect("equal")
    panel.legend(loc="lower right")
    return figure
