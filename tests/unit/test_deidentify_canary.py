"""A CT with a canary in every attribute of E.1-1 is released without one; the search finds them in any disguise.

Each channel, each encoding and the validity of the outputs are in tests/integration/test_deidentify_canary.py.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

import pytest

from tests.canary import cases, search
from tests.canary.attributes import attributes
from tests.canary.base import tag_of
from tests.canary.check import PRESETS, check, judge
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element

PLACE = Place("top", "PatientName")


@pytest.mark.parametrize("preset", PRESETS)
def test_no_attribute_at_the_top_keeps_its_canary(preset: str) -> None:
    file, mint = cases.at_top()
    verdict = check("top", file, mint, preset, valid=False)
    assert (verdict.reason, verdict.leaks, verdict.lost) == ("", [], []), verdict.where
    kept = {place.name for place in verdict.retained}
    named = {"PatientSex", "PatientSize", "PatientWeight", "DeviceSerialNumber", "StationName"}
    assert named & kept == (named if preset == "research" else set())


def test_no_attribute_inside_a_kept_sequence_keeps_its_canary() -> None:
    file, mint = cases.nested("nested, kept sequence")
    verdict = check("nested", file, mint, "basic", valid=False)
    assert (verdict.reason, verdict.leaks, verdict.lost) == ("", [], []), verdict.where


def test_the_canary_file_holds_each_row_of_the_table() -> None:
    file, mint = cases.at_top()
    rows = list(attributes())
    assert len(rows) > 600
    assert {tag for tag, _, _ in rows} <= set(file.body)
    found = {place.name for place in search.found(mint, file.content()) if place.group == "top"}
    assert found == {keyword for _, keyword, _ in rows}


@pytest.mark.parametrize(
    "disguise",
    [
        str.encode,
        lambda text: text.upper().encode("utf-16-be"),
        lambda text: text.encode("utf-32-le"),
        lambda text: base64.b64encode(b"<name>" + text.encode() + b"</name>"),
        lambda text: text.encode().hex().encode(),
        lambda text: zlib.compress(text.encode() * 3),
        lambda text: text.encode()[::-1],
        lambda text: b"".join(b"%%%02x" % byte for byte in text.encode()),
        lambda text: b"".join(bytes([0, byte & 0xF0, 0, byte << 4 & 0xF0]) for byte in text.encode()),
    ],
    ids=["plain", "utf-16", "utf-32", "base 64", "hexadecimal", "zlib", "reversed", "percent", "unused bits"],
)
def test_a_canary_is_found_in_disguise(disguise: Callable[[str], bytes]) -> None:
    mint = Mint()
    word = mint.word(PLACE)
    assert search.found(mint, b"x" * 50 + disguise(word) + b"y" * 50) == {PLACE}
    assert search.found(mint, b"x" * 50 + disguise("Qyyyyykw") + b"y" * 50) == set()


def test_what_a_ct_needs_is_missed_where_it_is_gone() -> None:
    file, mint = cases.plain()
    broken, _ = cases.plain()
    del broken.body[tag_of("RescaleSlope")]
    broken.body[tag_of("PatientID")] = Element("LO", b"")
    broken.body[tag_of("PixelData")] = Element("OW", bytes(8192))
    verdict = judge("broken", file, mint, "basic", broken.content())
    assert verdict.lost == ["RescaleSlope", "PixelData", "PatientID"]
