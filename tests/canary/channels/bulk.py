"""Channels in bulk values: overlays, curves, icons, tables, profiles, hidden bits and bytes of the pixels."""

from __future__ import annotations

import struct
from array import array

from tests.canary.base import SIDE, pixels, tag_of
from tests.canary.channels import channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File


@channel("overlays")
def overlays(file: File, mint: Mint, place: Place) -> None:
    for group in (0x6000, 0x6002, 0x601E):
        plane = mint.value(place, "OW")
        for offset, vr, value in (
            (0x0010, "US", struct.pack("<H", SIDE)),
            (0x0011, "US", struct.pack("<H", SIDE)),
            (0x0022, "LO", mint.value(place, "LO")),  # OverlayDescription
            (0x0040, "CS", b"G"),
            (0x0050, "SS", b"\1\0\1\0"),
            (0x0100, "US", b"\1\0"),
            (0x0102, "US", b"\0\0"),
            (0x1500, "LO", mint.value(place, "LO")),  # OverlayLabel
            (0x3000, "OW", plane + bytes(SIDE * SIDE // 8 - len(plane))),
            (0x4000, "LT", mint.value(place, "LT")),  # OverlayComments
        ):
            file.body[group << 16 | offset] = Element(vr, value)


@channel("curves and audio")
def curves(file: File, mint: Mint, place: Place) -> None:
    for group in (0x5000, 0x501E):
        file.body[group << 16 | 0x0005] = Element("US", b"\2\0")
        file.body[group << 16 | 0x0020] = Element("CS", mint.value(place, "CS"))
        file.body[group << 16 | 0x0022] = Element("LO", mint.value(place, "LO"))
        file.body[group << 16 | 0x0040] = Element("SH", mint.value(place, "SH"))
        file.body[group << 16 | 0x200C] = Element("OW", mint.value(place, "OW"))
        file.body[group << 16 | 0x200E] = Element("LT", mint.value(place, "LT"))
        file.body[group << 16 | 0x2500] = Element("LO", mint.value(place, "LO"))
        file.body[group << 16 | 0x3000] = Element("OW", mint.value(place, "OW"))


@channel("icon image")
def icon(file: File, mint: Mint, place: Place) -> None:
    plane = mint.value(place, "OB")
    item = {
        0x00280002: Element("US", b"\1\0"),
        0x00280004: Element("CS", b"MONOCHROME2"),
        0x00280010: Element("US", b"\x10\0"),
        0x00280011: Element("US", b"\x10\0"),
        0x00280100: Element("US", b"\x08\0"),
        0x00280101: Element("US", b"\x08\0"),
        0x00280102: Element("US", b"\7\0"),
        0x00280103: Element("US", b"\0\0"),
        0x7FE00010: Element("OB", plane + bytes(256 - len(plane))),
    }
    file.body[tag_of("IconImageSequence")] = Element("SQ", (item,))


@channel("pixel data inside a sequence")
def nested_pixels(file: File, mint: Mint, place: Place) -> None:
    item = {
        0x00080100: Element("SH", b"51185008"),
        0x00080102: Element("SH", b"SCT"),
        0x00080104: Element("LO", b"Chest"),
        0x7FE00010: Element("OW", mint.value(place, "OW")),
        0x60003000: Element("OW", mint.value(place, "OW")),
    }
    file.body[tag_of("MeasurementUnitsCodeSequence")] = Element("SQ", (item,))


_TABLE = "a table's values are as free as pixels; the patient's own name is found there, see `name in bulk values`"


@channel("unknown words in lookup tables", together=False, tolerated=_TABLE)
def lookup_tables(file: File, mint: Mint, place: Place) -> None:
    lut = {
        0x00283002: Element("US", struct.pack("<HHH", 64, 0, 16)),
        0x00283006: Element("OW", mint.value(place, "UT") + bytes(80)),
    }
    file.body[tag_of("VOILUTSequence")] = Element("SQ", (lut,))


@channel("unknown words in palettes", together=False, tolerated=_TABLE)
def palettes(file: File, mint: Mint, place: Place) -> None:
    for tag in (0x00281201, 0x00281202, 0x00281203):
        file.body[tag - 0x100] = Element("US", struct.pack("<HHH", 64, 0, 16))
        text = mint.value(place, "UT")
        file.body[tag] = Element("OW", text + bytes(128 - len(text)))
    file.body[tag_of("SegmentedRedPaletteColorLookupTableData")] = Element("OW", mint.value(place, "OW"))


@channel("ICC profile")
def icc(file: File, mint: Mint, place: Place) -> None:
    """A profile whose description and copyright name somebody."""
    texts = [b"desc\0\0\0\0" + mint.value(place, "LO"), b"text\0\0\0\0" + mint.value(place, "UT")]
    start, table, data = 128 + 4 + 24, b"", b""
    for name, text in zip((b"desc", b"cprt"), texts, strict=True):
        table += name + struct.pack(">LL", start + len(data), len(text))
        data += text + bytes(-len(text) % 4)
    head = struct.pack(">L", start + len(data)) + b"ACME\2\0\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(84)
    profile = head[:128] + struct.pack(">L", 2) + table + data
    file.body[tag_of("ICCProfile")] = Element("OB", profile)


@channel("unused bits of the pixels", together=False, tolerated="pixels that are not masked keep their exact bytes")
def unused_bits(file: File, mint: Mint, place: Place) -> None:
    words = array("H", pixels())
    for at, byte in enumerate(mint.value(place, "UT")):
        words[2 * at] |= (byte >> 4) << 12
        words[2 * at + 1] |= (byte & 15) << 12
    file.body[tag_of("PixelData")] = Element("OW", words.tobytes())
    file.hides_in.add("PixelData")


@channel("bytes behind the last frame", together=False)
def behind_pixels(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("PixelData")] = Element("OW", pixels() + mint.value(place, "UT"))
    file.hides_in.add("PixelData")


@channel("float pixels, offset tables and a provider's URL")
def other_pixels(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("PixelDataProviderURL")] = Element("UR", mint.value(place, "UR"))
    file.body[tag_of("ExtendedOffsetTable")] = Element("OV", mint.value(place, "OV"))
    file.body[tag_of("ExtendedOffsetTableLengths")] = Element("OV", mint.value(place, "OV"))
    file.body[tag_of("FloatPixelData")] = Element("OF", mint.value(place, "OF"))
    file.body[tag_of("DoubleFloatPixelData")] = Element("OD", mint.value(place, "OD"))
    file.body[tag_of("SpectroscopyData")] = Element("OF", mint.value(place, "OF"))
    file.body[tag_of("CoefficientsSDVN")] = Element("OW", mint.value(place, "OW"))
