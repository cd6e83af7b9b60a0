"""Pixels that carry no image (PixelPaddingValue, no finite number) within a chain: told apart, filled, and put back.

They come as NaN. Steps that look at neighbours see the nearest pixel that is none; steps that count values are told
which are known; and after the chain padding is the lowest value that there is.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


def known_of(values: Values) -> Mask | None:
    """Which values are finite numbers; None where all are."""
    known = np.isfinite(values)
    return None if known.all() else known


def lowest(values: Values, known: Mask) -> np.float32:
    """The lowest known value; 0 where none is known."""
    return np.float32(values[known].min() if known.any() else 0)


def fill(values: Values, known: Mask) -> Values:
    """`values`, shape (…, rows, columns), with the nearest known pixel of its plane in place of what isn't known.

    A plane on which nothing is known gets the lowest value of all.
    """
    found = put_back(values, known)
    for index in np.ndindex(values.shape[:-2]):
        own = known[index]
        if own.any() and not own.all():
            found[index] = _nearest(values[index], own)
    return found


def put_back(values: Values, known: Mask) -> Values:
    """`values` with the lowest known one wherever nothing is known."""
    return np.where(known, values, lowest(values, known))


def _nearest(plane: Values, known: Mask) -> Values:
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    by_label = np.zeros(int(labels.max()) + 1, np.float32)
    by_label[labels[known]] = plane[known]
    return np.asarray(by_label[labels])
