"""The pixel element as bytes: its fragments, what follows its last frame, and comments inside compressed streams.

No pixel is decoded here. Bytes that no decoder looks at are another place where names are found; they are blanked in
place, so that lengths and offset tables stay as they are.
"""

from __future__ import annotations

import struct

from pydicom.uid import RLELossless

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.clean import raw_element
from tasks.deidentify.headers.element import Element
from tasks.deidentify.headers.encoding import SEQUENCE_ENDS, UNDEFINED
from tasks.deidentify.headers.opened import Opened
from tasks.deidentify.headers.scan import fragments
from tasks.deidentify.parts import Parts, Range, size

_ROWS, _COLUMNS, _FRAMES = 0x00280010, 0x00280011, 0x00280008
_SAMPLES, _ALLOCATED, _PHOTOMETRIC = 0x00280002, 0x00280100, 0x00280004
_STREAM_HEAD, _STREAM_TAIL = 1 << 16, 1 << 12
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")  # of JPEG, JPEG 2000, JP2
_JFIF, _ADOBE = 0xE0, 0xEE


def unchanged(opened: Opened, element: Element) -> Parts:
    """The pixel element with the pixel values that it has. Raises `QuarantineUnit` for more frames than are named."""
    if element.length == UNDEFINED:
        return _encapsulated(opened, element)
    length = element.length
    expected = _native_length(opened)
    if expected and element.tag == 0x7FE00010 and length > expected:
        one = expected // max(1, _frames(opened))
        if length - expected >= max(one, 2):
            raise QuarantineUnit(Reason.PIXELS_EXCEED)
        length = expected
    shorter = element._replace(length=length)
    return raw_element(opened, shorter, opened.source.part(element.at, length))


def changed(opened: Opened, element: Element, value: Parts) -> Parts:
    """The pixel element with a new value of even length, encapsulated if the old one was."""
    if element.length != UNDEFINED:
        return (opened.encoding.header(element.tag, element.vr, size(value)), *value)
    return (opened.encoding.header(element.tag, element.vr, UNDEFINED), *value, SEQUENCE_ENDS[opened.encoding.order])


def value_of(opened: Opened, element: Element) -> Range | bytes:
    """The value of the pixel element; without the delimiter where it is encapsulated."""
    length = element.end - element.at - (8 if element.length == UNDEFINED else 0)
    return opened.source.part(element.at, length)


def _native_length(opened: Opened) -> int:
    """How many bytes uncompressed pixels take (PS3.5 8.1.1), even; 0 where the header does not say."""
    rows, columns = opened.number(_ROWS, 0), opened.number(_COLUMNS, 0)
    samples, allocated = opened.number(_SAMPLES, 1), opened.number(_ALLOCATED, 0)
    values = rows * columns * samples * _frames(opened)
    if opened.plain(_PHOTOMETRIC) in ("YBR_FULL_422", "YBR_PARTIAL_422") and samples == 3:
        values = values // 3 * 2
    bits = values * allocated
    size = (bits + 7) // 8
    return size + size % 2


def _frames(opened: Opened) -> int:
    text = opened.plain(_FRAMES)
    return int(text) if text.isdecimal() and text.isascii() and int(text) else 1


def _encapsulated(opened: Opened, element: Element) -> Parts:
    parts: list[bytes | Range] = [opened.encoding.header(element.tag, element.vr, UNDEFINED)]
    at = element.at
    pieces = fragments(opened.source, element.at, opened.encoding)
    needed = _needed(opened, pieces)
    if pieces and not _is_offset_table(opened, pieces, len(needed)):
        parts.append(opened.encoding.item(b"", undefined=False))
        at = sum(pieces[0])
    for start, length in needed:
        for offset, blank in _blanks(opened, start, length):
            if offset > at:
                parts.append(opened.source.part(at, offset - at))
            parts.append(blank)
            at = offset + len(blank)
    end = sum(needed[-1]) if needed else element.end - 8
    if end > at:
        parts.append(opened.source.part(at, end - at))
    parts.append(SEQUENCE_ENDS[opened.encoding.order])
    return tuple(parts)


def _needed(opened: Opened, pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The fragments of the frames that the header names; what comes behind them is no picture of this object."""
    found, frames = pieces[1:], _frames(opened)
    if len(found) <= frames:
        return found
    begun = first = 0
    for number, (start, _) in enumerate(found):
        begins = _begins(opened, opened.source.read(start, 8))
        if begun >= frames and (begins or _is_over(opened, found[first:number])):
            return found[:number]
        if begins:
            begun, first = begun + 1, number
    return found


def _is_over(opened: Opened, pieces: list[tuple[int, int]]) -> bool:
    """Whether a frame ends with the last of these fragments, which are its own.

    RLE should have one fragment a frame (PS3.5 A.4.2), but there are files with more: it is over when its last segment
    has given all its bytes. Streams end with their marker.
    """
    if opened.syntax == RLELossless:
        content = b"".join(opened.source.read(start, length) for start, length in pieces)
        count = int.from_bytes(content[:4], "little")
        if not 1 <= count <= 15 or len(content) < 64:
            return False
        (last,) = struct.unpack_from("<L", content, 4 * count)
        return _after_segment(content, last, _segment_bytes(opened)) <= len(content)
    start, length = pieces[-1]
    size = min(length, _STREAM_TAIL)
    return opened.source.read(start + length - size, size).rstrip(b"\0").endswith(b"\xff\xd9")


def _begins(opened: Opened, head: bytes) -> bool:
    """Whether a fragment is the first of a frame."""
    if opened.syntax == RLELossless:
        return 1 <= int.from_bytes(head[:4], "little") <= 15 and head[4:8] == b"\x40\0\0\0"
    return head.startswith(_STARTS)


def _is_offset_table(opened: Opened, pieces: list[tuple[int, int]], needed: int) -> bool:
    """Whether the first item is empty or tells where frames begin (PS3.5 A.4), and nothing else."""
    start, length = pieces[0]
    if not length:
        return True
    if length % 4 or length > 4 * len(pieces):
        return False
    offsets = struct.unpack(f"{opened.encoding.order}{length // 4}L", opened.source.read(start, length))
    first = start + length
    begins = {at - 8 - first for at, _ in pieces[1 : needed + 1]}
    return list(offsets) == sorted(offsets) and begins.issuperset(offsets)


def _blanks(opened: Opened, start: int, length: int) -> list[tuple[int, bytes]]:
    """(place in the source, bytes to put there) for what is no picture in one fragment."""
    head = opened.source.read(start, min(length, _STREAM_HEAD))
    if head[:2] == b"\xff\xd8":
        found = _jpeg(head)
    elif head[:4] == b"\xff\x4f\xff\x51":
        found = _jpeg2000(head, 0)
    elif head[4:8] == b"jP  ":
        found = _jp2_boxes(head, length)
    elif opened.syntax == RLELossless:
        found = _rle(opened, head, start, length)
        return [(start + at, blank) for at, blank in found]
    else:
        return []
    found += _tail(opened, start, length)
    return [(start + at, blank) for at, blank in sorted(found) if at + len(blank) <= length]


def _rle(opened: Opened, head: bytes, start: int, length: int) -> list[tuple[int, bytes]]:
    """What no segment of an RLE frame needs (PS3.5 G): further offsets, and bytes between and behind segments."""
    count = int.from_bytes(head[:4], "little")
    if not _begins(opened, head) or len(head) < 64:
        return []
    offsets = struct.unpack_from(f"<{count}L", head, 4)
    found = [(4 * (1 + count), bytes(60 - 4 * count))] if any(head[4 * (1 + count) : 64]) else []
    content = opened.source.read(start, length)
    at = 64
    for offset in offsets:
        if offset < at or offset > length:
            return found
        found += _blank(content, at, offset)
        at = min(_after_segment(content, offset, _segment_bytes(opened)), length)
    return found + _blank(content, at, length)


def _blank(content: bytes, start: int, end: int) -> list[tuple[int, bytes]]:
    return [(start, bytes(end - start))] if any(content[start:end]) else []


def _segment_bytes(opened: Opened) -> int:
    """How many bytes each segment of an RLE frame holds: one a pixel."""
    pixels = opened.number(_ROWS, 0) * opened.number(_COLUMNS, 0)
    return (pixels + 7) // 8 if opened.number(_ALLOCATED, 0) == 1 else pixels


def _after_segment(content: bytes, at: int, pixels: int) -> int:
    """Where a PackBits segment that begins at `at` has given its `pixels` bytes; behind the end where it does not."""
    size = len(content)
    while pixels > 0 and at < size:
        control = content[at]
        if control < 128:
            at += control + 2
            pixels -= control + 1
        else:
            at += 2 if control > 128 else 1
            pixels -= 257 - control if control > 128 else 0
    return size + 1 if pixels > 0 else at


def _jpeg(head: bytes) -> list[tuple[int, bytes]]:
    """Comments and application data of a JPEG or JPEG-LS stream (ISO 10918-1 B.2.4), but for JFIF's and Adobe's."""
    found: list[tuple[int, bytes]] = []
    at = 2
    while at + 4 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack_from(">H", head, at + 2)
        if marker in (0xDA, 0xD9) or length < 2:
            break
        keep = {_JFIF: 14, _ADOBE: 12}.get(marker, 0)
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            payload = length - 2 - keep
            if payload > 0:
                found.append((at + 4 + keep, bytes(payload)))
        at += 2 + length
    return found


def _jpeg2000(head: bytes, at: int) -> list[tuple[int, bytes]]:
    """Comments of a codestream's main header (ISO 15444-1 A.9.2); the first two bytes say what kind they are."""
    found: list[tuple[int, bytes]] = []
    at += 2
    while at + 4 <= len(head) and head[at] == 0xFF and head[at + 1] not in (0x90, 0x93, 0xD9):
        (length,) = struct.unpack_from(">H", head, at + 2)
        if length < 2:
            break
        if head[at + 1] == 0x64 and length > 4:
            found.append((at + 6, b" " * (length - 4)))
        at += 2 + length
    return found


def _jp2_boxes(head: bytes, total: int) -> list[tuple[int, bytes]]:
    """Boxes of text in a JP2 file (ISO 15444-1 I): XML, UUID and its info; and comments of the codestream."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 8 <= len(head):
        length = int.from_bytes(head[at : at + 4], "big")
        kind = head[at + 4 : at + 8]
        if kind == b"jp2c":
            return found + _jpeg2000(head, at + 8)
        if length < 8 or at + length > total:
            break
        if kind in (b"xml ", b"uuid", b"uinf", b"jp2i"):
            found.append((at + 8, b" " * (length - 8)))
        at += length
    return found


def _tail(opened: Opened, start: int, length: int) -> list[tuple[int, bytes]]:
    """What follows the end marker of a stream in its fragment."""
    size = min(length, _STREAM_TAIL)
    tail = opened.source.read(start + length - size, size)
    end = tail.rfind(b"\xff\xd9")
    rest = tail[end + 2 :] if end >= 0 else b""
    return [(length - len(rest), bytes(len(rest)))] if rest.strip(b"\0") else []
