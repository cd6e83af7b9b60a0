"""From stored values to output units: rescale or modality LUT (PS3.3 C.11.1); and which pixels are padding.

The first half of the grey-scale pipeline; windows come after it, in intensity.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import Dataset

from tasks.transform.decode import Array
from tasks.transform.frames import Layers, first_item, first_number, first_text
from tasks.transform.headers import integer, number, read, word_type
from tasks.transform.pixels import MONOCHROME, PixelHeader

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating[Any]]

_UNIT = re.compile(r"[A-Z0-9_]{1,16}")
_UNSPECIFIED = "US"


@dataclass(frozen=True)
class Lut:
    """A look-up table: input `first` maps to data[0], lower inputs too, inputs past the end to the last entry.

    `bits` is how many bits of an entry are used.
    """

    first: int
    data: npt.NDArray[np.uint16]
    bits: int

    def apply(self, values: Array) -> npt.NDArray[np.float32]:
        """The entries for `values`, as floats; values between two whole numbers are rounded to the nearest."""
        index = np.rint(values) if values.dtype.kind == "f" else values.astype(np.int64)
        found: npt.NDArray[np.float32] = self.data.astype(np.float32)[
            np.clip(index - self.first, 0, len(self.data) - 1).astype(np.intp)
        ]
        return found


def read_lut(item: Dataset | None, signed: bool) -> Lut | None:
    """The table of an item of ModalityLUTSequence or VOILUTSequence (PS3.3 C.11.1.1.1); None if it can't be used."""
    if item is None:
        return None
    descriptor, data = read(item, "LUTDescriptor"), read(item, "LUTData")
    if descriptor is None or data is None or len(descriptor) != 3:
        return None
    try:
        entries, first, bits = (int(part) for part in descriptor)
        entries = entries % 2**16 or 2**16
        if isinstance(data, bytes):
            table = np.frombuffer(data, word_type(item) if len(data) >= 2 * entries else "u1").astype(np.uint16)
        else:
            table = np.atleast_1d(np.array(data, dtype=np.int64)).astype(np.uint16)
    except (TypeError, ValueError, OverflowError):
        return None
    if not 1 <= bits <= 16 or table.size == 0:
        return None
    table = table[:entries]
    if signed and first >= 2**15:
        first -= 2**16
    elif not signed and first < 0:
        first += 2**16
    return Lut(first, table, max(bits, int(table.max()).bit_length()))


def apply_modality(stored: Array, header: PixelHeader, layers: Layers) -> Floats:
    """Stored values in output units: float32 for up to 16 bits, else float64, in which their whole numbers are exact.

    A RescaleSlope of 0 cannot be meant and is read as 1.
    """
    lut = read_lut(first_item(layers, "ModalityLUTSequence"), header.signed)
    if lut is not None:
        return lut.apply(stored)
    wide = header.bits_stored > 16 or header.dtype == np.float64
    values: Floats = stored.astype(np.float64 if wide else np.float32)
    slope, intercept = rescale_of(layers)
    if slope != 1.0:
        np.multiply(values, slope, out=values)
    if intercept != 0.0:
        np.add(values, intercept, out=values)
    return values


def rescale_of(layers: Layers) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept of a frame; 1 and 0 where it has none."""
    return first_number(layers, "RescaleSlope") or 1.0, first_number(layers, "RescaleIntercept") or 0.0


def name_unit(layers: Layers, modality: str) -> str:
    """The unit of output values: RescaleType or ModalityLUTType, PET's Units, HU for CT; else US (unspecified)."""
    lut = first_item(layers, "ModalityLUTSequence")
    found = first_text((lut,), "ModalityLUTType") if lut is not None else first_text(layers, "RescaleType")
    if found in (None, _UNSPECIFIED):
        found = first_text(layers, "Units") if modality == "PT" else "HU" if modality == "CT" else None
    return found if found and _UNIT.fullmatch(found) else _UNSPECIFIED


def find_padding(stored: Array, header: PixelHeader, ds: Dataset) -> Mask | None:
    """Which pixels carry no image: PixelPaddingValue or its range (PS3.3 C.7.5.1.1.2), or no finite number."""
    mask: Mask | None = None
    if header.photometric in MONOCHROME and not header.is_float:
        value = _stored_value(integer(ds, "PixelPaddingValue"), header)
        limit = _stored_value(integer(ds, "PixelPaddingRangeLimit"), header)
        if value is not None:
            low, high = sorted((value, value if limit is None else limit))
            mask = stored == low if low == high else (stored >= low) & (stored <= high)
    elif header.is_float:
        mask = ~np.isfinite(stored)
        value_of_float = number(ds, header.keyword.replace("PixelData", "PixelPaddingValue"))
        if value_of_float is not None:
            mask |= stored == header.dtype.type(value_of_float)
    return mask if mask is not None and mask.any() else None


def _stored_value(value: int | None, header: PixelHeader) -> int | None:
    """`value` as a stored value: its VR is ambiguous (US or SS), so it may have been read with the other sign."""
    if value is None:
        return None
    span = 2 ** (16 if header.bits_allocated <= 16 else 32)
    if header.signed:
        return (value + span // 2) % span - span // 2
    return value % span
