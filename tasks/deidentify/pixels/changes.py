"""What the header must say after the frames were written again: colour space, planes, loss, and no stale offsets."""

from __future__ import annotations

from pydicom.dataset import Dataset

from tasks.deidentify.headers.read import text_of
from tasks.deidentify.pixels import codecs
from tasks.deidentify.pixels.codestream import is_reversible
from tasks.deidentify.pixels.frames import Frames
from tasks.deidentify.pixels.layout import Layout
from tasks.deidentify.pixels.outcome import Change, PixelSource

_PHOTOMETRIC, _PLANAR = 0x00280004, 0x00280006
_LOSSY, _RATIO, _METHOD = 0x00282110, 0x00282112, 0x00282114
_OFFSETS = (0x7FE00001, 0x7FE00002)  # ExtendedOffsetTable, ExtendedOffsetTableLengths


def changes(source: PixelSource, frames: Frames, layout: Layout, syntax: str, photometric: str) -> dict[int, Change]:
    """Elements to set or to take away (None); `syntax` and `photometric` are those of the new frames, "" if native."""
    header = source.header
    changed: dict[int, Change] = {tag: ("OV", None) for tag in _OFFSETS if tag in header}
    changed |= dict.fromkeys(embedded_overlays(header), ("UN", None))
    if not syntax:
        return changed
    if photometric != layout.photometric:
        changed[_PHOTOMETRIC] = ("CS", photometric)
    if layout.samples > 1 and layout.planar and not codecs.keeps_planes(syntax):
        changed[_PLANAR] = ("US", 0)
    return changed | _loss(source, frames, layout)


def embedded_overlays(header: Dataset) -> list[int]:
    """All elements of overlays whose bits are in the pixels (PS3.3 C.9.2, retired), which were cleared."""
    return [
        int(tag)
        for group in range(0x6000, 0x6020, 2)
        if (group << 16 | 0x0010) in header and (group << 16 | 0x3000) not in header
        for tag in header.keys()  # noqa: SIM118 - iterating a Dataset converts its elements
        if tag.group == group
    ]


def _loss(source: PixelSource, frames: Frames, layout: Layout) -> dict[int, Change]:
    """What was lost once stays lost (PS3.3 C.7.6.1.1.5), also where the source's header forgot to say so."""
    method = codecs.lossy_method(source.transfer_syntax)
    if not method or text_of(source.header, "LossyImageCompression") == "01":
        return {}
    stream = frames.content(0)
    if is_reversible(stream):
        return {}
    ratio = f"{layout.native_bytes / max(1, len(stream)):.4g}"
    return {_LOSSY: ("CS", "01"), _RATIO: ("DS", ratio), _METHOD: ("CS", method)}
