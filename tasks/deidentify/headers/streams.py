"""What is no picture inside an encapsulated frame: comments and text of streams, and bytes that no decoder reads.

Known by the markers of JPEG and JPEG-LS (ISO 10918-1 B), JPEG 2000 (ISO 15444-1 A and I) and by the segments of RLE
(PS3.5 G). Told as places with the bytes to put there, so that lengths and offset tables stay as they are.
"""

from __future__ import annotations

import struct

from pydicom.uid import RLELossless

from tasks.deidentify.headers.opened import Opened

_ROWS, _COLUMNS, _ALLOCATED = 0x00280010, 0x00280011, 0x00280100
_STREAM_HEAD, _STREAM_TAIL = 1 << 16, 1 << 12
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP")  # of JPEG, JPEG 2000, JP2
_JFIF, _ADOBE = 0xE0, 0xEE


def begins(opened: Opened, head: bytes) -> bool:
    """Whether a fragment is the first of a frame."""
    if opened.syntax == RLELossless:
        return 1 <= int.from_bytes(head[:4], "little") <= 15 and head[4:8] == b"\x40\0\0\0"
    return head.startswith(_STARTS)


def is_over(opened: Opened, pieces: list[tuple[int, int]]) -> bool:
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


def blanks(opened: Opened, start: int, length: int) -> list[tuple[int, bytes]]:
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
    if not begins(opened, head) or len(head) < 64:
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
