"""Made-up data sets: Hypothesis chooses attributes, VRs, values, nesting and encoding; every text is a canary.

Attributes come from E.1-1, from what an image needs, from private groups and from nowhere; VRs and values are mostly
right and sometimes not.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from tests.canary.attributes import attributes
from tests.canary.base import KEPT, base, tag_of
from tests.canary.tokens import SHORT_VRS, Mint, Place
from tests.canary.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, Element, File

_VRS = (
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OW", "PN", "SH", "SL", "SQ"),
    *("SS", "ST", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT"),
)
# How deep a data set is nested at most, and how many elements an item has: small ones find what large ones hide.
_DEPTH, _WIDTH = 4, 6


@cache
def _attributes() -> tuple[tuple[int, str], ...]:
    listed = [(tag, vr) for tag, _, vr in attributes()]
    beyond = [(tag_of(keyword), dictionary_VR(tag_of(keyword)).split(" or ")[0]) for keyword in KEPT]
    strange = [(0x00090010, "LO"), (0x00091001, "LO"), (0x00091002, "UN"), (0x0011FF10, "SQ"), (0x00080000, "UL")]
    sequences = [(0x00082218, "SQ"), (0x00189346, "SQ"), (0x52009230, "SQ"), (0x00081140, "SQ"), (0x0040A730, "SQ")]
    odd = [(0x0009FFFF, "OB"), (0x77770010, "LT"), (0x60003000, "OW"), (0x50000022, "LO"), (0xFFFEE00D, "UN")]
    return tuple(listed + (beyond + strange + odd) * 4 + sequences * 12)


@cache
def _needed() -> dict[int, bytes]:
    """What an image needs and keeps: its values are no canaries."""
    return {tag_of(name): value if isinstance(value, bytes) else value.encode() for name, value in KEPT.items()}


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, Mint]:
    """A file's bytes and its canaries."""
    mint = Mint()
    file = base(mint)
    file.syntax = draw(st.sampled_from((EXPLICIT, EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED)))
    file.body |= _item(draw, mint, 0)
    if draw(st.integers(0, 9)) == 0:
        for keyword in draw(st.lists(st.sampled_from(sorted(KEPT)), max_size=5)):
            file.body.pop(tag_of(keyword), None)
    _outside(draw, file)
    return file.content(), mint


def _outside(draw: Any, file: File) -> None:
    if draw(st.integers(0, 9)) == 0:
        file.preamble = draw(st.binary(min_size=128, max_size=128))
    if draw(st.integers(0, 9)) == 0:
        file.tail = draw(st.binary(max_size=40))


def _item(draw: Any, mint: Mint, depth: int) -> dict[int, Element]:
    chosen = draw(st.lists(st.sampled_from(_attributes()), max_size=_WIDTH if depth else 3 * _WIDTH))
    item: dict[int, Element] = {}
    for tag, listed in chosen:
        vr = listed if draw(st.integers(0, 7)) else draw(st.sampled_from(_VRS))
        item[tag] = _element(draw, mint, tag, vr, depth, right=vr == listed)
    return item


def _element(draw: Any, mint: Mint, tag: int, vr: str, depth: int, *, right: bool) -> Element:
    place = Place(f"generated as {vr}", keyword_for_tag(tag) or f"{tag:08X}")
    if vr == "SQ" or (vr == "UN" and draw(st.booleans())):
        if depth >= _DEPTH:
            return Element(vr, b"")
        count = draw(st.integers(0, 3))
        return Element(vr, tuple(_item(draw, mint, depth + 1) for _ in range(count)), draw(st.booleans()))
    kind = draw(st.integers(0, 9))
    if tag in _needed():
        return Element(vr, _needed()[tag] if kind < 7 else draw(st.binary(max_size=24)))
    if vr in SHORT_VRS and not right:
        return Element(vr, b"7" * 4)  # too short to be told from a text of the same bytes
    if kind < 7:
        return Element(vr, mint.value(place, vr, tag))
    if kind == 7:
        return Element(vr, draw(st.binary(max_size=24)))
    if kind == 8:
        text = draw(st.text(max_size=12)).encode("utf-8", "replace")
        return Element(
            vr, text + mint.word(place).encode() + draw(st.sampled_from((b"", b"\0", b"\\", b"\x1b$B", b"\r\n")))
        )
    return Element(vr, b"\\".join(mint.value(place, vr, tag) for _ in range(draw(st.integers(2, 4)))))
