"""The second look reads a source by itself: whatever its encoding, its depth and its damage, and the same each time."""

from __future__ import annotations

import random
import struct
import zlib

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tasks.deidentify.residual import chance, inflate, needles
from tasks.deidentify.residual.charsets import readings, spellings
from tasks.deidentify.residual.check import ResidualCheck
from tasks.deidentify.residual.collect import Collector
from tasks.deidentify.residual.dates import days, moved, short_days
from tasks.deidentify.residual.identifying import Collected
from tasks.deidentify.residual.streams import text_areas
from tasks.deidentify.residual.view import View
from tests.support.identified import STUDY, element, encode, make_ct, nest, part10, raw

ANATOMY = 0x00082218
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def collect(content: bytes, collector: Collector | None = None) -> Collected:
    return (collector or Collector(frozenset())).collect(View((content,)))[0]


def values(content: bytes, kind: str = "name") -> set[bytes]:
    return {token.raw for token in collect(content).tokens if token.kind == kind}


def witness(name: str = "Castellanos^Ruy") -> Dataset:
    inner = Dataset()
    inner.OperatorsName = name
    return inner


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_are_read_in_every_encoding(syntax: str, undefined: bool) -> None:
    ds = make_ct()
    ds.add(nest(nest(witness(), ANATOMY), ANATOMY)[ANATOMY])
    ds[ANATOMY].is_undefined_length = undefined
    ds[ANATOMY].value[0].is_undefined_length_sequence_item = undefined
    content = part10(ds, syntax)
    assert values(content) == {b"Wieczorek^Halina", b"Okonkwo^Adaeze", b"Castellanos^Ruy"}
    assert STUDY.encode() in collect(content).uids
    assert {b"20210304", b"19411102"} <= values(content, "day")


def test_a_file_without_preamble_or_file_meta_is_read() -> None:
    for syntax in SYNTAXES[:3]:
        assert b"Wieczorek^Halina" in values(encode(make_ct(), syntax)), syntax
    assert b"Wieczorek^Halina" in values(part10(make_ct())[128:])


def test_preamble_and_file_meta_are_read() -> None:
    content = part10(make_ct(), preamble=b"sent from ROOM-7 by H.W.".ljust(128, b"\0"))
    assert values(content, "place") >= {b"sent from ROOM-7 by H.W.", b"HOSPITALAE"}


def test_items_of_an_unknown_vr_are_read_as_what_they_are() -> None:
    for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
        inner = encode(witness(), syntax)
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(inner)) + inner
        ds = make_ct()
        ds[0x00291010] = raw(0x00291010, "UN", item)
        assert b"Castellanos^Ruy" in values(part10(ds)), syntax


def test_the_end_of_the_file_is_read_too() -> None:
    ds = make_ct()
    ds.add(element(0x7FE10010, "LO", "ACME 1.1"))
    ds.add(element(0x7FE11001, "PN", "Castellanos^Ruy"))
    assert b"Castellanos^Ruy" in values(part10(ds))


def test_depth_costs_nothing() -> None:
    depth = 5_000
    inner = encode(witness())
    start, end = (
        b"\x08\x00\x18\x22SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
        b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0",
    )
    content = part10(make_ct())
    at = content.index(b"\x10\x00\x10\x00PN")
    assert b"Castellanos^Ruy" in values(content[:at] + start * depth + inner + end * depth + content[at:])


def test_an_item_has_a_character_set_of_its_own() -> None:
    inner = witness()
    inner[0x00080005] = raw(0x00080005, "CS", b"ISO_IR 144")
    ds = nest(inner, ANATOMY)
    ds.PatientName = "Wieczorek^Halina"
    charsets = {token.raw: token.charset for token in collect(part10(ds)).tokens if token.kind == "name"}
    assert charsets == {b"Castellanos^Ruy": b"ISO_IR 144", b"Wieczorek^Halina": None}


def test_an_identifier_whose_vr_is_wrong_is_still_one() -> None:
    ds = make_ct()
    ds[0x00100010] = raw(0x00100010, "LO", b"Castellanos^Ruy ")
    ds[0x00100030] = raw(0x00100030, "UN", b"20030717")
    ds[0x00100020] = raw(0x00100020, "IS", b"771234")
    content = part10(ds)
    assert b"Castellanos^Ruy" in values(content)
    assert b"20030717" in values(content, "day")
    assert b"771234" in values(content, "number")


def test_what_cannot_be_followed_is_searched_for_what_looks_like_an_element() -> None:
    for syntax in SYNTAXES[:3]:
        ds = make_ct()
        ds.add(nest(witness(), ANATOMY)[ANATOMY])
        content = part10(ds, syntax)
        length = struct.pack(">L" if syntax == ExplicitVRBigEndian else "<L", 2**31)
        at = content.index(b"\x22\x18" if syntax == ExplicitVRBigEndian else b"\x18\x22") + (
            2 if "1.2.2" not in syntax and syntax == ImplicitVRLittleEndian else 6
        )
        broken = content[:at] + length + content[at + 4 :]
        assert values(broken) == {b"Wieczorek^Halina", b"Okonkwo^Adaeze", b"Castellanos^Ruy"}, syntax


def test_a_source_that_tells_of_nobody_because_it_is_broken_is_an_error() -> None:
    for content in (bytes(200), b"no DICOM at all" * 40):
        with pytest.raises(ValueError, match="nothing to search for"):
            collect(content)
    ds = make_ct()
    del ds.PatientName, ds.PatientID, ds.ReferringPhysicianName
    assert not values(part10(ds)), "a sound header without a patient is no error"


def test_what_was_learned_of_a_series_changes_nothing_of_what_is_found() -> None:
    chooser = random.Random(7)
    collector = Collector(frozenset())
    for number in range(80):
        ds = make_ct(sop=f"1.3.6.1.4.1.9999.1.14.{number}")
        ds.InstanceNumber, ds.SliceLocation = number, f"{number * 1.25}"
        ds.OperatorsName = chooser.choice(["Castellanos^Ruy", "Castellanos^Ruy", "Brandt^Ilse"])
        if number % 7:
            ds.add(nest(witness(chooser.choice(["Okafor^N", "Brandt^Ilse"])), ANATOMY)[ANATOMY])
            ds[ANATOMY].is_undefined_length = chooser.random() < 0.5
        if number % 11 == 0:
            ds.StudyDate = f"2021{chooser.randint(1, 12):02d}04"
        syntax = chooser.choice(SYNTAXES) if number % 5 == 0 else ExplicitVRLittleEndian
        content = part10(ds, syntax)
        assert collect(content, collector) == collect(content), number


def test_pixels_are_passed_over_unread() -> None:
    read = []

    class Counting(View):
        def read(self, start: int, length: int) -> bytes:
            content = super().read(start, length)
            read.append(len(content))
            return content

    ds = make_ct()
    ds.add(element(0x7FE00010, "OW", bytes(5_000_000)))
    ds.add(element(0x00281201, "OW", bytes(3_000_000)))
    Collector(frozenset()).collect(Counting((part10(ds),)))
    assert sum(read) < 1_000_000


def test_a_large_deflated_file_is_read_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "_KEPT", 1000)
    monkeypatch.setattr(inflate, "_STEP", 256)
    body = bytes(range(256)) * 40
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    under = View((b"head", deflater.compress(body) + deflater.flush(), b"tail"))
    reader = inflate.inflated(under, 4)
    whole = b"head" + body + b"tail"
    assert reader.size == len(whole)
    for start, length in ((0, 10), (700, 3000), (2, 5), (len(whole) - 3, 99), (9000, 2000)):
        assert reader.read(start, length) == whole[start : start + length]
    with pytest.raises(ValueError, match="damaged"):
        inflate.inflated(View((b"head\xff\xff\xff\xff\xff",)), 4)
    monkeypatch.setattr(inflate, "MAX_INFLATED", 5000)
    with pytest.raises(ValueError, match="too large"):
        inflate.inflated(under, 4)


def test_a_file_meta_that_ends_nowhere_is_an_error_and_no_endless_search() -> None:
    content = part10(make_ct(), DeflatedExplicitVRLittleEndian)
    at = content.index(b"\x02\x00\x10\x00UI")
    broken = (
        content[: at + 8] + content[at + 8 : at + 30] + b"\x02\x00\x12\x00UN\0\0\xff\xff\xff\x7f" + content[at + 30 :]
    )
    with pytest.raises(ValueError, match=r"begin|ends"):
        ResidualCheck(frozenset(), "REMOVED").residue((part10(make_ct()),), (broken,), "x", 0)
    with pytest.raises(ValueError, match=r"nothing to search for|ends"):
        collect(broken)


def test_a_damaged_source_in_which_everything_is_a_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needles, "_MOST", 50)
    ds = make_ct()
    ds.OtherPatientNames = [f"Nomen{chr(97 + number)}q^X" for number in range(26)]
    with pytest.raises(ValueError, match="more identifiers"):
        ResidualCheck(frozenset(), "REMOVED").residue((part10(ds),), (part10(make_ct()),), "x", 0)


def test_values_read_as_their_character_set_says() -> None:
    assert readings("Müller".encode("latin-1"), b"ISO_IR 100") == ("Müller",)
    assert readings("Müller".encode(), b"ISO_IR 100")[-1] == "Müller", "UTF-8 in spite of what the header says"
    assert readings("Люксембург".encode("iso8859_5"), b"ISO_IR 144") == ("Люксембург",)
    assert readings(b"\x1b$)C" + "洪".encode("euc_kr") + b"^" + "吉洞".encode("euc_kr"), b"\\ISO 2022 IR 149") == (
        "洪^吉洞",
    )
    assert readings(b"\x1b-Fx" + "Διονυσιος".encode("iso8859_7"), b"\\ISO 2022 IR 126") == ("xΔιονυσιος",)
    assert {"Jérôme".lower(), "jerome"} <= spellings("Jérôme")
    assert {"größ", "groess", "gross"} <= spellings("Größ")


def test_dates_are_read_in_every_usual_form() -> None:
    forms = "20210304 2021-03-04 2021/3/4 4.3.2021 04/03/2021 03-04-2021 04032021"
    for form in [*forms.split(), "4 Mar 2021", "March 4th, 2021", "4. März 2021", "4 de marzo de 2021", "2021-MAR-04"]:
        assert "20210304" in set(days(f"on {form}, done")), form
    for form in ("1.20210304", "20211304", "20210230", "12021030455", "2021", "3/2021", "marble 4, 2021"):
        assert not set(days(form)), form
    assert set(short_days("on 4/3/21")) == {"040321", "030421"}
    assert not set(short_days("version 1.4.3.21 or 4.3.21.7"))
    assert moved("20210304", -4) == "20210228"


def test_chance_explains_short_texts_in_noise_and_no_long_ones() -> None:
    grey = bytes(random.Random(3).choices(range(90, 120), k=15_000))
    assert chance.expected(b"chen", grey, grey, 500_000, 100) > chance.BELIEVED
    assert chance.expected(b"wieczorek", grey, grey, 500_000, 100) > chance.BELIEVED
    assert chance.expected(b"wieczorek, halina", grey, grey, 500_000, 100) < chance.BELIEVED
    ct = struct.pack("<500H", *range(900, 1400)) * 30
    assert chance.expected(b"zielinski", ct, ct, 500_000, 100) < chance.BELIEVED
    uniform = bytes(range(256)) * 128
    assert chance.expected(b"zielins", uniform, uniform, 500_000, 100) > chance.BELIEVED
    assert chance.expected(b"zielinsk", uniform, uniform, 500_000, 100) < chance.BELIEVED


def test_text_stands_before_the_coded_values_of_a_stream_and_after_them() -> None:
    comment = b"\xff\xfe\x00\x07hello"
    jpeg = b"\xff\xd8" + comment + b"\xff\xda\x00\x08" + bytes(300) + b"\xff\xd9rest"
    assert text_areas(View((b"xx" + jpeg,)), 2, 2 + len(jpeg)) == [(2, 13), (2 + len(jpeg) - 4, 2 + len(jpeg))]
    code = b"\xff\x4f\xff\x51\x00\x04ab\xff\x64\x00\x07hello\xff\x90" + bytes(300)
    assert text_areas(View((code,)), 0, len(code)) == [(0, 17)]
    assert text_areas(View((bytes(300),)), 0, 300) == []
