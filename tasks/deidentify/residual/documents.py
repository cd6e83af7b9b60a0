"""Documents within the output, decompressed: the streams of a PDF, the members of a ZIP, a gzip file.

What cannot be looked into (encrypted, in a compression that isn't known, beyond all size) is `Closed`: nobody can say
that it names nobody. Pictures in a document are not looked at here.
"""

from __future__ import annotations

import base64
import binascii
import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO

MAX_CONTENT = 64 * 2**20
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\n?endstream", re.DOTALL)
_FILTERS = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+)")
_FILTER = re.compile(rb"/(\w+)")
_PICTURES = frozenset((b"DCTDecode", b"JPXDecode", b"CCITTFaxDecode", b"JBIG2Decode", b"DCT", b"CCF"))
_BLOCK = re.compile(rb"\bBT\b(.*?)\bET\b", re.DOTALL)
_STRING = re.compile(rb"\(((?:\\.|[^\\()])*)\)|<([0-9A-Fa-f\s]+)>", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)


class Closed(Exception):
    """A document that cannot be looked into."""


def contents(content: bytes) -> Iterator[bytes]:
    """The decompressed insides of the documents that begin anywhere in `content`. Raises `Closed`."""
    for at in _all(content, b"\x1f\x8b\x08"):
        yield from _gzip(content[at:])
    if (at := content.find(b"PK\x03\x04")) >= 0:
        yield from _zip(content[at:])
    if (at := content.find(b"%PDF-")) >= 0:
        yield from _pdf(content[at:])


def _all(content: bytes, sign: bytes) -> Iterator[int]:
    at = content.find(sign)
    while at >= 0:
        yield at
        at = content.find(sign, at + 1)


def _gzip(content: bytes) -> Iterator[bytes]:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = inflater.decompress(content, MAX_CONTENT)
    except zlib.error:
        return  # three bytes that look like gzip are no document
    if inflater.unconsumed_tail:
        raise Closed("too large")
    yield text


def _zip(content: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            yield "\n".join(archive.namelist()).encode("utf-8", "replace")
            left = MAX_CONTENT
            for member in archive.infolist():
                if member.flag_bits & 1:
                    raise Closed("encrypted")
                with archive.open(member) as handle:
                    text = handle.read(left + 1)
                left -= len(text)
                if left < 0:
                    raise Closed("too large")
                yield text
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, OSError):
        raise Closed("damaged") from None


def _pdf(content: bytes) -> Iterator[bytes]:
    if b"/Encrypt" in content:
        raise Closed("encrypted")
    left = MAX_CONTENT
    for stream in _STREAM.finditer(content):
        before = content[max(0, stream.start() - 1024) : stream.start()]
        before = before[before.rfind(b" obj") + 1 :]
        text = stream[1]
        filters = _FILTERS.search(before)
        for name in _FILTER.findall(filters[1]) if filters else ():
            if name in _PICTURES:
                text = b""
                break
            text = _decoded(text, name, left)
        left -= len(text)
        if left < 0:
            raise Closed("too large")
        if text:
            yield text
            yield from _shown(text)


def _decoded(text: bytes, name: bytes, most: int) -> bytes:
    try:
        if name in (b"FlateDecode", b"Fl"):
            inflater = zlib.decompressobj()
            return inflater.decompress(text, most + 1)
        if name in (b"ASCIIHexDecode", b"AHx"):
            return bytes.fromhex(re.sub(rb"[^0-9A-Fa-f]", b"", text).decode())
        if name in (b"ASCII85Decode", b"A85"):
            return base64.a85decode(text.strip().removesuffix(b"~>"), adobe=False)
    except (zlib.error, ValueError, binascii.Error):
        raise Closed("damaged") from None
    raise Closed("a compression that is not known")


def _shown(stream: bytes) -> Iterator[bytes]:
    """The text that a page shows, its letters together however they are placed."""
    for block in _BLOCK.findall(stream):
        strings = [_string(plain, coded) for plain, coded in _STRING.findall(block)]
        if len(strings) > 1 or any(b"\\" in plain or coded for plain, coded in _STRING.findall(block)):
            yield b"".join(strings)
            yield b" ".join(strings)


def _string(plain: bytes, coded: bytes) -> bytes:
    if coded:
        digits = re.sub(rb"\s", b"", coded)
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    return _ESCAPED.sub(_unescaped, plain)


def _unescaped(sign: re.Match[bytes]) -> bytes:
    if sign[1][:1].isdigit():
        return bytes([int(sign[1], 8) & 0xFF])
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\n": b""}.get(sign[1], sign[1])
