"""Writing the frames of an object again, masked: without loss, in the same transfer syntax where that has an encoder.

Frame by frame, so that memory stays flat; what is large goes to a file. Every frame is decoded again and compared.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.parts import Parts, Range
from tasks.deidentify.pixels import codecs
from tasks.deidentify.pixels.changes import changes
from tasks.deidentify.pixels.frames import Decoded, Frames
from tasks.deidentify.pixels.layout import Array
from tasks.deidentify.pixels.mask import Mask
from tasks.deidentify.pixels.outcome import Change, PixelSource

_IN_MEMORY = 16 * 2**20
_ITEM = b"\xfe\xff\x00\xe0"
_LARGEST_OFFSET = 2**32 - 1


@dataclass(frozen=True, repr=False)
class Written:
    """The new value, the transfer syntax that it is in, and what the header must say of it."""

    transfer_syntax: str
    value: Parts
    elements: Mapping[int, Change]


def write(source: PixelSource, frames: Frames, mask: Mask, scratch: Path) -> Written:
    """All frames, masked. Raises DECODE_FAILED where a frame cannot be decoded, or not written without loss."""
    with _Sink(scratch) as sink:
        if not source.encapsulated:
            for index in range(len(frames)):
                sink.add(codecs.to_native(mask.applied(frames.decode(index)), mask.layout))
            sink.pad()
            return Written(source.transfer_syntax, sink.parts(), changes(source, frames, mask.layout, "", ""))
        syntax = codecs.lossless_syntax(source.transfer_syntax, mask.layout)
        offsets, photometric = [], ""
        for index in range(len(frames)):
            frame = frames.decode(index)
            photometric = photometric or frame.photometric
            if frame.photometric != photometric:
                raise QuarantineUnit(Reason.DECODE_FAILED)  # frames of different colour spaces in one object
            stream = _encoded(mask.applied(frame), frame, mask, syntax)
            offsets.append(sink.size)
            sink.add(_ITEM + len(stream).to_bytes(4, "little") + stream)
        table = b"".join(at.to_bytes(4, "little") for at in offsets) if offsets[-1] <= _LARGEST_OFFSET else b""
        head = _ITEM + len(table).to_bytes(4, "little") + table
        return Written(
            syntax, (head, *sink.parts()), changes(source, frames, mask.layout, syntax, _stored(photometric, syntax))
        )


def _encoded(words: Array, frame: Decoded, mask: Mask, syntax: str) -> bytes:
    try:
        stream = codecs.encode(words, mask.layout, syntax, frame.photometric)
        again, _ = codecs.decode(stream, mask.layout, syntax)
    except QuarantineUnit:
        raise
    except Exception:  # encoders raise anything
        raise QuarantineUnit(Reason.DECODE_FAILED) from None
    if not np.array_equal(mask.layout.values(again), mask.layout.values(words)):
        raise QuarantineUnit(Reason.DECODE_FAILED)
    return stream


def _stored(photometric: str, syntax: str) -> str:
    """What PhotometricInterpretation says of frames of that colour space in that syntax."""
    return "YBR_RCT" if photometric == "RGB" and codecs.is_jpeg_2000(syntax) else photometric


class _Sink:
    """Bytes that are kept in memory while they are few, and then in a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chunks: list[bytes] = []
        self._path: Path | None = None
        self._handle: int | None = None
        self.size = 0

    def __enter__(self) -> _Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        if kind is not None and self._path is not None:
            self._path.unlink(missing_ok=True)

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._chunks.append(chunk)
        if self._handle is not None or self.size > _IN_MEMORY:
            self._flush()

    def pad(self) -> None:
        if self.size % 2:
            self.add(b"\0")

    def parts(self) -> Parts:
        if self._path is None:
            return (b"".join(self._chunks),)
        return (Range(self._path, 0, self.size),)

    def _flush(self) -> None:
        if self._handle is None:
            self._handle, name = tempfile.mkstemp(dir=self._folder, suffix=".pixels")
            self._path = Path(name)
        for chunk in self._chunks:
            view = memoryview(chunk)
            while view:
                view = view[os.write(self._handle, view) :]
        self._chunks.clear()
