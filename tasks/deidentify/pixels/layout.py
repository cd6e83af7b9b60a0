"""The Image Pixel module (PS3.3 C.7.6.3) of a source, checked: how samples lie in a frame and what they mean.

Reading frames by it is frames.py's work. Words are samples as they are stored, without sign; values are what they mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydicom.uid import ExplicitVRBigEndian

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.read import number_of, text_of
from tasks.deidentify.pixels.outcome import PIXEL_DATA, PixelSource

Array = npt.NDArray[Any]

MOST_SAMPLES = 2**26  # of one frame; a larger one would not fit into the memory that a process is given
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True)
class Layout:
    """`planar` is PlanarConfiguration 1, `order` that of bytes; `swapped` says that bytes lie in swapped pairs."""

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high: int
    signed: bool
    photometric: str
    planar: bool
    order: Literal["<", ">"]
    swapped: bool
    floating: bool

    @property
    def word(self) -> np.dtype[Any]:
        """The dtype of words in memory; of floats where the pixels are floats."""
        if self.floating:
            return np.dtype(f"f{self.allocated // 8}")
        return np.dtype(f"u{max(1, self.allocated // 8)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a frame's words: (rows, columns) or (rows, columns, samples)."""
        return (self.rows, self.columns) if self.samples == 1 else (self.rows, self.columns, self.samples)

    @property
    def subsampled(self) -> bool:
        """Whether two pixels share their colour, when not compressed (PS3.3 C.7.6.3.1.2)."""
        return self.photometric == "YBR_FULL_422"

    @property
    def native_bytes(self) -> int:
        """Of one frame without compression; frames of single bits are rounded up."""
        bits = self.rows * self.columns * self.samples * self.allocated
        return bits // 8 * 2 // 3 if self.subsampled else math.ceil(bits / 8)

    @property
    def used(self) -> int:
        """The bits of a word that hold the sample."""
        return ((1 << self.stored) - 1) << (self.high + 1 - self.stored)

    def values(self, words: Array) -> Array:
        """What words mean: floats as they are; integers of the words' width, from bit 0 on and with their sign."""
        if self.floating or (self.stored == self.allocated and not self.signed):
            return words
        signed = words.view(f"i{words.dtype.itemsize}") if self.signed else words
        left = words.dtype.itemsize * 8 - 1 - self.high
        return (signed << left) >> (words.dtype.itemsize * 8 - self.stored)

    def words(self, values: Array) -> Array:
        """The reverse of `values`, with all unused bits zero."""
        if self.floating:
            return values
        shifted = values.astype(self.word) << self.word.type(self.high + 1 - self.stored)
        return np.asarray(shifted & self.word.type(self.used))


def read_layout(source: PixelSource) -> Layout:
    """Raises `QuarantineUnit`: BAD_PIXEL_HEADER where the header is incomplete or impossible, OVERSIZED."""
    header = source.header
    floating = source.tag != PIXEL_DATA
    allocated = number_of(header, "BitsAllocated", 0)
    stored = number_of(header, "BitsStored", allocated)
    big = source.transfer_syntax == ExplicitVRBigEndian
    layout = Layout(
        rows=number_of(header, "Rows", 0),
        columns=number_of(header, "Columns", 0),
        samples=number_of(header, "SamplesPerPixel", 1),
        frames=_frames(text_of(header, "NumberOfFrames")),
        allocated=allocated,
        stored=allocated if floating else stored,
        high=allocated - 1 if floating else number_of(header, "HighBit", stored - 1),
        signed=not floating and number_of(header, "PixelRepresentation", 0) == 1,
        photometric=text_of(header, "PhotometricInterpretation").upper(),
        planar=number_of(header, "PlanarConfiguration", 0) == 1,
        order=">" if big else "<",
        swapped=big and source.vr == "OW" and allocated == 8,
        floating=floating,
    )
    if not _possible(layout):
        raise QuarantineUnit(Reason.BAD_PIXEL_HEADER)
    if layout.rows * layout.columns * layout.samples > MOST_SAMPLES:
        raise QuarantineUnit(Reason.OVERSIZED)
    return layout


def _possible(layout: Layout) -> bool:
    samples = 1 if layout.photometric in _GREY else 3 if layout.photometric in _COLOUR else 0
    widths = (32, 64) if layout.floating else (1, 8, 16, 32)
    return (
        layout.rows > 0
        and layout.columns > 0
        and layout.frames > 0
        and layout.samples == samples
        and layout.allocated in widths
        and (layout.allocated > 1 or layout.samples == 1)
        and 0 < layout.stored <= layout.high + 1 <= layout.allocated
    )


def _frames(text: str) -> int:
    if not text:
        return 1
    try:
        return int(text)
    except ValueError:
        return 0
