"""The second look finds what the engine might have left, in any encoding, and stays quiet about everyday values."""

from __future__ import annotations

import base64
import gzip
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.parts import Range
from tasks.deidentify.residual import check
from tasks.deidentify.residual.check import ResidualCheck
from tests.support.identified import PIXELS, STUDY, deidentify, element, make_ct, nest, part10, raw

ANATOMY = 0x00082218
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
SHIFT = -2463


def output(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The bytes of a file whose file meta names no sender."""
    return part10(ds, syntax).replace(b"HOSPITALAE", b"WRITTENOUT")


def holding(text: bytes, tag: int = 0x00081090) -> Dataset:
    """An object that holds `text` in a kept attribute."""
    ds = Dataset()
    ds[tag] = raw(tag, "LO", text + b" " * (len(text) % 2))
    return ds


def look(
    text: bytes | Dataset,
    source: Dataset | None = None,
    name: str = "2.25.1.dcm",
    dates: str = "REMOVED",
    retained: frozenset[str] = frozenset(),
) -> set[str]:
    """The kinds of identifiers of `source` in an output that holds `text`."""
    clean = output(text if isinstance(text, Dataset) else holding(text))
    found = ResidualCheck(retained, dates).residue((part10(source or make_ct()),), (clean,), name, SHIFT)
    return {kind.split(" in ")[0] for kind in found}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"seen by WIECZOREK today", "PatientName"),
        (b"halina wieczorek", "PatientName"),
        (b"WieczorekHalina", "PatientName"),
        (b"wieczorek_1941", "PatientName"),
        (b"Dr.Wieczorek's", "PatientName"),
        ("Wieczorek".encode("utf-16-le"), "PatientName"),
        ("Wieczorek".encode("utf-16-be"), "PatientName"),
        (b"id MRN-44871.", "PatientID"),
        (b"id mrn 44871 and", "PatientID"),
        (b"MRN44871", "PatientID"),
        (b"ACC77123", "AccessionNumber"),
        (b"at Saint Barnabas General", "InstitutionName"),
        (b"the Barnabas protocol", "InstitutionName"),
        (b"for Dr. Okonkwo", "ReferringPhysicianName"),
        (b"sent by HospitalAE", "SourceApplicationEntityTitle"),
        (b"born 19411102", "date"),
        (b"born 1941-11-02", "date"),
        (b"born 02.11.1941", "date"),
        (b"born 11/2/1941", "date"),
        (b"born 2 Nov 1941", "date"),
        (b"born November 2nd, 1941", "date"),
        (b"born 02-NOV-1941", "date"),
        (b"geboren 2. November 1941", "date"),
        ("né le 4 mars 2021".encode(), "date"),
        ("2021年3月4日".encode(), "date"),
        (b"on 04/03/21", "date"),
        (b"20210304101112", "date"),
        ("on 2021-03-04".encode("utf-16-le"), "date"),
        (STUDY.encode(), "uid"),
        (f"{STUDY}.77".encode(), "uid"),
        (f"see {STUDY}".encode("utf-16-be"), "uid"),
    ],
)
def test_an_identifier_of_the_source_is_found(text: bytes, kind: str) -> None:
    assert look(text) == {kind}


@pytest.mark.parametrize(
    "text",
    [
        b"Wieczorekia",
        b"CT",
        b"3",
        b"119411102",
        b"1.19411102",
        b"2.25.19411102993",
        b"Hal",
        b"1.2.840.10008.5.1.4.1.1.2",
        b"1.3.6.1.4.1.9999.1.115",
        b"7.1.3.6.1.4.1.9999.1.11",
        b"Saint General",
        b"10:11:12",
    ],
)
def test_what_only_resembles_one_is_left_in_peace(text: bytes) -> None:
    assert look(text) == set()


def test_short_and_common_values_do_not_drown_the_report() -> None:
    ds = make_ct(patient="1")
    ds.PatientName, ds.AccessionNumber, ds.StudyID, ds.InstitutionName = "CT^Head", "0", "111111", "ACME"
    ds.ReferringPhysicianName = "Anonymous"
    assert look(b"CT of HEAD 1 0 111111 ACME anonymous 123", ds) == set()
    assert look(b"CT^Head", ds) == {"PatientName"}


def test_a_name_that_is_an_everyday_word_counts_where_it_is_called_by_a_title_or_its_other_part() -> None:
    ds = make_ct()
    ds.PatientName = "Long^Halina"
    assert look(b"long axis of the left ventricle", ds) == set()
    for text in (b"Mr. Long came", b"Dr Long", b"long, halina", b"HALINA LONG"):
        assert "PatientName" in look(text, ds), text


def test_a_name_within_a_code_string_is_none_whatever_the_next_tag_looks_like() -> None:
    source, ds = make_ct(), Dataset()
    source.PerformingPhysicianName = "Lombardi^Mark"
    item = Dataset()
    item.RTROIInterpretedType, item.ROIInterpreter = "MARKER", ""  # ER and the next tag may be a tag and its length
    ds.RTROIObservationsSequence = [item]
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        clean = output(ds, syntax)
        assert not ResidualCheck(frozenset(), "REMOVED").residue((part10(source),), (clean,), "2.25.1.dcm", SHIFT)
        leaks = clean.replace(b"MARKER", b"MARK 2")
        assert ResidualCheck(frozenset(), "REMOVED").residue((part10(source),), (leaks,), "2.25.1.dcm", SHIFT)


def test_the_name_of_a_test_object_made_of_acronyms_is_no_name() -> None:
    source = make_ct()
    source.PatientName = "VOI^LUT^Test"
    assert look(b"VOI LUT Test", source) == set()
    source.PatientName = "Ng^LUT^Test"
    assert look(b"LUT Ng", source) == {"PatientName"}


def test_a_short_name_counts_as_a_whole_and_behind_a_title() -> None:
    ds = make_ct()
    ds.PatientName = "Li^Wu"
    assert look(b"Li-ion battery, W u", ds) == set()
    for text in (b"for WU LI", b"li, wu", b"Li Wu", b"Mrs Li", b"dr. wu"):
        assert look(text, ds) == {"PatientName"}, text


def test_a_number_of_digits_is_no_part_of_another_number() -> None:
    ds = make_ct(patient="00481516")
    for text in (b"481516", b"00481516", b"MRN:481516"):
        assert look(text, ds) == {"PatientID"}, text
    for text in (b"0.481516", b"481516.25", b"1481516", b"4815162", b"48 15 16", b"2.25.481516.3"):
        assert look(text, ds) == set(), text
    measured = Dataset()
    measured.add(element(0x00181151, "IS", "481516"))
    assert look(measured, ds) == set()


def test_a_telephone_number_is_found_however_it_is_grouped() -> None:
    ds = make_ct()
    ds.PatientTelephoneNumbers = "+1 (617) 555-0142"
    for text in (b"call 617-555-0142", b"6175550142", b"+16175550142", b"555 01 42", b"617.555.0142"):
        assert look(text, ds) == {"PatientTelephoneNumbers"}, text
    for text in (b"0.5550142", b"9175550142", b"55501423"):
        assert look(text, ds) == set(), text


def test_names_of_other_scripts_are_found_in_their_encodings() -> None:
    ds = make_ct()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Yamada^Tarou=山田^太郎"
    for encoding in ("utf-8", "shift_jis", "euc_jp", "utf-16-le", "utf-16-be", "iso2022_jp", "gb18030", "big5"):
        assert look("山田".encode(encoding), ds) == {"PatientName"}, encoding
    ds.PatientName = "Müller^Jürgen"
    for encoding in ("utf-8", "latin-1", "cp437", "utf-16-le"):
        assert look("MÜLLER".encode(encoding), ds) == {"PatientName"}, encoding
    assert look(b"Mueller, muller", ds) == {"PatientName"}
    ds.PatientName = "Иванов^Пётр"
    for encoding in ("utf-8", "iso8859-5", "koi8-r", "cp1251", "cp866"):
        assert look("ИВАНОВ".encode(encoding), ds) == {"PatientName"}, encoding
    ds.PatientName = "홍^길동"
    for text in ("길동".encode("euc_kr"), b"\x1b$)C\x0e" + bytes(byte & 0x7F for byte in "길동".encode("euc_kr"))):
        assert look(text, ds) == {"PatientName"}, text


def test_a_name_is_read_in_the_character_set_of_its_source() -> None:
    ds = make_ct()
    ds[0x00080005] = raw(0x00080005, "CS", b"\\ISO 2022 IR 87")
    ds[0x00100010] = raw(0x00100010, "PN", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B ")
    assert look("太郎".encode(), ds) == {"PatientName"}
    ds[0x00080005] = raw(0x00080005, "CS", b"ISO_IR 100")
    ds[0x00100010] = raw(0x00100010, "PN", "Müller^Jürgen ".encode("latin-1"))
    assert look("müller".encode(), ds) == {"PatientName"}


def test_a_name_in_two_character_sets_is_found_although_it_is_cut_by_escapes() -> None:
    ds = make_ct()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Kim^Ayşegülsüm=山田太^郎三"
    cut = b"\x1b$B" + "山".encode("iso2022_jp")[3:-3] + b"\x1b(B\x1b$B" + "田太".encode("iso2022_jp")[3:-3] + b"\x1b(B"
    assert look(cut, ds) == {"PatientName"}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding_of_source_and_output_is_read(syntax: str) -> None:
    inner = Dataset()
    inner.OperatorsName, inner.PatientID = "Castellanos^Ruy", "ZX-99123"
    source = make_ct()
    source.add(nest(inner, ANATOMY, ANATOMY, ANATOMY)[ANATOMY])
    source[ANATOMY].is_undefined_length = True
    clean = make_ct()
    clean.clear()
    clean.add(nest(holding(b"castellanos and ZX-99123"), ANATOMY, ANATOMY)[ANATOMY])
    clean.add(element(0x7FE00010, "OW", b"\0\1" * 50))
    found = ResidualCheck(frozenset(), "REMOVED").residue((part10(source, syntax),), (output(clean, syntax),), "x", 0)
    place = "ManufacturerModelName in AnatomicRegionSequence"
    assert found == (f"OperatorsName in {place}", f"PatientID in {place}")


def test_a_shifted_date_may_equal_another_date_of_the_source() -> None:
    ds = make_ct()
    ds.SeriesDate = "20140606"  # 2463 days before the StudyDate
    assert look(b"20140606", ds) == {"date"}
    assert look(b"20140606", ds, dates="MODIFIED") == set()
    assert look(b"20210304", ds, dates="MODIFIED") == {"date"}
    assert look(b"20210304", ds, dates="UNMODIFIED") == set()
    ds.SeriesDate, ds.ImageComments = "20100909", "compared with 7.6.2017"
    assert look(b"20100909", ds, dates="MODIFIED") == set(), "a date of the source's text is shifted too"
    assert look(b"04/03/2021", ds, dates="MODIFIED") == {"date"}
    ds.SeriesDate = "20271231"  # which becomes 3 April 2021: day and month may be read either way
    assert look(b"04/03/2021", ds, dates="MODIFIED") == set()


def test_the_name_of_the_file_and_text_read_from_pixels_are_looked_at() -> None:
    assert look(b"x", name="Wieczorek.dcm") == {"PatientName"}
    looked = ResidualCheck(frozenset(), "REMOVED")
    source, clean = (part10(make_ct()),), (output(holding(b"x")),)
    assert looked.residue(source, clean, "x", 0, ["W1ECZ0REKHALINA  12:03"]) == (
        "PatientName in the text of the pixels",
    )
    assert looked.residue(source, clean, "x", 0, ["R  120 kV  25 cm"]) == ()


def test_what_is_kept_on_purpose_is_no_residue() -> None:
    ds = make_ct()
    ds.StationName = "Saint Barnabas General"
    assert look(b"at Saint Barnabas General", ds, retained=frozenset({"InstitutionName"})) == set()
    assert look(b"Halina Wieczorek", ds, retained=frozenset({"InstitutionName"})) == {"PatientName"}
    assert look(b"20210304", ds, retained=frozenset({"StudyDate", "AcquisitionDateTime"})) == set()
    ds.ManufacturerModelName = ds.StationName = ds.OperatorsName = "Tomograf 64X"
    assert look(b"tomograf 64x", ds) == set()


def test_whatever_identifies_is_collected_from_private_elements_too() -> None:
    ds = make_ct()
    ds.add(element(0x00290010, "LO", "ACME 1.1"))
    ds.add(element(0x00291001, "PN", "Castellanos^Ruy"))
    ds.add(element(0x00291002, "DA", "20030717"))
    ds.add(element(0x00291003, "UI", "1.3.6.1.4.1.9999.77.8"))
    ds.add(element(0x00291004, "LO", "mail ruy@example.org"))
    assert look(b"castellanos 2003-07-17 1.3.6.1.4.1.9999.77.8 RUY@EXAMPLE.ORG", ds) == {"private", "date", "uid"}


def test_text_is_found_among_pixels_where_chance_would_not_have_put_it() -> None:
    pixels = bytearray(range(256)) * 400
    at = 30_001
    for text in (b"wieczOREK", b"Halina Wieczorek", "Saint Barnabas".encode("utf-16-le") + b"\0"):
        clean = Dataset()
        clean.add(element(0x7FE00010, "OW", bytes(pixels[:at]) + text + bytes(pixels[at + len(text) :])))
        found = look(clean)
        assert found == ({"PatientName"} if b"ie" in text else {"InstitutionName"}), text
    noise = Dataset()  # four letters in grey values that are letters all over are nothing
    ds = make_ct()
    ds.PatientName = "Chen^Ming"
    noise.add(element(0x7FE00010, "OB", b"lmnochefghijchenkabcdming" * 400))
    assert look(noise, ds) == set()


def test_text_behind_the_last_row_is_found() -> None:
    clean = make_ct()
    clean.clear()
    clean.Rows = clean.Columns = 8
    clean.SamplesPerPixel, clean.BitsAllocated = 1, 16
    clean.add(element(0x7FE00010, "OW", bytes(range(128)) + b"MRN-44871-9 Wieczorek, 02.11.1941 "))
    assert look(clean) == {"PatientName", "PatientID", "date"}


def test_a_comment_in_a_compressed_stream_is_found() -> None:
    stream = b"\xff\xd8\xff\xfe\x00\x0eby Chen Ming\xff\xda\x00\x08" + bytes(range(200)) + b"\xff\xd9after: Li Wu"
    clean = Dataset()
    clean.add(
        element(
            0x7FE00010, "OB", b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0" + len(stream).to_bytes(4, "little") + stream
        )
    )
    clean[0x7FE00010].is_undefined_length = True
    for name in ("Chen^Ming", "Li^Wu"):
        ds = make_ct()
        ds.PatientName = name
        content = output(clean, JPEGBaseline8Bit)
        found = ResidualCheck(frozenset(), "REMOVED").residue((part10(ds),), (content,), "x", 0)
        assert found == ("PatientName in text within the pixel data",)


def test_what_is_cut_by_the_end_of_a_chunk_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(check, "CHUNK", 4096)
    source = part10(make_ct())
    for at in (4096 - 3, 4096 - 12, 8000, 12285):
        pixels = bytearray(20_000)
        pixels[at : at + 16] = b"Halina Wieczorek"
        ds = Dataset()
        ds.add(element(0x7FE00010, "OW", bytes(pixels)))
        content = output(ds)
        path = tmp_path / "clean.dcm"
        path.write_bytes(content)
        cut = len(content) - len(pixels)
        for parts in ((content,), (content[:cut], Range(path, cut, len(pixels))), (Range(path, 0, len(content)),)):
            found = ResidualCheck(frozenset(), "REMOVED").residue((source,), parts, "x", 0)
            assert found == ("PatientName in the pixel data",)


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(b"The report on Halina Wieczorek, in full"),
        b"file:///export/Halina%20W%69eczorek.dcm",
        b"<name>W&#105;eczorek</name>",
        b'{"name": "W\\u0069eczorek"}',
    ],
)
def test_a_name_that_is_written_in_another_way_is_found(text: bytes) -> None:
    assert look(text) == {"PatientName"}


def _zipped() -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w:t>Halina Wieczorek</w:t>" * 3)
    return target.getvalue()


def _pdf(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"%%PDF-1.4\n1 0 obj <</Filter /FlateDecode /Length %d>> stream\n%b\nendstream endobj" % (
        len(packed),
        packed,
    )


@pytest.mark.parametrize(
    "document",
    [
        gzip.compress(b"Halina Wieczorek " * 9, mtime=0),
        _zipped(),
        _pdf(b"BT /F1 12 Tf (Halina Wieczorek) Tj ET"),
        _pdf(b"BT [(Wiec) -20 (zo) 11 (rek)] TJ ET"),
        _pdf(b"BT <5769> Tj <65637A6F72656B> Tj ET"),
    ],
)
def test_a_document_is_searched_decompressed(document: bytes) -> None:
    clean = Dataset()
    clean.add(element(0x00420011, "OB", document + b"\0" * (len(document) % 2)))
    assert look(clean) == {"PatientName"}


def test_a_document_that_cannot_be_looked_into_is_not_clean() -> None:
    clean = Dataset()
    clean.add(element(0x00420011, "OB", b"%PDF-1.6\ntrailer <</Encrypt 7 0 R>> "))
    assert look(clean) == {check.CLOSED}


def test_a_length_beside_a_value_is_no_letter_of_it() -> None:
    ds = Dataset()
    ds[0x00081090] = raw(0x00081090, "LO", b"Wieczorek and so on" + b" " * 0x2F)  # its length reads as `B`
    assert look(ds) == {"PatientName"}
    ds[0x00324000] = raw(0x00324000, "LT", b"xx")  # its tag begins with `2`
    ds[0x00081090] = raw(0x00081090, "LO", b"by Wieczorek")
    assert look(ds) == {"PatientName"}


def test_a_file_that_still_names_the_patient_is_refused_and_not_passed_on() -> None:
    ds = make_ct()
    ds.add(element(0x7FE00010, "OW", PIXELS[:50] + b"Halina Wieczorek" + PIXELS[66:]))
    outcome = deidentify(part10(ds))
    assert outcome.reason is Reason.RESIDUAL_IDENTIFIER
    assert outcome.content == b""


def test_what_a_site_keeps_on_purpose_passes() -> None:
    settings = DeidentifySettings(overrides={"InstitutionName": "K"})
    assert deidentify(part10(make_ct()), settings).reason is None


def test_a_broken_output_is_an_error_and_not_clean() -> None:
    with pytest.raises(ValueError, match="output"):
        ResidualCheck(frozenset(), "REMOVED").residue((part10(make_ct()),), (part10(make_ct())[:-20],), "x", 0)
