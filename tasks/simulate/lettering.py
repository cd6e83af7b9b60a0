"""Text burned into pixels, as machines write it: the patient's name, number and dates in a corner or a header line."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from tasks.simulate.plan import Study


@lru_cache(maxsize=8)
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height)


def overlay_lines(study: Study) -> tuple[str, ...]:
    """What the machine writes over an image of `study`: Latin letters only, as most consoles do."""
    patient = study.patient
    return (
        f"{patient.name.family.upper()}, {patient.name.given.upper()}",
        f"{patient.patient_id}  {patient.born:%Y%m%d}",
        f"{study.day:%Y-%m-%d}",
    )


def text_mask(
    shape: tuple[int, int], lines: tuple[str, ...], height: int = 12, left: int = 4, top: int = 2
) -> npt.NDArray[np.float32]:
    """How much of each pixel the letters cover, (rows, columns), 0 to 1; `height` is the letters' size in pixels."""
    picture = Image.new("L", (shape[1], shape[0]))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((left, top + number * (height + 2)), line, fill=255, font=_font(height))
    return np.asarray(picture, np.float32) / np.float32(255)
