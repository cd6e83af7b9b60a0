"""Pictures without text, roughly as each kind of machine makes them: grey from 0 to 1, with edges, texture and noise.

They need not fool a radiologist; they need what makes a detector of text err: bones, vessels, speckle, hard borders.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[Any]
Generator = np.random.Generator


def picture(rng: Generator, modality: str, rows: int, columns: int) -> Picture:
    """A picture of `modality`: (rows, columns), 0 to 1."""
    drawn = _DRAWN.get(modality, _radiograph)(rng, rows, columns)
    return np.clip(drawn, 0, 1).astype(np.float32)


def _axes(rows: int, columns: int) -> tuple[Picture, Picture]:
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    return (y / rows - 0.5) * 2, (x / columns - 0.5) * 2


def _clouds(rng: Generator, rows: int, columns: int, coarse: int) -> Picture:
    """Smooth random structure, -1 to 1."""
    small = rng.normal(size=(max(2, rows // coarse), max(2, columns // coarse))).astype(np.float32)
    field = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field / (np.abs(field).max() + 1e-6), np.float32)


def _ellipse(y: Picture, x: Picture, *shape: float) -> Any:
    """How much of each pixel an ellipse covers; `shape` is its middle (y, x), its radii, and how soft its edge is."""
    cy, cx, ry, rx, soft = (*shape, 0.03)[:5]
    distance = np.hypot((y - cy) / ry, (x - cx) / rx)
    return np.clip((1 - distance) / soft, 0, 1).astype(np.float32)


def _radiograph(rng: Generator, rows: int, columns: int) -> Picture:
    y, x = _axes(rows, columns)
    image = 0.35 + 0.3 * _ellipse(y, x, 0.1, 0, 1.1, 0.95, 0.6) + 0.06 * _clouds(rng, rows, columns, 24)
    for side in (-0.45, 0.45):
        image = image - 0.32 * _ellipse(y, x, -0.05, side, 0.7, 0.33, 0.35)
    for number in range(7):
        height = -0.7 + 0.2 * number + 0.25 * x**2
        image = image + 0.07 * np.exp(-(((y - height) / 0.035) ** 2)) * (np.abs(x) > 0.12)
    image = image + 0.2 * np.exp(-((x / 0.09) ** 2))
    return np.asarray(image + rng.normal(0, 0.012, (rows, columns)), np.float32)


def _mammogram(rng: Generator, rows: int, columns: int) -> Picture:
    y, x = _axes(rows, columns)
    breast = _ellipse(y, x, 0, -1, 0.85, 1.25, 0.08)
    image = breast * (0.45 + 0.12 * _clouds(rng, rows, columns, 8) + 0.1 * _clouds(rng, rows, columns, 30))
    return np.asarray(image + 0.02 + breast * rng.normal(0, 0.01, (rows, columns)), np.float32)


def _ultrasound(rng: Generator, rows: int, columns: int) -> Picture:
    y, x = _axes(rows, columns)
    depth, side = y + 1.05, x
    sector = (np.abs(np.arctan2(side, depth)) < 0.62) & (np.hypot(depth, side) < 1.85) & (np.hypot(depth, side) > 0.25)
    speckle = rng.rayleigh(0.5, (rows, columns)).astype(np.float32)
    speckle = cv2.GaussianBlur(speckle, (0, 0), 1.1)
    tissue = np.clip(0.35 + 0.35 * _clouds(rng, rows, columns, 28), 0.02, 1)
    for _ in range(3):
        tissue = tissue * (1 - 0.9 * _ellipse(y, x, *rng.uniform(-0.4, 0.5, 2), *rng.uniform(0.08, 0.22, 2), 0.2))
    return np.asarray(sector * tissue * speckle, np.float32)


def _angiogram(rng: Generator, rows: int, columns: int) -> Picture:
    image = 0.6 + 0.12 * _clouds(rng, rows, columns, 40) + rng.normal(0, 0.015, (rows, columns))
    image = np.ascontiguousarray(image, np.float32)
    for _ in range(6):
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, 60))
        points = np.stack([np.cos(heading), np.sin(heading)], 1).cumsum(axis=0) * (rows + columns) / 90
        points += rng.uniform(0.2, 0.8, 2) * (columns, rows)
        vessels = np.zeros((rows, columns), np.float32)
        cv2.polylines(vessels, [points.astype(np.int32).reshape(-1, 1, 2)], False, 1.0, int(rng.integers(1, 6)))
        image -= 0.3 * cv2.GaussianBlur(vessels, (0, 0), 0.8)
    return image


def _slice(rng: Generator, rows: int, columns: int) -> Picture:
    y, x = _axes(rows, columns)
    image = 0.45 * _ellipse(y, x, 0, 0, 0.68, 0.86)
    image = image + 0.18 * _ellipse(y, x, 0.45, 0, 0.14, 0.12) * 2
    for _ in range(5):
        image = image + rng.uniform(-0.2, 0.25) * _ellipse(
            y, x, *rng.uniform(-0.35, 0.35, 2), *rng.uniform(0.08, 0.25, 2), 0.1
        )
    image = image * (1 + 0.08 * _clouds(rng, rows, columns, 12))
    return np.asarray(image + rng.normal(0, 0.012, (rows, columns)), np.float32)


def _emission(rng: Generator, rows: int, columns: int) -> Picture:
    y, x = _axes(rows, columns)
    mean = 0.05 + 0.2 * _ellipse(y, x, 0, 0, 0.8, 0.5, 0.4)
    for _ in range(4):
        mean = mean + rng.uniform(0.2, 0.7) * _ellipse(y, x, *rng.uniform(-0.5, 0.5, 2), 0.12, 0.1, 0.8)
    return np.asarray(rng.poisson(mean * 40) / 40, np.float32)


def _screen(rng: Generator, rows: int, columns: int) -> Picture:
    """A workstation's page without its words: panels, a small slice, a curve with axes."""
    page = np.full((rows, columns), 0.08, np.float32)
    half = columns // 2
    top = rows // 6
    page[top : rows - top, 8 : half - 8] = _slice(rng, rows - 2 * top, half - 16)
    cv2.rectangle(page, (half + 8, top), (columns - 10, rows - top), 0.3, 1)
    steps = np.linspace(half + 12, columns - 14, 40)
    heights = rows * (0.5 - 0.22 * np.sin(np.linspace(0, rng.uniform(3, 8), 40)))
    cv2.polylines(page, [np.stack([steps, heights], 1).astype(np.int32).reshape(-1, 1, 2)], False, 0.8, 1)
    return np.asarray(page + rng.normal(0, 0.003, page.shape), np.float32)


_DRAWN: dict[str, Callable[[Generator, int, int], Picture]] = {
    "CR": _radiograph,
    "DX": _radiograph,
    "MG": _mammogram,
    "US": _ultrasound,
    "XA": _angiogram,
    "CT": _slice,
    "MR": _slice,
    "PT": _emission,
    "NM": _emission,
    "SC": _screen,
}
