"""Text within compressed pixels: comments and application segments of a JPEG (2000) stream, and what follows it."""

from __future__ import annotations

from tasks.deidentify.residual.view import Reader

_HEAD = 2**16  # bytes at the ends of a fragment in which segments are looked for
_SOI, _SOC, _BOX = b"\xff\xd8", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
_SCAN, _TILE = 0xDA, 0x90
_ALONE = frozenset((0x01, 0x4F, 0xD8, *range(0xD0, 0xD8)))  # markers without a length


def text_areas(reader: Reader, start: int, end: int) -> list[tuple[int, int]]:
    """Where text may stand in the fragment between `start` and `end`: before its coded values, and after them."""
    head = reader.read(start, min(_HEAD, end - start))
    if head.startswith((_SOI, _SOC)):
        areas = [(start, start + _coded(head))]
    elif head.startswith(_BOX):
        code = head.find(b"jp2c")
        areas = [(start, start + (code + 4 + _coded(head[code + 4 :]) if code > 0 else len(head)))]
    else:
        areas = []
    tail_at = max(start, end - _HEAD)
    tail = reader.read(tail_at, end - tail_at)
    last = max(tail.rfind(b"\xff\xd9"), tail.rfind(b"\xff\xd9\0"))
    if last >= 0 and head.startswith((_SOI, _SOC, _BOX)):
        areas.append((tail_at + last + 2, end))
    return areas


def _coded(stream: bytes) -> int:
    """Where the coded values begin: behind the marker segments of the stream's header."""
    at = 0
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker in (_SCAN, _TILE):
            return at
        at += 2 if marker in _ALONE else 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return min(at, len(stream))
