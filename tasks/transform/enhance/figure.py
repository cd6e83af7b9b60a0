"""The picture of a report: before, after and difference of the regions that fared worst, outlined; or of series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.core.files import atomic_path
from tasks.transform.enhance.cases import Case
from tasks.transform.enhance.changes import RegionChange
from tasks.transform.roi.grid import Mask
from tasks.transform.windows import Image

_KEPT = 3
_DPI = 110


@dataclass(frozen=True, eq=False)
class Panel:
    """One row of the picture."""

    title: str
    left: str
    worse: float
    mask: Mask | None
    before: Image
    after: Image


class Gallery:
    """Keeps the few regions that fared worst, one a series; call it as `changes.judge` calls `shown`."""

    def __init__(self) -> None:
        self._panels: dict[int, Panel] = {}

    def __call__(self, case: Case, change: RegionChange | None, index: int, before: Image, after: Image) -> None:
        title, left, worse, finer = f"{case.modality}, series {case.series}", "after", float("inf"), None
        if change is not None:
            mask = next(mask for number, mask in case.regions if number == change.region)[index]
            scale = len(before) // len(mask)
            finer = mask.repeat(scale, axis=0).repeat(scale, axis=1)
            title += f", region {change.region}"
            left += f": contrast {change.kept:.0%}, CNR {change.cnr_kept:.0%}"
            worse = _worse(change)
        held = self._panels.get(case.series)
        if held is None or worse < held.worse:
            self._panels[case.series] = Panel(f"{title}: before", left, worse, finer, before, after)
        for series in sorted(self._panels, key=lambda one: self._panels[one].worse)[_KEPT:]:
            del self._panels[series]

    @property
    def panels(self) -> list[Panel]:
        """The worst first."""
        return sorted(self._panels.values(), key=lambda panel: panel.worse)


def draw(panels: list[Panel], target: Path) -> None:
    """Write a PNG with a row for each panel; the same bytes for the same panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.2 * len(panels)), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(panels), 3, squeeze=False)
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.08 / len(panels), wspace=0.03, hspace=0.12)
    for row, panel in zip(axes, panels, strict=True):
        difference = panel.after - panel.before
        reach = max(0.02, float(np.abs(difference).max()))
        drawn = [(panel.before, "gray", 0.0, 1.0), (panel.after, "gray", 0.0, 1.0)]
        for axis, (image, colours, low, high) in zip(row, [*drawn, (difference, "RdBu_r", -reach, reach)], strict=True):
            axis.imshow(image, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
            if panel.mask is not None:
                axis.contour(panel.mask, levels=[0.5], colors="#ffb000", linewidths=0.9)
            axis.set_axis_off()
        row[0].set_title(panel.title, fontsize=9)
        row[1].set_title(panel.left, fontsize=9)
        row[2].set_title(f"difference, blue -{reach:.2f} to red +{reach:.2f}", fontsize=9)
    with atomic_path(target) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})


def _worse(change: RegionChange) -> float:
    """What is left, the smaller of both; a region of which nothing can be said comes last."""
    left = [value for value in (change.kept, change.cnr_kept) if np.isfinite(value)]
    return min(left, default=float("inf"))
