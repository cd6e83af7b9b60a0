"""What stands before a data set: the file meta of a Part 10 file (PS3.10 7.1), and the deflating of what follows it."""

from __future__ import annotations

import zlib
from io import BytesIO

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.encoding import EXPLICIT, PlainError
from tasks.deidentify.headers.source import Source

MAX_INFLATED = 1 << 27  # it stands in memory up to three times, with the pixels and the output


def file_meta(source: Source, head: bytes) -> tuple[int, str, str]:
    """(where the data set begins, transfer syntax, media storage class) of a Part 10 file."""
    at, syntax, media_class, last = 132, "", "", -1
    while True:
        if len(head) < at + 12:
            if len(head) >= source.size:
                raise PlainError("the file ends in its meta information")
            head = source.read(0, len(head) * 8)
            continue
        if head[at : at + 2] != b"\x02\x00":
            return at, syntax, media_class
        tag, _, before, length = EXPLICIT.parse(head, at)
        start = at + before
        if tag <= last or length > 1 << 20:
            raise PlainError("the file meta information is damaged")
        if start + length > len(head):
            if len(head) >= source.size:
                raise PlainError("the file ends in its meta information")
            head = source.read(0, len(head) * 8)
            continue
        if tag == 0x00020010:
            syntax = head[start : start + length].decode("latin-1").strip(" \0")
        elif tag == 0x00020002:
            media_class = head[start : start + length].decode("latin-1").strip(" \0")
        last, at = tag, start + length


def inflated(source: Source, at: int) -> bytes:
    """The data set of a deflated file; refused where it inflates beyond MAX_INFLATED."""
    out = BytesIO()  # whose bytes are taken without a copy
    try:
        inflate(source.read(at, source.size - at), out)
    except zlib.error:
        raise PlainError("it does not inflate") from None
    return out.getvalue()


def inflate(deflated: bytes, out: BytesIO) -> None:
    """Write what `deflated` holds to `out`. Raises `zlib.error`, and `QuarantineUnit` beyond MAX_INFLATED."""
    inflater, left = zlib.decompressobj(-zlib.MAX_WBITS), deflated
    while left and not inflater.eof:
        out.write(inflater.decompress(left, 1 << 22))
        if out.tell() > MAX_INFLATED:
            raise QuarantineUnit(Reason.OVERSIZED)
        left = inflater.unconsumed_tail
