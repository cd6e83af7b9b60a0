"""Channels in compressed pixels: comments and application segments, fragments too many, bytes behind the end."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np

from tests.canary.base import SIDE, pixels, tag_of
from tests.canary.channels import channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File, fragments

_JPEG, _JPEG_LS, _J2K, _RLE = (
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.5",
)


def _compressed(file: File, syntax: str, value: bytes) -> None:
    file.syntax = syntax
    file.body[tag_of("PixelData")] = Element("OB", value, undefined=True)
    file.hides_in.add("PixelData")


def _image() -> np.ndarray:
    return np.frombuffer(pixels(), "<u2").reshape(SIDE, SIDE)


def _comment(stream: bytes, marker: int, text: bytes) -> bytes:
    """`text` in a marker segment behind the start of an image."""
    return stream[:2] + struct.pack(">HH", marker, len(text) + 2) + text + stream[2:]


def _jpeg() -> bytes:
    from PIL import Image

    target = BytesIO()
    Image.fromarray((_image() >> 3).astype("u1")).save(target, "jpeg", quality=90)
    return target.getvalue()


def _as_jpeg(file: File, value: bytes) -> None:
    _compressed(file, _JPEG, value)
    for keyword, number in (("BitsAllocated", 8), ("BitsStored", 8), ("HighBit", 7)):
        file.body[tag_of(keyword)] = Element("US", struct.pack("<H", number))
    file.body[tag_of("LossyImageCompression")] = Element("CS", b"01")
    file.body[tag_of("LossyImageCompressionRatio")] = Element("DS", b"10")
    file.body[tag_of("LossyImageCompressionMethod")] = Element("CS", b"ISO_10918_1")


def _jpeg_ls() -> bytes:
    import jpeg_ls

    return bytes(jpeg_ls.encode_array(_image()))


def _j2k() -> bytes:
    import openjpeg

    return bytes(openjpeg.encode(_image(), photometric_interpretation=2, codec_format=0))


def _rle(image: bytes) -> bytes:
    """Two planes of literal runs, the high bytes first."""
    planes = []
    for plane in (image[1::2], image[::2]):
        runs = (plane[at : at + 128] for at in range(0, len(plane), 128))
        coded = b"".join(bytes([len(run) - 1]) + run for run in runs)
        planes.append(coded + b"\0" * (len(coded) % 2))
    return struct.pack("<16L", 2, 64, 64 + len(planes[0]), *[0] * 13) + b"".join(planes)


@channel("JPEG comment", together=False, must_release=False)
def jpeg_comment(file: File, mint: Mint, place: Place) -> None:
    _as_jpeg(file, fragments(_comment(_jpeg(), 0xFFFE, mint.value(place, "LO"))))


@channel("JPEG application segments", together=False, must_release=False)
def jpeg_application(file: File, mint: Mint, place: Place) -> None:
    stream = _comment(_jpeg(), 0xFFED, b"Photoshop 3.0\0" + mint.value(place, "LO"))
    _as_jpeg(file, fragments(_comment(stream, 0xFFE1, b"Exif\0\0" + mint.value(place, "LO"))))


@channel("JPEG: bytes behind the end of the image", together=False, must_release=False)
def jpeg_behind(file: File, mint: Mint, place: Place) -> None:
    _as_jpeg(file, fragments(_jpeg() + mint.value(place, "UT")))


@channel("JPEG-LS comment", together=False)
def jpeg_ls_comment(file: File, mint: Mint, place: Place) -> None:
    stream = _comment(_comment(_jpeg_ls(), 0xFFFE, mint.value(place, "LO")), 0xFFE8, mint.value(place, "LO"))
    _compressed(file, _JPEG_LS, fragments(stream))


@channel("JPEG 2000 comment", together=False)
def j2k_comment(file: File, mint: Mint, place: Place) -> None:
    stream, text = _j2k(), b"\0\1" + mint.value(place, "LO")
    at = stream.index(b"\xff\x90")
    stream = stream[:at] + struct.pack(">HH", 0xFF64, len(text) + 2) + text + stream[at:]
    _compressed(file, _J2K, fragments(stream))


@channel("JPEG 2000 in a JP2 file with boxes", together=False)
def jp2_boxes(file: File, mint: Mint, place: Place) -> None:
    stream, text = _j2k(), b"<name>" + mint.value(place, "LO") + b"</name>"

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">L4s", 8 + len(content), kind) + content

    header = box(b"ihdr", struct.pack(">LLHBBBB", SIDE, SIDE, 1, 15, 7, 0, 0)) + box(b"colr", b"\1\0\0\0\0\0\x11")
    boxes = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", header)
    _compressed(
        file, _J2K, fragments(boxes + box(b"xml ", text) + box(b"uuid", bytes(16) + text) + box(b"jp2c", stream))
    )


@channel("RLE: bytes between and behind the segments", together=False)
def rle_behind(file: File, mint: Mint, place: Place) -> None:
    stream, text = _rle(pixels()), mint.value(place, "UT")
    text += b" " * (len(text) % 2)
    first, second = struct.unpack_from("<2L", stream, 4)
    moved = struct.pack("<3L", 2, first, second + len(text)) + stream[12:second] + text + stream[second:]
    _compressed(file, _RLE, fragments(moved + mint.value(place, "UT")))


@channel("RLE: text in the unused header", together=False)
def rle_header(file: File, mint: Mint, place: Place) -> None:
    stream, text = _rle(pixels()), mint.value(place, "LO")
    _compressed(file, _RLE, fragments(stream[:16] + text.ljust(48, b"\0")[:48] + stream[64:]))


@channel("fragments that no frame needs", together=False)
def more_fragments(file: File, mint: Mint, place: Place) -> None:
    text = mint.value(place, "UT")
    _compressed(file, _RLE, fragments(_rle(pixels()), text, table=bytes(4)))


@channel("text in the basic offset table", together=False)
def offset_table(file: File, mint: Mint, place: Place) -> None:
    text = mint.value(place, "UT")
    _compressed(file, _JPEG_LS, fragments(_jpeg_ls(), table=bytes(4) + text + bytes(-len(text) % 4)))


@channel("text in the extended offset table", together=False)
def extended_table(file: File, mint: Mint, place: Place) -> None:
    _compressed(file, _JPEG_LS, fragments(_jpeg_ls()))
    file.body[tag_of("ExtendedOffsetTable")] = Element("OV", bytes(8) + mint.value(place, "OB").ljust(24, b"\0"))
    file.body[tag_of("ExtendedOffsetTableLengths")] = Element("OV", mint.value(place, "OB").ljust(32, b"\0"))
