"""Cropping rows and columns to the body: the largest connected part above a threshold. All slices stay."""

from __future__ import annotations

import math

import numpy as np
from pydantic import Field

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Block, CannotStep


class CropParameters(Parameters):
    """What is body, and how much is left around it."""

    threshold: float | None = Field(
        None, description="values above it are body, e.g. -500 for CT; null takes Otsu's threshold"
    )
    margin: float = Field(5.0, ge=0, description="mm that are left around the body")


def run(block: Block, parameters: CropParameters) -> Block:
    """`block` with the rows and columns that the body needs."""
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    counted = block.counted()
    if not counted.size:
        raise CannotStep("all of it is padding")
    low, high = float(counted.min()), float(counted.max())
    if low == high:
        raise CannotStep("all values are the same")
    limit = float(threshold_otsu(counted)) if parameters.threshold is None else parameters.threshold
    body = block.values > limit
    parts, count = ndimage.label(body if block.known is None else body & block.known)
    if count == 0:
        raise CannotStep("no value is above the threshold")
    largest = parts == int(np.bincount(parts.ravel())[1:].argmax()) + 1
    _, height, width = block.values.shape
    y = _span(largest.any(axis=(0, 2)), parameters.margin / block.spacing[1], height)
    x = _span(largest.any(axis=(0, 1)), parameters.margin / block.spacing[2], width)
    return block.moved(np.ascontiguousarray(block.values[:, y, x]), (x.start, y.start, 0))


def _span(held: np.ndarray[tuple[int], np.dtype[np.bool_]], margin: float, size: int) -> slice:
    found = np.flatnonzero(held)
    more = math.ceil(margin)
    return slice(max(0, int(found[0]) - more), min(size, int(found[-1]) + 1 + more))


STEP = Step(
    "crop-body",
    "volume",
    "crop rows and columns to the body",
    CropParameters,
    run,
    version=2,
    packages=("scipy", "scikit-image"),
    needs_unit=True,
)
