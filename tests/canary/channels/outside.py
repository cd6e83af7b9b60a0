"""Channels around the data set: preamble, file meta, groups that do not belong, and what stands behind the end."""

from __future__ import annotations

import struct

from tests.canary.channels import channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File


@channel("preamble")
def preamble(file: File, mint: Mint, place: Place) -> None:
    text = f"Seen {mint.word(place)} {mint.number(place)}".encode()
    file.preamble = text + bytes(128 - len(text))


@channel("file meta: AE titles")
def ae_titles(file: File, mint: Mint, place: Place) -> None:
    for tag in (0x00020016, 0x00020017, 0x00020018):
        file.meta[tag] = Element("AE", mint.value(place, "AE"))


@channel("file meta: network addresses")
def addresses(file: File, mint: Mint, place: Place) -> None:
    for tag in (0x00020026, 0x00020027, 0x00020028):
        file.meta[tag] = Element("UR", mint.value(place, "UR"))


@channel("file meta: private information")
def private_information(file: File, mint: Mint, place: Place) -> None:
    file.meta[0x00020100] = Element("UI", mint.value(place, "UI"))
    file.meta[0x00020102] = Element("OB", mint.value(place, "OB"))


@channel("file meta: implementation")
def implementation(file: File, mint: Mint, place: Place) -> None:
    file.meta[0x00020012] = Element("UI", mint.value(place, "UI"))
    file.meta[0x00020013] = Element("SH", mint.value(place, "SH"))


@channel("file meta: unknown element")
def unknown_meta(file: File, mint: Mint, place: Place) -> None:
    file.meta[0x00020099] = Element("LO", mint.value(place, "LO"))


@channel("file meta: instance UID that the data set does not have", together=False)
def other_instance(file: File, mint: Mint, place: Place) -> None:
    file.meta[0x00020003] = Element("UI", mint.value(place, "UI"))


@channel("DataSetTrailingPadding")
def padding(file: File, mint: Mint, place: Place) -> None:
    file.body[0xFFFCFFFC] = Element("OB", mint.value(place, "OB") + bytes(100))


@channel("a few bytes after the data set", together=False, must_release=False)
def few_bytes(file: File, mint: Mint, place: Place) -> None:
    file.tail = mint.number(place).encode()[:7]


@channel("text after the data set", together=False, must_release=False)
def text_after(file: File, mint: Mint, place: Place) -> None:
    file.tail = mint.value(place, "UT") * 3


@channel("zeros and text after the data set", together=False, must_release=False)
def zeros_after(file: File, mint: Mint, place: Place) -> None:
    file.tail = bytes(512) + mint.value(place, "UT")


@channel("elements after the trailing padding", together=False, must_release=False)
def after_padding(file: File, mint: Mint, place: Place) -> None:
    file.body[0xFFFCFFFC] = Element("OB", bytes(10))
    value = mint.value(place, "LO")
    file.tail = struct.pack("<HH2sH", 0x0010, 0x4000, b"LT", len(value)) + value


@channel("command group 0000", together=False)
def command(file: File, mint: Mint, place: Place) -> None:
    """By itself, since dciodvfy cannot read a file that has it, and so has nothing to compare with."""
    file.body[0x00000010] = Element("LO", mint.value(place, "LO"))
    file.body[0x00000300] = Element("AE", mint.value(place, "AE"))
    file.body[0x00001000] = Element("UI", mint.value(place, "UI"))
    file.body[0x00001031] = Element("LO", mint.value(place, "LO"))


@channel("group 0002 in the data set", together=False, must_release=False)
def meta_in_data_set(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00030016] = Element("LO", mint.value(place, "LO"))
    file.body[0x00020016] = Element("AE", mint.value(place, "AE"))


@channel("directory group 0004")
def directory_group(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00041130] = Element("CS", mint.value(place, "CS"))
    file.body[0x00041500] = Element("CS", mint.value(place, "CS"))
    file.body[0x00041511] = Element("UI", mint.value(place, "UI"))


@channel("directory records in a CT", together=False, must_release=False)
def directory_records(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00041220] = Element("SQ", ({0x00100010: Element("PN", mint.value(place, "PN"))},))


@channel("group lengths")
def group_lengths(file: File, mint: Mint, place: Place) -> None:
    for group in (0x0008, 0x0010, 0x0018, 0x0028, 0x7FE0):
        file.body[group << 16] = Element("UL", mint.value(place, "UL"))
    file.body[0x00200000] = Element("LO", mint.value(place, "LO"))


@channel("retired groups and elements")
def retired(file: File, mint: Mint, place: Place) -> None:
    for tag, vr in (
        (0x00080001, "UL"),  # Length to End
        (0x00080010, "SH"),  # Recognition Code
        (0x00080041, "LO"),  # Data Set Subtype
        (0x00084000, "LT"),  # Identifying Comments
        (0x00184000, "LT"),  # Acquisition Comments
        (0x00204000, "LT"),  # Image Comments
        (0x00203401, "CS"),  # Modifying Device ID
        (0x00203402, "CS"),  # Modified Image ID
        (0x00203404, "LO"),  # Modifying Device Manufacturer
        (0x00203406, "LO"),  # Modified Image Description
        (0x00284000, "LT"),  # Image Presentation Comments
        (0x40000010, "LT"),  # Arbitrary
        (0x40004000, "LT"),  # Text Comments
        (0x40080040, "SH"),  # Results ID
        (0x4008010B, "ST"),  # Interpretation Text
    ):
        file.body[tag] = Element(vr, mint.value(place, vr, tag))


@channel("unknown elements of standard groups")
def unknown(file: File, mint: Mint, place: Place) -> None:
    for tag, vr in ((0x0008FFF0, "LO"), (0x00109999, "PN"), (0x0018FE00, "DS"), (0x77760010, "LT"), (0x0028FF08, "CS")):
        file.body[tag] = Element(vr, mint.value(place, vr, tag))
    file.body[0x0018FE10] = Element("SQ", ({0x00080104: Element("LO", mint.value(place, "LO"))},))


@channel("file and folder names")
def names(file: File, mint: Mint, place: Place) -> None:
    file.name = f"{mint.word(place)}^{mint.word(place)}/{mint.number(place)}/{mint.day(place)} {mint.word(place)}.dcm"
