"""A folder as a source: found by content, everything accounted for, nothing followed or unpacked that would do harm."""

from __future__ import annotations

import gzip
import json
import os
import random
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tasks.core.reasons import Reason
from tasks.extract.criteria import Criteria
from tasks.extract.folder import FolderSource
from tasks.extract.scan import Limits
from tasks.extract.sniff import Kind, sniff
from tasks.extract.source import Handle, Listing
from tests.support.dicom import make_bare_dicom, make_dicom, make_zip


def look(root: Path, *, max_item_bytes: int = 2**30, max_ratio: int = 200) -> Listing:
    return FolderSource(root, Limits(max_item_bytes, max_ratio)).list_series(Criteria())


def found(listing: Listing) -> list[str]:
    return sorted(instance.sop_uid for series in listing.series for instance in series.instances)


def reasons(listing: Listing) -> dict[str, Reason]:
    return {entry.locator.replace("\0", "|"): entry.reason for entry in listing.refused}


def test_dicom_is_found_by_content_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "scan.txt").write_bytes(make_dicom("1.2.1"))
    (tmp_path / ".hidden").write_bytes(make_dicom("1.2.2"))
    (tmp_path / "IM0001").write_bytes(make_dicom("1.2.3", syntax=ImplicitVRLittleEndian))
    listing = look(tmp_path)
    assert found(listing) == ["1.2.1", "1.2.2", "1.2.3"]
    assert not listing.refused


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_data_set_without_preamble_is_recognised_in_each_plain_encoding(tmp_path: Path, syntax: str) -> None:
    (tmp_path / "bare").write_bytes(make_bare_dicom("1.2.9", syntax=syntax))
    listing = look(tmp_path)
    assert found(listing) == ["1.2.9"]
    assert listing.series[0].header.patient_id == "P1"


def test_a_name_that_is_not_utf_8_is_found_and_fetched(tmp_path: Path) -> None:
    content = make_dicom("1.2.1")
    (tmp_path / os.fsdecode(b"M\xfcller")).write_bytes(content)
    source = FolderSource(tmp_path, Limits(2**30, 200))
    [series] = source.list_series(Criteria()).series
    assert b"".join(source.fetch(Handle("i", series.instances[0].locator, len(content)))) == content


def test_what_is_not_dicom_is_skipped_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"00080005": {"vr": "CS"}}))
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    (tmp_path / "c.txt").write_text("Report of Roe^Richard")
    (tmp_path / "d.xlsx").write_bytes(make_zip({"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}))
    (tmp_path / "e").write_bytes(b"")
    (tmp_path / "f.dcm").write_bytes(bytes(4096))
    os.mkfifo(tmp_path / "g")
    expected = dict.fromkeys(["a.json", "b.png", "c.txt", "d.xlsx", "f.dcm", "g"], Reason.NOT_DICOM)
    assert reasons(look(tmp_path)) == {**expected, "e": Reason.EMPTY_FILE}


def test_broken_and_anonymous_instances_and_media_directories_have_reasons_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "no-sop").write_bytes(make_dicom("", SOPInstanceUID=None))
    (tmp_path / "no-class").write_bytes(make_dicom("1.2.4", SOPClassUID=None))
    (tmp_path / "garbage").write_bytes(bytes(128) + b"DICM" + random.Random(1).randbytes(4000))
    whole = make_dicom("1.2.5")
    (tmp_path / "cut").write_bytes(whole[:140])
    (tmp_path / "cut in a value").write_bytes(whole[: whole.index(b"Thorax") + 3])
    (tmp_path / "cut in a tag").write_bytes(whole[: whole.index(b"Thorax") - 3])
    (tmp_path / "cut, bare").write_bytes((bare := make_bare_dicom("1.2.6"))[: bare.index(b"Thorax") + 3])
    directory = make_dicom("1.2.6", SOPClassUID="1.2.840.10008.1.3.10")
    (tmp_path / "DICOMDIR").write_bytes(directory)
    assert reasons(look(tmp_path)) == {
        "no-sop": Reason.NO_IDENTITY,
        "no-class": Reason.NO_IDENTITY,
        "garbage": Reason.UNREADABLE,
        **dict.fromkeys(["cut", "cut in a value", "cut in a tag", "cut, bare"], Reason.UNREADABLE),
        "DICOMDIR": Reason.MEDIA_DIRECTORY,
    }


def test_a_header_is_read_behind_a_large_private_block_and_out_of_order(tmp_path: Path) -> None:
    block = make_dicom("1.2.7", SeriesInstanceUID="1.2.3.9")
    large = b"\x09\x00\x10\x00LO\x04\x00ACME" + b"\x09\x00\x01\x10OB\x00\x00" + (300_000).to_bytes(4, "little")
    at = block.index(b"\x10\x00\x10\x00PN")
    (tmp_path / "private").write_bytes(block[:at] + large + bytes(300_000) + block[at:])
    sop = block.index(b"\x08\x00\x18\x00UI")
    element = block[sop : sop + 8 + block[sop + 6]]
    (tmp_path / "unordered").write_bytes(block.replace(element, b"").replace(b"1.2.3.9\0", b"1.2.3.8\0") + element)
    listing = look(tmp_path)
    assert set(reasons(listing).values()) == {Reason.UID_COLLISION}
    assert len(listing.refused) == 2, "both were read to their SOPInstanceUID, which is the same"


@pytest.mark.parametrize("wrap", [gzip.compress, lambda content: make_zip({"a/b.dcm": content})])
def test_gzip_and_zip_are_unwrapped_and_fetched_as_they_were(tmp_path: Path, wrap: object) -> None:
    content = make_dicom("1.2.8")
    assert callable(wrap)
    (tmp_path / "study.bin").write_bytes(wrap(wrap(content)))
    source = FolderSource(tmp_path, Limits(2**30, 200))
    [series] = source.list_series(Criteria()).series
    [instance] = series.instances
    assert instance.size == len(content)
    with source:
        assert b"".join(source.fetch(Handle("i", instance.locator, instance.size))) == content


def test_each_member_of_a_zip_is_an_item(tmp_path: Path) -> None:
    members = {"one.dcm": make_dicom("1.2.1"), "two.dcm": make_dicom("1.2.2"), "read me": b"hello", "none": b""}
    (tmp_path / "all.zip").write_bytes(make_zip(members))
    listing = look(tmp_path)
    assert found(listing) == ["1.2.1", "1.2.2"]
    assert sorted(reasons(listing).values()) == [Reason.EMPTY_FILE, Reason.NOT_DICOM]


def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(20_000_000)))
    (tmp_path / "bomb.zip").write_bytes(make_zip({"zeros.dcm": bytes(20_000_000)}))
    (tmp_path / "nested.zip").write_bytes(make_zip({"inner.zip": make_zip({"zeros": bytes(20_000_000)})}))
    deep = make_dicom("1.2.1")
    for _ in range(5):
        deep = gzip.compress(deep)
    (tmp_path / "deep.gz").write_bytes(deep)
    assert set(reasons(look(tmp_path)).values()) == {Reason.BAD_ARCHIVE}
    assert len(look(tmp_path).refused) == 4


def test_a_deflated_data_set_that_inflates_too_far_is_refused(tmp_path: Path) -> None:
    small = make_dicom("1.2.1", syntax=DeflatedExplicitVRLittleEndian)
    (tmp_path / "small").write_bytes(small)
    bomb = make_dicom("1.2.2", syntax=DeflatedExplicitVRLittleEndian, PixelData=bytes(20_000_000))
    (tmp_path / "bomb").write_bytes(bomb)
    listing = look(tmp_path)
    assert found(listing) == ["1.2.1"]
    assert reasons(listing) == {"bomb": Reason.OVERSIZED}


def test_members_that_lead_out_link_or_are_encrypted_are_refused_alone(tmp_path: Path) -> None:
    names = ["../out.dcm", "/etc/out.dcm", "a/../../out.dcm", "..\\out.dcm", "C:\\out.dcm"]
    content = make_zip({name: make_dicom(f"1.2.{n}") for n, name in enumerate(names)} | {"good.dcm": make_dicom("1.3")})
    (tmp_path / "traversal.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    locked = bytearray(make_zip({"locked.dcm": make_dicom("1.4")}))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    listing = look(tmp_path)
    assert found(listing) == ["1.3"]
    assert Counter(reasons(listing).values()) == {Reason.BAD_ARCHIVE: 7}
    assert {path.name for path in tmp_path.parent.rglob("out.dcm")} == set()


@pytest.mark.parametrize(
    "damaged",
    [
        b"PK\x03\x04 not a zip at all",
        b"\x1f\x8b\x08 nor this",
        gzip.compress(make_dicom(), mtime=0)[:-6],
        gzip.compress(make_dicom(), mtime=0)[:40],
        zlib.compress(b"x").join([b"\x1f\x8b", b""]),
    ],
)
def test_a_damaged_wrapper_is_one_refused_item(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "x").write_bytes(damaged)
    assert reasons(look(tmp_path)) in ({"x": Reason.BAD_ARCHIVE}, {"x|gz": Reason.BAD_ARCHIVE})


def test_links_within_the_folder_are_duplicates_and_links_out_of_it_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    (outside / "secret").write_bytes(make_dicom("1.2.9"))
    (inside / "a").write_bytes(make_dicom("1.2.1"))
    (inside / "b").symlink_to("a")
    (inside / "c").symlink_to(outside / "secret")
    (inside / "d").symlink_to(outside)
    (inside / "e").symlink_to("nowhere")
    (inside / "f").symlink_to("f")
    (inside / "g").symlink_to(inside)
    listing = look(inside)
    assert found(listing) == ["1.2.1"]
    outward = dict.fromkeys("cdef", Reason.LINK_OUTSIDE)
    assert reasons(listing) == {"b": Reason.DUPLICATE_BYTES, **outward}


def test_equal_bytes_are_taken_once_and_different_bytes_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(make_dicom("1.2.1"))
    (tmp_path / "a").write_bytes(make_dicom("1.2.1"))
    (tmp_path / "c.gz").write_bytes(gzip.compress(make_dicom("1.2.1")))
    (tmp_path / "d").write_bytes(make_dicom("1.2.2", InstanceNumber=1))
    (tmp_path / "e").write_bytes(make_dicom("1.2.2", InstanceNumber=2))
    (tmp_path / "f").write_bytes(make_dicom("1.2.3"))
    listing = look(tmp_path)
    assert [instance.locator for instance in listing.series[0].instances] == ["a", "f"]
    duplicates = dict.fromkeys(["b", "c.gz|gz"], Reason.DUPLICATE_BYTES)
    assert reasons(listing) == {**duplicates, **dict.fromkeys("de", Reason.UID_COLLISION)}


def test_an_instance_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(make_dicom("1.2.1", PixelData=bytes(3000)))
    (tmp_path / "large.zip").write_bytes(make_zip({"x": make_dicom("1.2.2", PixelData=bytes(3000))}))
    (tmp_path / "small").write_bytes(make_dicom("1.2.3"))
    listing = look(tmp_path, max_item_bytes=2000)
    assert found(listing) == ["1.2.3"]
    assert set(reasons(listing).values()) == {Reason.OVERSIZED}


def test_series_are_grouped_by_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(make_dicom("1.1", SeriesInstanceUID=None))
    (tmp_path / "b").write_bytes(make_dicom("1.2", SeriesInstanceUID=None))
    (tmp_path / "c").write_bytes(make_dicom("1.3", SeriesInstanceUID=None, StudyInstanceUID=None))
    (tmp_path / "d").write_bytes(make_dicom("1.4", SeriesInstanceUID=None, PatientID="P2"))
    sizes = sorted(len(series.instances) for series in look(tmp_path).series)
    assert sizes == [1, 1, 2]


@given(st.binary(max_size=400))
def test_random_bytes_never_break_the_look_and_are_always_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    root = tmp_path_factory.mktemp("random")
    for name, start in (
        ("raw", b""),
        ("dicm", bytes(128) + b"DICM"),
        ("zip", b"PK\x03\x04"),
        ("gzip", b"\x1f\x8b\x08"),
    ):
        (root / name).write_bytes(start + content)
    listing = look(root)
    assert len(found(listing)) + len(listing.refused) == 4


@given(st.text(min_size=1, max_size=200))
def test_text_is_never_taken_for_dicom(text: str) -> None:
    content = text.encode()
    if content[0] >= 0x20:
        assert sniff(content, len(content)) is not Kind.DICOM
