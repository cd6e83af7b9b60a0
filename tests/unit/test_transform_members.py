"""The members of an archive: looked at without pixels, read whole once, and a wrong checksum is unreadable."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from tasks.core.errors import ContractViolation, QuarantineUnit
from tasks.core.files import write_zip
from tasks.core.reasons import Reason
from tasks.transform import members as module
from tasks.transform.decode import decode_frames
from tasks.transform.members import Members
from tasks.transform.pixels import read_pixel_header
from tests.support.transform import RLE, UNIT, as_bytes, compress, make_image

PIXELS = np.arange(64 * 64, dtype=np.int16).reshape(64, 64)


def image(index: int, *, packed: bool = False) -> Dataset:
    ds = make_image(PIXELS + index, SOPInstanceUID=f"2.25.{index}")
    if packed:
        compress(ds, RLE, (PIXELS + index)[None])
    return ds


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    made = [(f"2.25.{index}.dcm", as_bytes(image(index, packed=index == 3))) for index in range(4)]
    write_zip(tmp_path / "unit.zip", made)
    return tmp_path / "unit.zip"


def pixels(ds: Dataset) -> np.ndarray:
    return next(decode_frames(ds, read_pixel_header(ds)))


def test_the_first_look_reads_no_pixels_of_what_is_plain(archive: Path) -> None:
    with Members(archive, UNIT) as members:
        looked = {sop: members.peek(sop) for sop in members.names()}
        assert [whole for _, whole in looked.values()] == [False, False, False, True]
        assert looked["2.25.1"][0].SOPInstanceUID == "2.25.1"
        assert not looked["2.25.1"][0].PixelData


@pytest.mark.parametrize("kept", [0, 1, 512])
@pytest.mark.parametrize("looked", [False, True])
def test_what_is_read_is_what_pydicom_reads(
    kept: int, looked: bool, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", kept)
    with Members(archive, UNIT) as members, zipfile.ZipFile(archive) as plain:
        for sop in members.names() if looked else ():
            members.peek(sop)
        for index, sop in enumerate(members.names()):
            with plain.open(f"{sop}.dcm") as handle:
                wanted = dcmread(handle)
            found = members.read(sop)
            assert np.array_equal(pixels(found), PIXELS + index)
            assert found == wanted
            assert found.file_meta == wanted.file_meta


@pytest.mark.parametrize("looked", [False, True])
def test_a_member_with_a_changed_byte_is_unreadable_and_the_others_are_not(looked: bool, archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as plain:
        info = plain.getinfo("2.25.1.dcm")
    content[info.header_offset + info.file_size - 10] ^= 1  # among its pixels
    archive.write_bytes(content)
    with Members(archive, UNIT) as members:
        if looked:
            members.peek("2.25.1")
        with pytest.raises(QuarantineUnit) as refused:
            members.read("2.25.1")
        assert refused.value.reason is Reason.UNREADABLE
        assert np.array_equal(pixels(members.read("2.25.2")), PIXELS + 2)


def test_an_archive_that_is_none_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "unit.zip").write_bytes(b"none")
    with pytest.raises(ContractViolation, match="run de-identification again"):
        Members(tmp_path / "unit.zip", UNIT)
