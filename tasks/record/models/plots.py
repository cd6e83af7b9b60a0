"""Figures of a classifier: confusion matrices, ROC curves, calibration, shuffled labels. Drawn without a display."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
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


def draw_calibration(curves: Sequence[tuple[str, Sequence[tuple[float, float, int]]]]) -> Figure:
    """Share of positives against mean score, one curve a set: (mean score, share, studies) of each bin.

    Areas of the points go with the number of studies, which the lower panel counts.
    """
    figure = Figure(figsize=(4.8, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--", label="calibrated")
    width = 0.08 / max(1, len(curves))
    for place, (name, bins) in enumerate(curves):
        scores, shares, counts = ([one[column] for one in bins] for column in range(3))
        most = max(counts, default=1)
        upper.plot(scores, shares, color=f"C{place}", linewidth=1, label=name)
        upper.scatter(scores, shares, s=[12 + 90 * count / most for count in counts], color=f"C{place}", alpha=0.7)
        places = [(min(int(score * 10), 9) + 0.1 + 0.8 * (place + 0.5) / len(curves)) / 10 for score in scores]
        lower.bar(places, counts, width=width, color=f"C{place}")
    upper.set_ylabel("share of positive studies")
    upper.set_xlim(0, 1)
    upper.set_ylim(-0.03, 1.03)
    upper.legend(loc="lower right")
    lower.set_xlabel("score")
    lower.set_ylabel("studies")
    return figure


def draw_shuffled(real: float | None, shuffled: Sequence[tuple[str, Sequence[float], float]]) -> Figure:
    """AUCs of models on shuffled labels: (name, AUCs, limit of their mean) of each way, and the AUC on real ones."""
    figure = Figure(figsize=(5.6, 1.2 + 0.9 * max(1, len(shuffled))), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    panel.axvline(0.5, color="0.7", linewidth=1, linestyle="--")
    for place, (_, aucs, limit) in enumerate(shuffled):
        panel.scatter(aucs, [place] * len(aucs), s=18, alpha=0.6, color="C0")
        panel.scatter(
            [sum(aucs) / len(aucs)], [place], marker="|", s=400, color="C0", label="mean" if not place else ""
        )
        panel.scatter([limit], [place], marker="|", s=400, color="C3", label="limit of the mean" if not place else "")
    if real is not None:
        panel.axvline(real, color="C2", label="true labels, cross-validated")
    panel.set_yticks(range(len(shuffled)), [name for name, _, _ in shuffled])
    panel.set_ylim(-0.6, max(0.6, len(shuffled) - 0.4))
    panel.set_xlim(0, 1.02)
    panel.set_xlabel("AUC on shuffled labels")
    panel.legend(loc="upper left", fontsize=7, markerscale=0.4)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as PNG; the same figure gives the same bytes."""
    held = BytesIO()
    figure.savefig(held, format="png", dpi=110, metadata={"Software": None})
    return held.getvalue()
