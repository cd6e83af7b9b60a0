"""Deterministic PNG: 8 or 16 bit grey, 8 bit RGB, fixed compression, no metadata."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np

from tasks.transform.windows import Image

# Runs alone, and one filter for all rows: noise has little else to find, and the usual search takes four times as long
# for files that are no smaller. 16 bits have so much noise that a filter only adds to it.
_RUNS = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
_SHALLOW = [*_RUNS, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
_DEEP = [*_RUNS, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]


def encode_png(image: Image, bits: int) -> tuple[bytes, str]:
    """The PNG of an image in [0, 1] and its SHA-256. Value v becomes round(v * (2^bits - 1)), halves upwards.

    Shape (rows, columns), or (rows, columns, 3) for RGB, which is always 8 bit.
    """
    deep = bits == 16 and image.ndim == 2
    highest = np.float32(2**16 - 1 if deep else 2**8 - 1)
    scaled = image * highest
    scaled += np.float32(0.5)
    codes = scaled.astype(np.uint16 if deep else np.uint8)
    if image.ndim == 3:
        codes = np.ascontiguousarray(codes[..., ::-1])  # OpenCV takes blue, green, red
    encoded, buffer = cv2.imencode(".png", codes, _DEEP if deep else _SHALLOW)
    if not encoded:
        raise RuntimeError("the PNG encoder failed")
    content = buffer.tobytes()
    return content, hashlib.sha256(content).hexdigest()
