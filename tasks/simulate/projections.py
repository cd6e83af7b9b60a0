"""Chest radiographs: the chest of `anatomy` seen from the front, as CR and DX machines show it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tasks.simulate.anatomy import Anatomy, Floats


def draw_radiograph(anatomy: Anatomy, rng: np.random.Generator, size: int) -> Floats:
    """A posterior-anterior view, (size, size), from 0 (air) to 1 (bone); the patient's left is on the right."""
    step = 400 / size
    axis = ((np.arange(size, dtype=np.float32) + 0.5) * step - 200).astype(np.float32)
    x, y = axis[None, :], axis[:, None] + np.float32(10)  # y runs towards the feet
    density: npt.NDArray[Any] = (
        0.30
        * _edge(1 - np.abs(x) / (anatomy.body.a + 0.12 * y), 0.05)
        * (0.75 + 0.25 * _edge(1 - np.abs(x) / 120, 0.5))
    )
    density += 0.42 * np.exp(-((x / 26) ** 2)) * _edge(y + 190, 30)  # spine and mediastinum
    for side, lung in ((-1, anatomy.right_lung), (1, anatomy.left_lung)):
        floor = 92 + 10 * side
        inside = _dome(x - lung.x, y + 25, lung.a * 0.98, 128) * _edge(floor - y - 0.006 * (x - lung.x) ** 2, 4)
        density -= 0.27 * inside
    heart = anatomy.heart
    turned = (x - heart.x - 4) * np.float32(0.9) + (y - 42) * np.float32(0.35)
    across = (y - 42) * np.float32(0.9) - (x - heart.x - 4) * np.float32(0.35)
    density += 0.30 * _dome(turned, across, heart.a * 1.25, heart.c * 0.95)
    if anatomy.lesion is not None:
        lesion = anatomy.lesion
        density += 0.24 * _dome(x - lesion.x - 6, y - 40 - lesion.z, lesion.a * 1.1, lesion.c * 0.7)
    density += 0.14 * _ribs(size, step, anatomy, rng)
    for height in range(-170, 180, 24):  # vertebral bodies
        density += 0.06 * _dome(x, y - height, 19, 9)
    image = cv2.GaussianBlur(density.astype(np.float32), (0, 0), 0.9)
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(image + grain * np.float32(0.012) + np.float32(0.03), 0, 1).astype(np.float32)  # type: ignore[no-any-return]


def _edge(distance: npt.NDArray[Any], width: float) -> Floats:
    return np.clip(distance / np.float32(width) + np.float32(0.5), 0, 1).astype(np.float32)


def _dome(x: npt.NDArray[Any], y: npt.NDArray[Any], a: float, b: float) -> Floats:
    # the path of a ray through an ellipsoid, as a share of its depth
    path: Floats = np.sqrt(np.clip(1 - (x / np.float32(a)) ** 2 - (y / np.float32(b)) ** 2, 0, 1)).astype(np.float32)
    return path


def _ribs(size: int, step: float, anatomy: Anatomy, rng: np.random.Generator) -> Floats:
    canvas = np.zeros((size, size), np.float32)
    turn = np.linspace(0, 1, 24)
    lean = rng.uniform(0.9, 1.1)
    for number in range(9):
        top = -150 + number * 27
        reach = (anatomy.body.a - anatomy.fat - 12) * (0.62 + 0.38 * min(1, number / 4))
        for side in (-1, 1):
            for drop, share in ((34 * lean, 1.0), (62 * lean, 0.55)):  # the back part and the fainter front part
                x = side * (22 + (reach - 22) * np.sin(turn * np.pi / 2))
                y = top + drop * turn**1.6 + (26 if share < 1 else 0)
                points = np.round(np.stack([(x + 200) / step, (y + 190) / step], axis=1) * 16).astype(np.int32)
                line = np.zeros_like(canvas)
                cv2.polylines(line, [points], False, share, max(1, round(9 / step)), cv2.LINE_8, 4)
                np.maximum(canvas, line, out=canvas)
    return cv2.GaussianBlur(canvas, (0, 0), 1.2)  # type: ignore[no-any-return]
