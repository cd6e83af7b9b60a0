"""The Image Pixel module (PS3.3 C.7.6.3): read, checked, and measured against the limits before any memory is taken.

Decoding itself is in decode.py. Raises `UnitError` with a reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.transform.headers import has, integer, is_empty, text, uid

MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2"})
PALETTE = "PALETTE COLOR"
_SINGLE = MONOCHROME | {PALETTE}
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})
_FLOATS = {"FloatPixelData": (32, np.float32), "DoubleFloatPixelData": (64, np.float64)}


@dataclass(frozen=True)
class PixelHeader:
    """The Image Pixel module (PS3.3 C.7.6.3), checked. `keyword` is the element that holds the pixels."""

    keyword: str
    transfer_syntax: str
    photometric: str
    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool

    @property
    def is_float(self) -> bool:
        """Whether the pixels are IEEE 754 numbers."""
        return self.keyword in _FLOATS

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of decoded frames, whatever the encoding: that of BitsAllocated and PixelRepresentation."""
        if self.is_float:
            return np.dtype(_FLOATS[self.keyword][1])
        return _integers(self.bits_allocated, self.signed)

    @property
    def stored_range(self) -> tuple[int, int]:
        """The lowest and the highest whole number that BitsStored and PixelRepresentation can hold."""
        half = 2 ** (self.bits_stored - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def native_bytes(self) -> int:
        """The length of the pixel data without compression and padding, in bytes."""
        bits = self.rows * self.columns * self.samples * self.frames * self.bits_allocated
        return math.ceil(bits / 8) * 2 // 3 if self.photometric == "YBR_FULL_422" else math.ceil(bits / 8)


def read_pixel_header(ds: Dataset) -> PixelHeader:
    """The checked pixel header of an instance with pixel data; raises for what is missing, impossible or unknown."""
    present = [keyword for keyword in ("PixelData", *_FLOATS) if has(ds, keyword)]
    keyword = present[0] if len(present) == 1 else None
    header = PixelHeader(
        keyword=_required(keyword),
        transfer_syntax=find_transfer_syntax(ds),
        photometric=_required(text(ds, "PhotometricInterpretation")),
        rows=_within(integer(ds, "Rows"), 1, 65535),
        columns=_within(integer(ds, "Columns"), 1, 65535),
        samples=_within(integer(ds, "SamplesPerPixel"), 1, 3),
        frames=1 if is_empty(ds, "NumberOfFrames") else _within(integer(ds, "NumberOfFrames"), 1, 2**31),
        bits_allocated=_within(integer(ds, "BitsAllocated"), 1, 64),
        bits_stored=integer(ds, "BitsStored") or 0,
        signed=keyword == "PixelData" and _within(integer(ds, "PixelRepresentation"), 0, 1) == 1,
    )
    samples = 1 if header.photometric in _SINGLE else 3 if header.photometric in _COLOUR else 0
    if header.samples != samples or (header.bits_allocated != 1 and header.bits_allocated % 8):
        raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    if header.is_float:
        if header.bits_allocated != _FLOATS[header.keyword][0] or header.samples != 1:
            raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    else:
        _within(header.bits_stored, 1, header.bits_allocated)
        high_bit = integer(ds, "HighBit")
        if high_bit is not None and high_bit != header.bits_stored - 1:  # PS3.5 8.1.1; other layouts are ACR-NEMA's
            raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    if header.samples == 3 and integer(ds, "PlanarConfiguration") not in (0, 1):
        raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    return header


def find_transfer_syntax(ds: Dataset) -> str:
    """The transfer syntax of `ds`; where file meta is missing, the native one that it was read by."""
    meta = getattr(ds, "file_meta", None)
    found = uid(meta, "TransferSyntaxUID") if meta is not None else None
    if found:
        return found
    implicit, little = ds.original_encoding
    return str(ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian)


def check_limits(header: PixelHeader, max_pixels: int) -> None:
    """Refuse what promises more than `max_pixels` (rows x columns x samples x frames) before anything is allocated."""
    if header.rows * header.columns * header.samples * header.frames > max_pixels:
        raise QuarantineUnit(Reason.OVERSIZED)


@cache
def _integers(bits: int, signed: bool) -> np.dtype[Any]:
    width = next(width for width in (8, 16, 32, 64) if width >= bits)
    return np.dtype(f"{'int' if signed else 'uint'}{width}")


def _required(value: str | None) -> str:
    if value is None:
        raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    return value


def _within(value: int | None, low: int, high: int) -> int:
    if value is None or not low <= value <= high:
        raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    return value
