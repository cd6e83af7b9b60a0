"""The raw rewriting of headers: what is regular, sequences at any depth, pixels that stay in the file."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.sequence import Sequence
from pydicom.uid import JPEG2000, ExplicitVRLittleEndian, JPEGBaseline8Bit

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.file import Deidentifier
from tasks.deidentify.headers import binary
from tasks.deidentify.headers.encoding import BIG_ENDIAN, EXPLICIT, IMPLICIT, UNDEFINED, Encoding, PlainError
from tasks.deidentify.headers.scan import FIRST_READ, scan
from tasks.deidentify.headers.source import BytesSource
from tasks.deidentify.parts import Range, content, size
from tests.support.identified import PIXELS, PSEUDONYMISER, deidentify, encode, make_ct, part10

BASIC = DeidentifySettings(profile="basic")


@pytest.mark.parametrize("encoding", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_an_element_is_found_as_it_was_written(encoding: Encoding) -> None:
    written = encoding.element(0x00100010, "PN", b"Doe^J") + encoding.element(0x00280010, "US", b"\1\0")
    name, rows = scan(BytesSource(written), 0, encoding)
    assert (name.tag, name.vr, name.value) == (0x00100010, "PN", b"Doe^J ")
    assert (rows.tag, rows.vr, rows.value) == (0x00280010, "US", b"\1\0")


@pytest.mark.parametrize(
    "damaged",
    [
        EXPLICIT.element(0x00200010, "SH", b"1") + EXPLICIT.element(0x00100010, "PN", b"Doe"),
        EXPLICIT.element(0x00100010, "PN", b"Doe ") * 2,
        EXPLICIT.element(0x00100010, "PN", b"Doe^Jane")[:-2],
        EXPLICIT.header(0x00100010, "PN", 4)[:6],
        b"\x10\0\x10\0??\4\0Doe ",
        EXPLICIT.header(0x00081115, "SQ", UNDEFINED) + b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
        EXPLICIT.header(0x00081115, "SQ", UNDEFINED) + b"no item at all",
        EXPLICIT.header(0x00100010, "UT", UNDEFINED) + b"\xfe\xff\xdd\xe0\0\0\0\0",
    ],
)
def test_what_is_irregular_is_not_guessed_at(damaged: bytes) -> None:
    with pytest.raises(PlainError):
        scan(BytesSource(damaged), 0, EXPLICIT)


def test_a_header_longer_than_one_read_is_found_whole() -> None:
    texts = [EXPLICIT.element(0x00100010 + number, "LO", b"x" * 60000) for number in range(5)]
    found = scan(BytesSource(b"".join(texts)), 0, EXPLICIT)
    assert [element.length for element in found] == [60000] * 5
    long = EXPLICIT.element(0x00204000, "UT", b"y" * (3 * FIRST_READ))
    assert scan(BytesSource(long), 0, EXPLICIT)[0].value == b"y" * (3 * FIRST_READ)


def test_pixels_are_a_range_of_the_source_and_are_not_read(tmp_path: Path) -> None:
    ds = make_ct()
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(ds))
    outcome = Deidentifier(BASIC, PSEUDONYMISER).deidentify(path, "a")
    ranges = [part for part in outcome.parts if isinstance(part, Range)]
    assert [part.length for part in ranges] == [len(PIXELS)]
    assert path.read_bytes()[ranges[0].start :][: len(PIXELS)] == PIXELS
    assert size(outcome.parts) == len(content(outcome.parts))


def test_the_next_slice_is_not_mistaken_for_the_last(tmp_path: Path) -> None:
    together, cleaner = [], Deidentifier(DeidentifySettings(), PSEUDONYMISER)
    alone = []
    for number, name in enumerate(["Doe^Jane", "Doe^Jane", "Roe^Rick"]):
        ds = make_ct(f"1.2.3.{number}", patient=name[:3])
        ds.PatientName, ds.StudyDescription = name, f"CT abdomen for {name[:3]}"
        ds.SpecificCharacterSet = "ISO_IR 192" if number else "ISO_IR 100"
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(part10(ds))
        together.append(content(cleaner.deidentify(path, "a").parts))
        alone.append(content(Deidentifier(DeidentifySettings(), PSEUDONYMISER).deidentify(path, "a").parts))
    assert together == alone
    assert len(set(alone)) == 3


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("depth", [1, 5])
def test_items_are_cleaned_at_depth_whichever_way_they_are_delimited(undefined: bool, depth: int) -> None:
    ds = make_ct()
    inner = Dataset()
    inner.ReferencedSOPInstanceUID, inner.PatientName = "1.2.3.4.5.6", "Canary^Deep"
    for _ in range(depth):
        outer = Dataset()
        outer.ReferencedSeriesSequence = Sequence([inner])
        outer["ReferencedSeriesSequence"].is_undefined_length = undefined
        inner.is_undefined_length_sequence_item = undefined
        inner = outer
    ds.ReferencedStudySequence = Sequence([inner])
    ds["ReferencedStudySequence"].is_undefined_length = undefined
    result = deidentify(part10(ds))
    assert result.reason is None
    assert b"Canary" not in result.content
    assert b"1.2.3.4.5.6" not in result.content
    assert pydicom.dcmread(DicomBytesIO(result.content)).PixelData == PIXELS


def test_a_standard_sequence_inside_un_is_cleaned_as_implicit() -> None:
    item = IMPLICIT.element(0x00081155, "UI", b"1.2.3.4.5.6\0") + IMPLICIT.element(0x00100010, "PN", b"Canary^Un")
    value = IMPLICIT.item(item, undefined=False)
    ds = make_ct()
    body = encode(ds)
    whole = EXPLICIT.header(0x00081140, "UN", len(value)) + value
    elements = scan(BytesSource(body), 0, EXPLICIT)
    at = sum(len(element.chunk or b"") for element in elements if element.tag < 0x00081140)
    file = part10(ds)
    start = len(file) - len(body)
    result = deidentify(file[: start + at] + whole + file[start + at :])
    assert result.reason is None
    assert b"Canary" not in result.content


def test_more_pixel_bytes_than_the_frames_take_are_cut_off_or_refused() -> None:
    ds = make_ct()
    ds.PixelData = PIXELS + b"Canary"
    result = deidentify(part10(ds))
    assert result.reason is None
    assert b"Canary" not in result.content
    ds.PixelData = PIXELS * 2
    assert deidentify(part10(ds)).reason is Reason.PIXELS_EXCEED


def _compressed(stream: bytes, syntax: str) -> bytes:
    ds = make_ct()
    ds.PixelData = encapsulate([stream, stream], has_bot=True)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.NumberOfFrames = 2
    return part10(ds, syntax)


def test_comments_inside_compressed_streams_are_blanked_in_place() -> None:
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 12) + b"Canary Text!"
    application = b"\xff\xe1" + struct.pack(">H", 2 + 12) + b"Exif\0\0Canary"
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    scan_ = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + bytes(range(200)) + b"\xff\xd9"
    jpeg = b"\xff\xd8" + jfif + comment + application + scan_ + b"Canary"
    jpeg2000 = b"\xff\x4f\xff\x51" + struct.pack(">H", 6) + b"size"
    jpeg2000 += b"\xff\x64" + struct.pack(">H", 10) + b"\0\1Canary" + b"\xff\x90" + bytes(12) + b"\xff\xd9"
    for stream, syntax in ((jpeg, JPEGBaseline8Bit), (jpeg2000, JPEG2000)):
        source = _compressed(stream, syntax)
        result = deidentify(source, BASIC)
        assert result.reason is None
        assert b"Canary" in source
        assert b"Canary" not in result.content
        before, after = (pydicom.dcmread(DicomBytesIO(file)).PixelData for file in (source, result.content))
        assert len(before) == len(after)
    assert scan_ in result.content or bytes(12) in result.content
    assert jfif in deidentify(_compressed(jpeg, JPEGBaseline8Bit), BASIC).content


def test_bytes_behind_the_data_set_are_not_passed_on() -> None:
    padded = part10(make_ct()) + EXPLICIT.element(0xFFFCFFFC, "OB", b"Canary padding")
    assert b"Canary" not in deidentify(padded).content
    trailing = part10(make_ct(), ExplicitVRLittleEndian) + b"Canary behind the end of all"
    assert b"Canary" not in deidentify(trailing).content


def test_words_in_lookup_tables_and_profiles_do_not_pass_but_tables_do() -> None:
    ramp = b"".join(struct.pack("<H", value) for value in range(0x3030, 0x7A7A, 7))
    doubled = bytes(byte for value in range(256) for byte in (value, value))
    assert binary.kept(0x00283006, ramp) == ramp
    assert binary.kept(0x00281201, doubled) == doubled
    for tag, words in (
        (0x00283006, ramp + b"Canary of Wieczorek" + ramp),
        (0x00281201, doubled[:100] + b"WIECZOREK^HALINA" + doubled),
    ):
        plain = binary.kept(tag, words) or b""
        assert len(plain) == len(words)
        assert plain == bytes(sorted(plain))
        assert plain[-1] == 255
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    at = profile.index(b"mluc")
    (start,) = struct.unpack_from(">L", profile, at + 24)
    named = profile[: at + start] + "Canary".encode("utf-16-be") + profile[at + start + 12 :]
    cleaned = binary.kept(0x00282000, named)
    assert cleaned is not None
    assert b"C\0a\0n" not in cleaned
    assert len(cleaned) == len(profile)
    pixels, lab = Image.new("RGB", (8, 8), (200, 30, 60)), ImageCms.createProfile("LAB")
    ways = [
        ImageCms.profileToProfile(pixels, ImageCms.ImageCmsProfile(BytesIO(kind)), lab, outputMode="LAB")
        for kind in (profile, cleaned)
    ]
    assert ways[0].tobytes() == ways[1].tobytes()
    behind = binary.kept(0x00282000, profile + b"Canary behind")
    assert behind == (binary.kept(0x00282000, profile) or b"") + bytes(13)


def test_a_name_that_stands_only_within_a_sequence_goes_from_descriptions_too() -> None:
    ds = make_ct()
    equipment = Dataset()
    equipment.OperatorsName = "Wainwright^Ada"
    ds.ContributingEquipmentSequence = [equipment]
    ds.SeriesDescription = "Chest Wainwright axial"
    after = pydicom.dcmread(BytesIO(deidentify(part10(ds), DeidentifySettings(profile="research")).content))
    assert after.SeriesDescription == "Chest axial"


def test_a_place_that_is_the_makers_name_does_not_take_the_maker_away() -> None:
    ds = make_ct()
    ds.InstitutionName, ds.Manufacturer, ds.ManufacturerModelName = "G.E. Medical Systems", "GE MEDICAL SYSTEMS", "R4"
    after = pydicom.dcmread(BytesIO(deidentify(part10(ds), DeidentifySettings(profile="research")).content))
    assert (after.Manufacturer, after.ManufacturerModelName) == ("GE MEDICAL SYSTEMS", "R4")
