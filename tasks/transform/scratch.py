"""Decoded frames on disk between two looks at a series, so that what is compressed is decoded once.

The file has no name and is gone when it is closed. Native pixels are not kept: reading them again costs as much.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID

from tasks.core.closing import Closing
from tasks.transform.decode import Array, decode_frames
from tasks.transform.pixels import PixelHeader

LIMIT = 2 * 2**30
"""Bytes that are kept at most; what comes after them is decoded again."""


class Scratch(Closing):
    """Frames by the name of their instance."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        """Keep at most `limit` bytes, on the disk of `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._handle = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close` closes it
        self._limit, self._end = limit, 0
        self._kept: dict[str, int] = {}

    def close(self) -> None:
        """Give the disk back."""
        self._handle.close()

    def keep(self, name: str, ds: Dataset, header: PixelHeader) -> Iterator[Array]:
        """Decode, as `decode_frames` does, and keep what is compressed and fits; kept once all of it was asked for."""
        size = _frame_bytes(header) * header.frames
        wanted = UID(header.transfer_syntax).is_encapsulated and self._end + size <= self._limit
        start = self._end
        for frame in decode_frames(ds, header):
            if wanted:
                os.pwrite(self._handle.fileno(), frame.tobytes(), self._end)
                self._end += _frame_bytes(header)
            yield frame
        if wanted:
            self._kept[name] = start

    def frames(self, name: str, ds: Dataset, header: PixelHeader) -> Iterator[Array]:
        """The frames of `name`: from the file where it holds them, else decoded."""
        start = self._kept.get(name)
        if start is None:
            yield from decode_frames(ds, header)
            return
        size, shape = _frame_bytes(header), _shape(header)
        for number in range(header.frames):
            content: Any = os.pread(self._handle.fileno(), size, start + number * size)
            yield np.frombuffer(content, header.dtype).reshape(shape)


def _shape(header: PixelHeader) -> tuple[int, ...]:
    return (header.rows, header.columns, 3) if header.samples == 3 else (header.rows, header.columns)


def _frame_bytes(header: PixelHeader) -> int:
    return header.rows * header.columns * header.samples * header.dtype.itemsize
