"""The contact sheet: panels of slices with captions, outlines of regions, facts and findings. Drawn, not decided.

What is shown of a series is chosen in slices.py (from DICOM) and patients.py (from the images of a workspace).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

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
    Picture,
    width_of,
    wrap,
)
from tasks.transform.roi.grid import Mask

CELL, GAP, EDGE = 196, 6, 18
COLUMNS = 6
CAPTION, HEAD, LINE_HEIGHT = 20, 26, 19
WIDTH = 2 * EDGE + COLUMNS * (CELL + GAP) - GAP


@dataclass(frozen=True, eq=False)
class Tile:
    """One slice: `picture` grey or RGB with square pixels, its caption, and the mask of each region by its number.

    `sides` names what lies to the right and below: L, P, H … of the patient.
    """

    picture: Picture
    caption: str
    masks: dict[int, Mask] = field(default_factory=dict)
    sides: tuple[str, str] | None = None


@dataclass(frozen=True)
class Told:
    """A finding in words; `refuses` where there is no volume because of it."""

    name: str
    sentence: str
    refuses: bool


@dataclass(frozen=True)
class Panel:
    """One series or volume: title, a line of facts, findings, tiles, and the legend of regions by number."""

    title: str
    facts: str
    findings: Sequence[Told]
    tiles: Sequence[Tile]
    regions: dict[int, str] = field(default_factory=dict)


def draw_sheet(heading: str, panels: Sequence[Panel], foot: str = "") -> bytes:
    """The PNG of a sheet with `panels` below each other."""
    lines = [_findings(panel) for panel in panels]
    heights = [_height(panel, told) for panel, told in zip(panels, lines, strict=True)]
    canvas = Canvas(WIDTH, 2 * EDGE + 34 + sum(heights) + (LINE_HEIGHT if foot else 0))
    canvas.text((EDGE, EDGE), heading, 22)
    top = EDGE + 40
    for panel, told, height in zip(panels, lines, heights, strict=True):
        _draw_panel(canvas, panel, told, top)
        top += height
    if foot:
        canvas.text((EDGE, top), foot, 14, MUTED)
    return canvas.png()


def fit_tile(picture: Picture, masks: dict[int, Mask], aspect: float) -> tuple[Picture, dict[int, Mask]]:
    """Resize a slice to a cell, so that its pixels are square; `aspect` is the height of a pixel by its width."""
    rows, columns = picture.shape[:2]
    scale = CELL / max(rows * aspect, columns)
    size = (max(1, round(columns * scale)), max(1, round(rows * aspect * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = {
        number: np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) >= 0.5)
        for number, mask in masks.items()
    }
    return np.asarray(cv2.resize(picture, size, interpolation=way), dtype=np.uint8), resized


def outlined(tile: Tile) -> Picture:
    """The slice in RGB with the outlines of its regions."""
    grey = tile.picture.ndim == 2
    picture = np.repeat(tile.picture[..., None], 3, axis=2) if grey else tile.picture.copy()
    for number, mask in sorted(tile.masks.items()):
        found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, found, -1, _colour(number), 1, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)


def _draw_panel(canvas: Canvas, panel: Panel, told: list[tuple[str, Colour]], top: int) -> None:
    canvas.box((EDGE - 8, top, WIDTH - EDGE + 8, top + HEAD), PANEL)
    after = canvas.text((EDGE, top + 5), panel.title, 16)
    canvas.text((EDGE + after + 18, top + 7), panel.facts, 14, MUTED)
    top += HEAD + 5
    for words, colour in told:
        canvas.text((EDGE, top), words, 14, colour)
        top += LINE_HEIGHT
    if panel.regions:
        left = EDGE
        for number, words in panel.regions.items():
            canvas.box((left, top + 3, left + 11, top + 14), None, _colour(number))
            left += 17 + canvas.text((left + 17, top), words, 14, TEXT) + 18
        top += LINE_HEIGHT
    for place, tile in enumerate(panel.tiles):
        _draw_tile(canvas, tile, EDGE + place % COLUMNS * (CELL + GAP), top + place // COLUMNS * (CELL + CAPTION + GAP))


def _draw_tile(canvas: Canvas, tile: Tile, left: int, top: int) -> None:
    rows, columns = tile.picture.shape[:2]
    canvas.box((left, top, left + CELL - 1, top + CELL - 1), (0, 0, 0))
    canvas.paste(outlined(tile), left + (CELL - columns) // 2, top + (CELL - rows) // 2)
    canvas.box((left, top, left + CELL - 1, top + CELL - 1), None, LINE)
    if tile.sides:
        canvas.text((left + CELL - 6, top + CELL / 2), tile.sides[0], 13, WARNING, "rm")
        canvas.text((left + CELL / 2, top + CELL - 4), tile.sides[1], 13, WARNING, "md")
    canvas.text((left + CELL / 2, top + CELL + 3), tile.caption, 13, MUTED, "ma")


def _findings(panel: Panel) -> list[tuple[str, Colour]]:
    found = []
    for told in panel.findings:
        colour = ALARM if told.refuses else WARNING
        end = " – no volume" if told.refuses else ""
        found += [(line, colour) for line in wrap(f"{told.name}{end}: {told.sentence}", 14, WIDTH - 2 * EDGE)]
    return found


def _height(panel: Panel, told: list[tuple[str, Colour]]) -> int:
    rows = -(-len(panel.tiles) // COLUMNS)
    lines = len(told) + bool(panel.regions)
    return HEAD + 5 + lines * LINE_HEIGHT + rows * (CELL + CAPTION + GAP) + 12


def _colour(number: int) -> Colour:
    return OUTLINES[(number - 1) % len(OUTLINES)]


def legend_fits(words: Sequence[str]) -> int:
    """How many entries of a legend fit into one line."""
    used = 0
    for count, entry in enumerate(words):
        used += 17 + width_of(entry, 14) + 18
        if used > WIDTH - 2 * EDGE:
            return count
    return len(words)
