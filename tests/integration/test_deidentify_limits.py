"""Small files that want much are refused before they take it, and so is what has the wrong VR where it matters."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tasks.core.reasons import Reason
from tasks.deidentify.headers import encoding, file_meta, opened, read
from tests.canary import cases
from tests.canary.check import deidentifier
from tests.canary.writing import Element
from tests.fuzz.layout import layout
from tests.fuzz.seeds import made_up


def test_more_elements_than_any_header_has_are_refused(tmp_path: Path) -> None:
    file, _ = cases.plain()
    file.body |= {0x40010000 + number: Element("US", b"77") for number in range(0x12000) if number & 0x1FFFF}
    assert _reason(file.content(), tmp_path) is Reason.OVERSIZED


@pytest.mark.parametrize("undefined", [True, False])
def test_millions_of_items_are_refused(undefined: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "MAX_ITEMS", 1000)
    monkeypatch.setattr(encoding, "MAX_STEPS", 1000)
    file, _ = cases.plain()
    file.body[0x52009230] = Element("SQ", ({},) * 2000, undefined=undefined)
    assert _reason(file.content(), tmp_path) is Reason.OVERSIZED


def test_an_irregular_file_of_too_many_elements_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = cases.plain()[0].content()[132:]  # no prefix: pydicom reads it
    monkeypatch.setattr(read, "MAX_READS", 20)
    assert _reason(content, tmp_path) is Reason.OVERSIZED


@pytest.mark.parametrize("tag", [0x00080005, 0x00080018, 0x0020000D, 0x00280010, 0x7FE00010])
def test_a_wrong_vr_of_what_an_object_is_told_by_is_damage(tag: int, tmp_path: Path) -> None:
    content = bytearray(cases.plain()[0].content())
    spot = next(spot for spot in layout(bytes(content)) if spot.tag == tag)
    content[spot.vr_at : spot.vr_at + 2] = b"OF" if tag == 0x7FE00010 else b"FD"
    assert _reason(bytes(content), tmp_path) is Reason.UNREADABLE


def test_a_deflated_file_comes_to_the_same_by_way_of_pydicom() -> None:
    seed = next(seed for seed in made_up() if b"1.2.840.10008.1.2.1.99" in seed.content[:400])
    parsed = read.parse(seed.content)
    assert parsed.transfer_syntax == "1.2.840.10008.1.2.1.99"
    assert parsed.dataset.PatientName


def test_what_inflates_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fuzz.bombs import deflate_bomb

    monkeypatch.setattr(file_meta, "MAX_INFLATED", 2**22)
    assert _reason(deflate_bomb(Random(1))[0], tmp_path) is Reason.OVERSIZED


def _reason(content: bytes, folder: Path) -> Reason | None:
    source = folder / "source.dcm"
    source.write_bytes(content)
    return deidentifier("basic").deidentify(source, "item", scratch=folder).reason
