"""Denoising by the median of a square around each pixel: takes single outliers, keeps edges."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Values


class MedianParameters(Parameters):
    """The size of the square."""

    size: Literal[3, 5] = Field(3, description="pixels on a side")


def run(plane: Values, parameters: MedianParameters) -> Values:
    """`plane` with each pixel the median of its square; at the border the outermost pixels count again."""
    return np.asarray(cv2.medianBlur(np.ascontiguousarray(plane), parameters.size), np.float32)


STEP = Step(
    "denoise-median",
    "plane",
    "denoise by the median of a square",
    MedianParameters,
    run,
    version=1,
    packages=("opencv-python-headless",),
)
