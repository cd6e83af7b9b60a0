"""PALETTE COLOR to RGB (PS3.3 C.7.6.3.1.5 and C.7.9): the tables of the header, plain or segmented."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset
from pydicom.pixels.processing import apply_color_lut

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.transform.decode import Array
from tasks.transform.headers import read, word_type

_COLOURS = ("Red", "Green", "Blue")


def apply_palette(indices: Array, ds: Dataset) -> tuple[Array, int]:
    """RGB of `indices`, shape (rows, columns, 3), and its bits a sample.

    Tables that hold 8-bit values in 16-bit entries count as 8 bit. Raises BAD_PIXEL_HEADER
    where the tables are unusable.
    """
    try:
        rgb: Array = apply_color_lut(indices, ds)
    except Exception:  # pydicom: missing tables, lengths that don't fit, descriptors of no sense
        raise QuarantineUnit(Reason.BAD_PIXEL_HEADER) from None
    bits = 8 * rgb.dtype.itemsize
    if bits == 16 and _highest(ds) < 2**8:
        bits = 8
    return rgb, bits


def _highest(ds: Dataset) -> int:
    """The highest entry of the plain tables; 65535 for segmented ones, whose entries aren't the colours."""
    highest = 0
    for colour in _COLOURS:
        table = read(ds, f"{colour}PaletteColorLookupTableData")
        if not isinstance(table, bytes):
            return 2**16 - 1
        highest = max(highest, int(np.frombuffer(table[: len(table) // 2 * 2], word_type(ds)).max(initial=0)))
    return highest
