"""Palette colour lookup tables (PS3.3 C.7.9): the colours of indices, and which index is darkest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from tasks.deidentify.pixels.layout import Array

_CHANNELS = ("Red", "Green", "Blue")


@dataclass(frozen=True)
class Palette:
    """`table` (entries, 3), 8 bits a channel; its first row is the colour of index `first` and of all below it."""

    table: npt.NDArray[np.uint8]
    first: int

    def colours(self, indices: Array) -> npt.NDArray[np.uint8]:
        """The colours of indices, with a last axis of 3."""
        entries = np.clip(indices.astype(np.int64) - self.first, 0, len(self.table) - 1)
        return self.table[entries]

    @property
    def darkest(self) -> int:
        """The index of the darkest colour."""
        return self.first + int(self.table.astype(np.int64).sum(axis=1).argmin())


def read_palette(header: Dataset) -> Palette | None:
    """The palette of a header; None where there is none, or one that is written in segments or damaged."""
    channels = []
    first = 0
    for channel in _CHANNELS:
        descriptor = _words(header, f"{channel}PaletteColorLookupTableDescriptor")
        table = _words(header, f"{channel}PaletteColorLookupTableData")
        if len(descriptor) != 3 or not len(table):
            return None
        count, first, bits = (int(number) & 0xFFFF for number in descriptor)
        count = count or 2**16
        if bits == 8 and len(table) * 2 == count + count % 2:  # two entries in a word
            table = table.astype("<u2").view(np.uint8)[:count].astype(np.uint16)
        elif len(table) < count or bits not in (8, 16):
            return None
        entries = table[:count]
        channels.append((entries >> 8 if int(entries.max()) > 255 else entries).astype(np.uint8))
    if len({len(entries) for entries in channels}) != 1:
        return None
    return Palette(np.stack(channels, axis=1), first)


def _words(header: Dataset, keyword: str) -> npt.NDArray[np.uint16]:
    """The value of an element of unsigned shorts, or of bytes that hold some; empty where there is none."""
    try:
        value: Any = header.get(keyword)
    except Exception:  # pydicom: a value that cannot be converted
        value = None
    if value is None:
        return np.zeros(0, np.uint16)
    if isinstance(value, bytes):
        little = header.original_encoding[1] is not False
        return np.frombuffer(value[: len(value) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)
    numbers = value if hasattr(value, "__len__") else [value]
    return np.array([int(number) & 0xFFFF for number in numbers], np.uint16)
