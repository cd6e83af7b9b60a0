"""Echocardiograms: a four-chamber view as a sector, with speckle, grey or with a Doppler patch in colour."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tasks.simulate.anatomy import Anatomy, Ellipse

Bytes = npt.NDArray[np.uint8]
HALF_ANGLE = 0.72
DEPTH_CM = 16.0


def sector_box(rows: int, columns: int) -> tuple[int, int, int, int]:
    """The rectangle (x0, y0, x1, y1) that holds the sector, in pixels; outside of it is only annotation."""
    reach = rows - 44
    half = round(reach * np.sin(HALF_ANGLE))
    return columns // 2 - half, 28, columns // 2 + half, 28 + reach


def draw_sector(anatomy: Anatomy, rng: np.random.Generator, rows: int, columns: int, beat: float) -> Bytes:
    """A grey sector image, (rows, columns); `beat` is the phase of the heart, 0 to 1."""
    x0, y0, x1, y1 = sector_box(rows, columns)
    reach = y1 - y0
    across = (np.arange(columns, dtype=np.float32) - (x0 + x1) / 2)[None, :]
    down = (np.arange(rows, dtype=np.float32) - y0)[:, None]
    radius, angle = np.hypot(across, down), np.arctan2(across, down)
    depth = radius / reach * np.float32(DEPTH_CM)  # cm
    side = depth * np.sin(angle)
    height = depth * np.cos(angle)
    echo = 0.42 - 0.006 * depth
    size = anatomy.heart.a / 50 * (1 - 0.10 * np.cos(2 * np.pi * beat))
    squeeze = 1 - 0.16 * np.cos(2 * np.pi * beat)
    for chamber in (
        Ellipse(-1.9, 6.0, 1.3 * squeeze, 2.7 * size, 0.14),
        Ellipse(1.9, 6.2, 1.6 * squeeze, 3.0 * size, -0.12),
        Ellipse(-1.9, 11.4, 1.6, 1.8 * size),
        Ellipse(2.0, 11.6, 1.7, 1.9 * size),
    ):
        distance = np.hypot((side - chamber.x) / chamber.a, (height - chamber.y) / chamber.b)
        inside = np.clip((1 - distance) * 6 + 0.5, 0, 1)
        echo = echo * (1 - inside) + 0.05 * inside + 0.35 * np.exp(-(((distance - 1.1) / 0.09) ** 2))
    if anatomy.lesion is not None:
        shift = anatomy.lesion.z / 40
        distance = np.hypot((side - 2.1 - shift) / 1.15, (height - 11.3 + shift) / 1.3)
        echo = np.maximum(echo, 0.85 * np.clip((1 - distance) * 5 + 0.5, 0, 1))
    beams = rng.rayleigh(0.8, (160, 256)).astype(np.float32)
    beams = cv2.GaussianBlur(beams, (0, 0), sigmaX=1.6, sigmaY=0.7)
    speckle = cv2.remap(
        beams,
        np.broadcast_to((angle / HALF_ANGLE + 1) * 127.5, (rows, columns)).astype(np.float32),
        np.broadcast_to(depth * 9.6, (rows, columns)).astype(np.float32),
        cv2.INTER_LINEAR,
    )
    visible = (np.abs(angle) < HALF_ANGLE) & (radius < reach)
    seen: Bytes = np.where(visible, np.clip(np.maximum(echo, 0.02) * speckle * 215, 0, 235), 0).astype(np.uint8)
    return seen


def tint(grey: Bytes, beat: float) -> Bytes:
    """`grey` (rows, columns) as RGB with a patch of Doppler colour below the mitral valve."""
    rows, columns = grey.shape
    x0, y0, x1, y1 = sector_box(rows, columns)
    x, y = np.arange(columns)[None, :], np.arange(rows)[:, None]
    middle = ((x0 + x1) / 2 + 0.13 * (y1 - y0), y0 + 0.52 * (y1 - y0))
    share = np.exp(-(((x - middle[0]) / 16) ** 2) - ((y - middle[1]) / 30) ** 2)[..., None]
    share[share < 0.15] = 0
    colour = np.array([230, 60, 30] if beat < 0.5 else [40, 90, 235], float)
    tinted: Bytes = np.clip(grey[..., None] * (1 - share) + colour * share, 0, 255).astype(np.uint8)
    return tinted
