"""Frames with their boxes filled, written again without loss, one at a time, to a file in the scratch folder.

Values outside of the boxes stay. What fills a box is mask.py.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydicom import uid

from tasks.deidentify.parts import Range
from tasks.deidentify.pixels import codecs
from tasks.deidentify.pixels.frames import Decoded, Frames
from tasks.deidentify.pixels.layout import Array, Layout
from tasks.deidentify.pixels.mask import fill_of, mask, without_unused_bits
from tasks.deidentify.pixels.outcome import Change, PixelSource
from tasks.deidentify.pixels.palette import Palette
from tasks.deidentify.pixels.place import Place

_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91")
_PHOTOMETRIC, _PLANAR, _LOSSY_FLAG = 0x00280004, 0x00280006, 0x00282110


@dataclass(frozen=True)
class Written:
    """The new value of the pixel element, its transfer syntax, and what changes in the header with it."""

    value: Range
    transfer_syntax: str
    elements: dict[int, Change]


def masked(frame: Decoded, layout: Layout, boxes: Sequence[Place], palette: Palette | None) -> Array:
    """The words of a frame with its boxes filled, and nothing in bits that hold no sample."""
    words = without_unused_bits(frame.words, layout)
    if not boxes:
        return words
    if words.ndim == 2 and not layout.subsampled:
        values = layout.values(words)
        lowest, highest = float(values.min()), float(values.max())
    else:
        lowest = highest = 0.0
    fill = fill_of(layout, frame.photometric, lowest, highest, palette)
    if layout.subsampled and words.ndim == 2:
        fill = (0, 128, 128)
    return mask(Decoded(words, frame.photometric), layout, boxes, fill)


def write(
    source: PixelSource,
    layout: Layout,
    frames: Frames,
    boxes: Sequence[Place],
    palette: Palette | None,
    scratch: Path,
) -> Written:
    """Every frame with its boxes filled, as the new value. Raises `QuarantineUnit` where a frame cannot be decoded."""
    scratch.mkdir(parents=True, exist_ok=True)
    syntax = source.transfer_syntax
    elements: dict[int, Change] = {}
    photometric = layout.photometric
    if source.encapsulated:
        syntax = codecs.lossless_syntax(syntax, layout)
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="pixels-", delete=False) as handle:
        if source.encapsulated:
            handle.write(_item(b""))
        for index in range(len(frames)):
            frame = frames.decode(index)
            words = masked(frame, layout, boxes, palette)
            if source.encapsulated:
                photometric = _write_frame(handle, words, layout, syntax, frame.photometric)
            else:
                handle.write(codecs.to_native(words, layout))
        if handle.tell() % 2:
            handle.write(b"\0")
        length = handle.tell()
    if photometric != layout.photometric:
        elements[_PHOTOMETRIC] = ("CS", photometric)
    if layout.samples > 1 and syntax != source.transfer_syntax:
        elements[_PLANAR] = ("US", 0)
    if _was_lossy(source):
        elements[_LOSSY_FLAG] = ("CS", "01")
    return Written(Range(Path(handle.name), 0, length), syntax, elements)


def _write_frame(handle: IO[bytes], words: Array, layout: Layout, syntax: str, photometric: str) -> str:
    """Write one encapsulated frame; returns its photometric interpretation."""
    handle.write(_item(codecs.encode(words, layout, syntax, photometric)))
    transformed = photometric == "RGB" and layout.samples == 3 and syntax in (uid.JPEG2000Lossless, uid.JPEG2000)
    return "YBR_RCT" if transformed else photometric


def _item(content: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def _was_lossy(source: PixelSource) -> bool:
    """Whether the source had lost something: JPEG 2000 of this syntax may be lossless, which the header then says."""
    if source.transfer_syntax not in _LOSSY:
        return False
    return source.transfer_syntax != uid.JPEG2000 or str(source.header.get("LossyImageCompression", "")) == "01"
