"""The report of one series as a picture: histogram with the window, positions and gaps of its slices, findings.

Drawn from numbers that volumes/ found; judges nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tasks.transform.look.canvas import (
    ALARM,
    LINE,
    MUTED,
    OUTLINES,
    PANEL,
    TEXT,
    WARNING,
    Canvas,
    Colour,
    wrap,
)
from tasks.transform.look.sheet import Told
from tasks.transform.windows import Window

WIDTH, EDGE = 1220, 24
_PLOT = 250
_BINS = 200
_ENDS = (0.01, 99.99)
_MOST = 8

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stack:
    """The slices of one volume: its name, sorted positions along the normal in mm, and their distance, if any."""

    name: str
    positions: Sequence[float]
    spacing: float | None


@dataclass(frozen=True)
class Report:
    """What is drawn of a series; `facts` are lines of text, `values` in `unit`."""

    title: str
    facts: Sequence[str]
    findings: Sequence[Told]
    values: npt.NDArray[np.float32]
    unit: str
    windows: Sequence[Window]
    stacks: Sequence[Stack]


@dataclass(frozen=True)
class _Area:
    """A plot's place on the page, and what its axes span."""

    left: int
    top: int
    right: int
    bottom: int
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1.0)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1.0)
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def draw_report(report: Report) -> bytes:
    """The PNG of the report."""
    lines: list[tuple[str, Colour]] = [(line, MUTED) for fact in report.facts for line in wrap(fact, 14, WIDTH - 48)]
    for told in report.findings:
        end = " – no volume" if told.refuses else ""
        words = wrap(f"{told.name}{end}: {told.sentence}", 14, WIDTH - 2 * EDGE)
        lines += [(line, ALARM if told.refuses else WARNING) for line in words]
    top = EDGE + 40 + 20 * len(lines) + 34
    canvas = Canvas(WIDTH, top + 2 * _PLOT + 140)
    canvas.text((EDGE, EDGE), report.title, 22)
    for place, (line, colour) in enumerate(lines):
        canvas.text((EDGE, EDGE + 38 + 20 * place), line, 14, colour)
    middle, low = WIDTH // 2, top + _PLOT + 84
    _draw_histogram(canvas, report, (EDGE + 60, top, WIDTH - EDGE, top + _PLOT))
    _draw_positions(canvas, report.stacks, (EDGE + 60, low, middle - 20, low + _PLOT))
    _draw_gaps(canvas, report.stacks, (middle + 60, low, WIDTH - EDGE, low + _PLOT))
    return canvas.png()


def _draw_histogram(canvas: Canvas, report: Report, place: tuple[int, int, int, int]) -> None:
    title = (
        f"values in {'arbitrary units' if report.unit == 'US' else report.unit}; height: root of the share of voxels"
    )
    if not report.values.size:
        _frame(canvas, _Area(*place, (0, 1), (0, 1)), "no values: the pixels are colours or cannot be decoded", None)
        return
    low, high = (float(end) for end in np.percentile(report.values, _ENDS))
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges, counts = bin_values(report.values, low, high)
    heights = np.sqrt(counts / max(1, counts.sum()))
    margin = (high - low) * 0.02
    area = _Area(*place, (low - margin, high + margin), (0.0, float(heights.max()) * 1.08))
    shown = [
        (window, window.center - window.width / 2, window.center + window.width / 2) for window in report.windows[:3]
    ]
    for _, first, last in shown[:1]:
        inside = [min(max(end, area.x[0]), area.x[1]) for end in (first, last)]
        if inside[1] > inside[0]:
            canvas.box((area.at(inside[0], 0)[0], area.top, area.at(inside[1], 0)[0], area.bottom), PANEL)
    _frame(canvas, area, title, None)
    for index, height in enumerate(heights):
        (left, top), (right, bottom) = area.at(edges[index], height), area.at(edges[index + 1], 0)
        if height > 0:
            canvas.box((left, top, max(left, right - 1), bottom - 1), (120, 150, 190))
    for number, (window, first, last) in enumerate(shown):
        for end, side in ((first, "la"), (last, "ra")):
            if area.x[0] <= end <= area.x[1]:
                x = area.at(end, 0)[0]
                canvas.line([(x, area.top), (x, area.bottom)], WARNING)
                words = f"{end:.4g}".replace("-", "−")
                canvas.text((x + (5 if side == "la" else -5), area.top + 4 + 17 * number), words, 13, WARNING, side)
        if number == 0:
            canvas.text((area.right, area.top - 20), f"window: {window.source}", 13, WARNING, "ra")


def bin_values(values: npt.NDArray[np.float32], low: float, high: float) -> tuple[Numbers, Numbers]:
    """Edges and counts; bins are at least as wide as the step of whole numbers, so that no comb appears."""
    bins = _BINS
    if float(np.abs(values - np.rint(values)).max()) == 0.0:
        step = max(1.0, math.ceil((high - low) / _BINS))
        low, bins = math.floor(low) - 0.5, max(1, math.ceil((high - math.floor(low) + 1) / step))
        high = low + bins * step
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    return edges.astype(np.float64), counts.astype(np.float64)


def _draw_positions(canvas: Canvas, stacks: Sequence[Stack], place: tuple[int, int, int, int]) -> None:
    shown = [stack for stack in stacks if stack.positions][:_MOST]
    every = [position for stack in shown for position in stack.positions]
    longest = max((len(stack.positions) for stack in shown), default=0)
    if not shown:
        _frame(canvas, _Area(*place, (0, 1), (0, 1)), "no positions: the geometry is not known", None)
        return
    low, high = min(every), max(every)
    margin = max(0.5, (high - low) * 0.05)
    area = _Area(*place, (0, max(2, longest + 1)), (low - margin, high + margin))
    _frame(canvas, area, "position of each slice along the normal, mm", "slice")
    for number, stack in enumerate(shown):
        for index, position in enumerate(stack.positions, start=1):
            canvas.dot(area.at(index, position), 2.5, OUTLINES[number])
    for number, stack in enumerate(shown if len(stacks) > 1 else ()):
        canvas.text((area.left + 10, area.top + 6 + 16 * number), stack.name, 13, OUTLINES[number])
    if len(stacks) > len(shown):
        canvas.text((area.right - 8, area.bottom - 20), f"{len(stacks) - len(shown)} more", 13, MUTED, "ra")


def _draw_gaps(canvas: Canvas, stacks: Sequence[Stack], place: tuple[int, int, int, int]) -> None:
    shown = [stack for stack in stacks if len(stack.positions) > 1][:_MOST]
    gaps = [np.diff(np.array(stack.positions)) for stack in shown]
    if not shown:
        _frame(canvas, _Area(*place, (0, 1), (0, 1)), "no distances: there are no two slices with a position", None)
        return
    highest = max(float(gap.max()) for gap in gaps)
    area = _Area(*place, (0, max(2, max(map(len, gaps)) + 1)), (0.0, highest * 1.15 or 1.0))
    _frame(canvas, area, "distance of each slice to the next, mm", "slice")
    for number, (stack, gap) in enumerate(zip(shown, gaps, strict=True)):
        usual = stack.spacing or float(np.median(gap))
        y = area.at(0, usual)[1]
        canvas.line([(area.left, y), (area.right, y)], LINE)
        if number == 0:
            canvas.text((area.right - 4, y - 22), f"{usual:.4g} mm", 13, MUTED, "ra")
        for index, distance in enumerate(gap, start=1):
            odd = abs(float(distance) - usual) > max(0.02 * usual, 0.01)
            canvas.dot(area.at(index, float(distance)), 4.0 if odd else 2.5, ALARM if odd else OUTLINES[number])


def _frame(canvas: Canvas, area: _Area, title: str, below: str | None) -> None:
    """Axes with round numbers, the title above."""
    canvas.text((area.left, area.top - 22), title, 14, TEXT)
    canvas.line([(area.left, area.top), (area.left, area.bottom), (area.right, area.bottom)], LINE)
    if (area.x, area.y) == ((0, 1), (0, 1)):
        return
    for value in ticks(*area.x):
        if below and not (value >= 1 and value == round(value)):
            continue
        x = area.at(value, area.y[0])[0]
        canvas.line([(x, area.bottom), (x, area.bottom + 4)], LINE)
        canvas.text((x, area.bottom + 7), f"{value:g}".replace("-", "−"), 13, MUTED, "ma")
    if below:
        canvas.text(((area.left + area.right) / 2, area.bottom + 25), below, 13, MUTED, "ma")
        for value in ticks(*area.y):
            y = area.at(area.x[0], value)[1]
            canvas.line([(area.left - 4, y), (area.left, y)], LINE)
            canvas.text((area.left - 8, y), f"{value:g}".replace("-", "−"), 13, MUTED, "rm")


def ticks(low: float, high: float) -> list[float]:
    """Four to ten round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    raw = (high - low) / 6 or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    first = math.ceil(low / step)
    return [round(index * step, 10) for index in range(first, math.floor(high / step) + 1)]
