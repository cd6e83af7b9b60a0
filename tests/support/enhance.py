"""Pictures, releases and series for the tests of enhancement: drawn shapes, small, the same each time."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tasks.core.files import write_table
from tasks.transform.enhance.cases import Case
from tasks.transform.enhance.weights import SHAPES, Weights
from tasks.transform.windows import Image

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: make torch"
)
SPLITS = ("train", "train", "train", "train", "validation", "test", "test")


def draw_picture(seed: int, size: int = 96) -> Image:
    """Ellipses of many sizes on a ground, with a little noise; (size, size) in [0, 1]."""
    random = np.random.default_rng(seed)
    fine = np.full((size * 4, size * 4), 0.1, np.float32)
    for _ in range(40):
        centre = tuple(int(part) for part in random.integers(0, size * 4, 2))
        axes = tuple(int(part) for part in random.integers(4, size, 2))
        cv2.ellipse(fine, centre, axes, float(random.integers(0, 180)), 0, 360, float(random.uniform(0.1, 0.9)), -1)
    image = cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)
    return np.clip(image + random.normal(0, 0.004, image.shape), 0, 1).astype(np.float32)


def write_release(folder: Path, *, pictures: int = 3, splits: tuple[str, ...] = SPLITS) -> Path:
    """A release of one CT series a patient: PNGs and the two tables that training reads."""
    rows = []
    for number in range(len(splits)):
        for index in range(pictures):
            path = f"images/CT/p{number}_{index:04d}.png"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            codes = np.rint(draw_picture(100 * number + index) * 255).astype(np.uint8)
            cv2.imwrite(str(folder / path), codes)
            rows.append(
                {
                    "unit": f"u{number}", "patient": f"p{number}", "modality": "CT", "image_path": path,
                    "photometric": "MONOCHROME2", "slice_index": index + 1, "frame": 1,
                }
            )  # fmt: skip
    write_table(pd.DataFrame(rows), folder / "instances.parquet")
    patients = [f"p{number}" for number in range(len(splits))]
    write_table(pd.DataFrame({"patient": patients, "split": splits}), folder / "splits.parquet")
    return folder


def make_case(
    *, radius: int = 6, contrast: float = 0.3, noise: float = 0.02, patient: int = 1, series: int = 1
) -> Case:
    """Five slices of 64 x 64 with a disc in the middle of three of them, and its mask; pixels of 1 mm."""
    random = np.random.default_rng([patient, series, radius])
    masks = np.zeros((5, 64, 64), np.uint8)
    for index in (1, 2, 3):
        cv2.circle(masks[index], (32, 32), radius, 1, -1)
    pictures = 0.4 + contrast * masks + random.normal(0, noise, masks.shape)
    return Case(patient, series, "CT", pictures.astype(np.float32), (1.0, 1.0), ((1, masks.astype(bool)),))


def identity_weights(scale: int = 2) -> Weights:
    """A network that gives back what it is given."""
    layers = {name: np.zeros(shape, np.float32) for name, shape in SHAPES.items()}
    layers["features"][0, 4, 4] = layers["mapping"][0, 0] = layers["reconstruction"][0, 2, 2] = 1.0
    return Weights(layers, scale)


def random_weights(seed: int = 0, scale: int = 2) -> Weights:
    """A network of noise."""
    random = np.random.default_rng(seed)
    return Weights({name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in SHAPES.items()}, scale)
