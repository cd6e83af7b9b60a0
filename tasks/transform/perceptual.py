"""A fingerprint of what an image looks like, which survives another window, noise, compression and size.

The sign pattern of the low frequencies of the discrete cosine transform, as Zauner, Implementation and Benchmarking of
Perceptual Image Hash Functions (2010), has it, with 16 x 16 coefficients for 8 x 8: neighbouring slices of different
patients differ in the finer ones. What hashes mean to each other is in `tasks.core.likeness`.
"""

from __future__ import annotations

import cv2
import numpy as np

from tasks.core.likeness import BITS
from tasks.transform.decode import Array

SIDE = 32
"""Pixels of the thumbnail that is transformed, each way."""

_KEPT = 16
_REDUCED = 128
"""Pixels each way that are looked at: what is finer than that is noise to the thumbnail."""

_ENDS = (1.0, 99.0)
"""Percentiles between which the grey values count: what another window would cut off."""


def perceptual_hash(image: Array, *, inverted: bool = False) -> str | None:
    """The hash of an image (rows x columns, or with channels behind) as 64 hexadecimal digits.

    `inverted` is for MONOCHROME1, so that it hashes like its MONOCHROME2 twin. None for an image of one value only,
    which looks like every other such image.
    """
    grey = image.astype(np.float32)
    grey = grey.mean(axis=-1) if grey.ndim > 2 else grey
    if image.dtype.kind == "f":
        grey = np.nan_to_num(grey)
    rows, columns = (min(side, _REDUCED) for side in grey.shape)
    grey = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(grey, _ENDS)
    if not high > low:
        low, high = grey.min(), grey.max()
    if not high > low:
        return None
    scaled = np.clip((grey - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
    thumbnail = cv2.resize(1.0 - scaled if inverted else scaled, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(thumbnail)[:_KEPT, :_KEPT].ravel()[1:]  # without the mean, which a window changes
    waves = np.round(waves, 4)  # so that the last bit of a processor's sums is not taken for a wave
    bits = np.zeros(BITS, dtype=np.uint8)
    bits[1:] = waves > np.median(waves)
    return np.packbits(bits).tobytes().hex()
