"""Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), plane by plane, by OpenCV with 16 bits."""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import Field, model_validator

from tasks.core.steps import Parameters, Step
from tasks.transform.steps.block import Values

_LEVELS = np.float32(2**16 - 1)


class ClaheParameters(Parameters):
    """The range that is equalised, and how much."""

    range: tuple[float, float] | None = Field(
        None, description="values that count, e.g. [-160, 240] HU; null takes the extremes of each plane"
    )
    clip_limit: float = Field(2.0, gt=0, le=40, description="how much steeper than the mean a histogram may be")
    tiles: int = Field(8, ge=1, le=64, description="tiles along each side")

    @model_validator(mode="after")
    def _check(self) -> ClaheParameters:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("range must rise")
        return self


def run(plane: Values, parameters: ClaheParameters) -> Values:
    """`plane` equalised within the range, whose ends stay; values outside of it become the ends.

    Padding holds its neighbours' values, so it is no peak of its own in a tile's histogram and no extreme.
    """
    low, high = parameters.range or (float(plane.min()), float(plane.max()))
    if low >= high:
        return plane
    scale = np.float32((high - low) / _LEVELS)
    codes = np.clip((plane - np.float32(low)) / scale + np.float32(0.5), 0, _LEVELS).astype(np.uint16)
    equalise = cv2.createCLAHE(clipLimit=parameters.clip_limit, tileGridSize=(parameters.tiles, parameters.tiles))
    return np.asarray(equalise.apply(codes).astype(np.float32) * scale + np.float32(low), np.float32)


STEP = Step(
    "clahe",
    "plane",
    "contrast-limited adaptive histogram equalisation",
    ClaheParameters,
    run,
    version=1,
    packages=("opencv-python-headless",),
    drops_unit=True,
)
