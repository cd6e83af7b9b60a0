"""Reading the PNGs of a release: as they are stored, and in grey as numbers from 0 to 1."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from tasks.core.errors import ContractViolation

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def decode_png(content: bytes, name: str) -> Pixels:
    """The picture as stored, uint8 or uint16, (rows, columns) or (rows, columns, 3) in BGR.

    `ContractViolation`, which tells `name`, where it is none.
    """
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if pixels is None:
        raise ContractViolation(f"{name} is no PNG: get the release again, or check it with `sluice release verify`")
    return np.asarray(pixels)


def as_floats(pixels: Pixels) -> npt.NDArray[np.float32]:
    """From 0 to 1, where 1 is the highest value that the bit depth has."""
    return np.asarray(pixels / np.float32(np.iinfo(pixels.dtype).max), dtype=np.float32)


def read_grey(path: Path) -> npt.NDArray[np.float32]:
    """A PNG file as float32 from 0 to 1, (rows, columns); colours become grey. Errors as `decode_png`."""
    try:
        pixels = decode_png(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise ContractViolation(f"{path.name} is missing: get the release again") from None
    return as_floats(cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2GRAY) if pixels.ndim == 3 else pixels)
