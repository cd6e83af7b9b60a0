"""Input that is small and wants much: deep nesting, huge lengths, what inflates without end, millions of elements."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from random import Random

from tests.canary.base import base, tag_of
from tests.canary.tokens import Mint, Place
from tests.canary.writing import DEFLATED, EXPLICIT, UNDEFINED, Element, File, encode, fragments

_SEQUENCES = (0x00082218, 0x00111010, 0x00400275, 0x0040A730)
_DEPTHS = (10, 33, 100, 200, 500, 1000, 5000, 60000)


def _ct() -> tuple[File, Mint]:
    mint = Mint()
    return base(mint), mint


def deep_undefined(random: Random) -> tuple[bytes, Mint]:
    """Sequences of undefined length, with or without their ends."""
    file, mint = _ct()
    depth, tag = random.choice(_DEPTHS), random.choice(_SEQUENCES)
    begin = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, UNDEFINED)
    item, end = b"\xfe\xff\x00\xe0" + b"\xff" * 4, b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    value = item + (begin + item) * depth + _name(mint) + end * (1 + random.choice((depth, depth, depth - 1, 0)))
    file.body[tag] = Element("SQ", value, undefined=True)
    return file.content(), mint


def deep_defined(random: Random) -> tuple[bytes, Mint]:
    """Sequences of defined length."""
    file, mint = _ct()
    tag, content = random.choice(_SEQUENCES), _name(mint)
    for _ in range(min(2000, random.choice(_DEPTHS))):
        content = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content
        content = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, b"SQ", 0, len(content)) + content
    file.body[tag] = Element("SQ", b"\xfe\xff\x00\xe0" + struct.pack("<L", len(content)) + content)
    return file.content(), mint


def huge_length(random: Random) -> tuple[bytes, Mint]:
    """A length that goes far beyond the file."""
    file, mint = _ct()
    length = random.choice((2**31 - 2, 2**32 - 2, 2**30, 10**9))
    tag, vr = random.choice(((0x00081030, b"UT"), (0x7FE00010, b"OW"), (0x00282000, b"OB"), (0x00082218, b"SQ")))
    file.body = {other: element for other, element in file.body.items() if other < tag}
    file.tail = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, length) + b"abc"
    return file.content(), mint


def deflate_bomb(random: Random) -> tuple[bytes, Mint]:
    """A deflated data set that inflates to gigabytes: zeros, or an endless chain of elements."""
    file, mint = _ct()
    file.syntax = DEFLATED
    whole = file.content()
    at = 144 + struct.unpack_from("<L", whole, 140)[0]
    body = zlib.decompress(whole[at:], -zlib.MAX_WBITS)
    block = random.choice((bytes(2**20), (struct.pack("<HH2sH", 0x0029, 0x1010, b"LO", 8) + b"A" * 8) * 2**16))
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    if random.random() < 0.5:
        body = body[: -len(pixels_element(file))] + struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, 2**31)
    begin = deflater.compress(body) + deflater.flush(zlib.Z_FULL_FLUSH)
    again = deflater.compress(block) + deflater.flush(zlib.Z_FULL_FLUSH)
    return whole[:at] + begin + again * random.choice((64, 3000)) + deflater.flush(), mint


def millions_of_elements(random: Random) -> tuple[bytes, Mint]:
    """A deflated data set of millions of short elements in order, or of empty items, perhaps out of order."""
    file, mint = _ct()
    file.syntax = DEFLATED
    whole = file.content()
    at = 144 + struct.unpack_from("<L", whole, 140)[0]
    body = zlib.decompress(whole[at:], -zlib.MAX_WBITS)[: -len(pixels_element(file))]
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    out = deflater.compress(body)
    count = random.choice((2, 20))
    if random.random() < 0.5:
        for group in range(0x4001, 0x4001 + 8 * count, 2):
            out += deflater.compress(_group(group))
    else:
        out += deflater.compress(struct.pack("<HH2sHL", 0x5200, 0x9230, b"SQ", 0, UNDEFINED))
        items = b"\xfe\xff\x00\xe0\0\0\0\0" * 2**17
        out += b"".join(deflater.compress(items) for _ in range(count))
        out += deflater.compress(b"\xfe\xff\xdd\xe0\0\0\0\0")
    if random.random() < 0.5:
        out += deflater.compress(_name(mint))  # out of order
    return whole[:at] + out + deflater.flush(), mint


@cache
def _group(group: int) -> bytes:
    return b"".join(struct.pack("<HH2sH", group, number, b"US", 2) + b"77" for number in range(2**16))


def wrapped(random: Random) -> tuple[bytes, Mint]:
    """A file in gzip or zip, once or several times."""
    file, mint = _ct()
    content = file.content()
    for _ in range(random.choice((1, 1, 2, 5))):
        if random.random() < 0.5:
            content = gzip.compress(content, mtime=0)
        else:
            target = io.BytesIO()
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(zipfile.ZipInfo("../../etc/CT.dcm"), content, zipfile.ZIP_DEFLATED)
            content = target.getvalue()
    return content, mint


def many_elements(random: Random) -> tuple[bytes, Mint]:
    """Tens of thousands of private elements, items or values."""
    file, mint = _ct()
    count = random.choice((1000, 20000))
    match random.randrange(3):
        case 0:
            file.body |= {0x00110000 | number: Element("LO", b"x") for number in range(0x1000, 0x1000 + count)}
        case 1:
            item = {0x00080104: Element("LO", b"Chest")}
            file.body[0x00082218] = Element("SQ", (item,) * count, undefined=random.random() < 0.5)
        case _:
            file.body[tag_of("StudyDescription")] = Element("UT", b"\\".join([b"chest"] * count))
    return file.content(), mint


def many_fragments(random: Random) -> tuple[bytes, Mint]:
    """Compressed pixels of thousands of fragments, some frames of a bomb's size."""
    file, mint = _ct()
    file.syntax = "1.2.840.10008.1.2.5"
    value = fragments(*[b"\0\0"] * random.choice((100, 50000)))
    file.body[tag_of("PixelData")] = Element("OB", value, undefined=True)
    for keyword in ("Rows", "Columns"):
        file.body[tag_of(keyword)] = Element("US", struct.pack("<H", random.choice((64, 65535))))
    file.body[tag_of("NumberOfFrames")] = Element("IS", random.choice((b"1", b"100000", b"2147483647", b"-1")))
    return file.content(), mint


def pixels_that_are_not_there(random: Random) -> tuple[bytes, Mint]:
    """Rows, columns, frames and bits that promise terabytes."""
    file, mint = _ct()
    for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored"):
        if random.random() < 0.6:
            number = random.choice((0, 1, 3, 7, 16, 32, 64, 4096, 65535))
            file.body[tag_of(keyword)] = Element("US", struct.pack("<H", number))
    file.body[tag_of("NumberOfFrames")] = Element("IS", random.choice((b"0", b"1000000000", b"9" * 40, b"1e9", b"")))
    return file.content(), mint


def noise(random: Random) -> tuple[bytes, Mint]:
    """An ultrasound picture of nothing but noise, in which letters could stand everywhere; it deflates to little."""
    side = random.choice((1024, 2048, 8192))
    return _ultrasound(random, side, 1)


def noise_in_motion(random: Random) -> tuple[bytes, Mint]:
    """Two hundred such pictures, no two alike."""
    return _ultrasound(random, 512, 200)


def _ultrasound(random: Random, side: int, frames: int) -> tuple[bytes, Mint]:
    file, mint = _ct()
    file.syntax = DEFLATED
    file.body[tag_of("SOPClassUID")] = Element("UI", b"1.2.840.10008.5.1.4.1.1.6.1")
    file.body[tag_of("Modality")] = Element("CS", b"US")
    file.body.pop(tag_of("BurnedInAnnotation"), None)
    for keyword, number in (("Rows", side), ("Columns", side), ("BitsAllocated", 8), ("BitsStored", 8), ("HighBit", 7)):
        file.body[tag_of(keyword)] = Element("US", struct.pack("<H", number))
    if frames > 1:
        file.body[tag_of("SOPClassUID")] = Element("UI", b"1.2.840.10008.5.1.4.1.1.3.1")
        file.body[tag_of("NumberOfFrames")] = Element("IS", str(frames).encode())
    block = random.randbytes(64 * side + 37)  # no two rows and no two frames begin at the same place of it
    size = side * side * frames
    file.body[tag_of("PixelData")] = Element("OB", (block * (size // len(block) + 1))[:size])
    return file.content(), mint


def pixels_element(file: File) -> bytes:
    """The last element of the CT, as it is written."""
    value = file.body[tag_of("PixelData")].value
    assert isinstance(value, bytes)
    return struct.pack("<HH2sHL", 0x7FE0, 0x10, b"OW", 0, len(value)) + value


def _name(mint: Mint) -> bytes:
    value = mint.value(Place("bomb", "PatientName"), "PN")
    return encode({0x00100010: Element("PN", value)}, EXPLICIT)


BOMBS: tuple[Callable[[Random], tuple[bytes, Mint]], ...] = (
    deep_undefined,
    deep_defined,
    huge_length,
    deflate_bomb,
    millions_of_elements,
    wrapped,
    many_elements,
    many_fragments,
    pixels_that_are_not_there,
    noise,
    noise_in_motion,
)
