"""Data sets of any structure with one name planted in them: any tag, any VR, sequences in sequences, private blocks.

Unlike generate.py nothing here is a likely attribute of an image: what the tables do not know must not pass either.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.canary.base import base, tag_of
from tests.canary.tokens import Mint
from tests.canary.writing import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, LONG, Element

FAMILY, GIVEN = "Quenstedtova", "Zdravomila"
_SHORT = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM")
_VRS = (*_SHORT, "UI", "UL", "US", *sorted(LONG - {"SQ"}))
_DEPTH, _WIDTH = 6, 4
_CREATORS = ("SIEMENS CSA HEADER", "GEMS_IDEN_01", "Philips Imaging DD 001", "SIEMENS MED NM", "NOBODY 1", FAMILY)
# Every way to write it that a system or a person has, short of misspelling it.
FORMS = tuple(
    form
    for family, given in ((FAMILY, GIVEN), (FAMILY.upper(), GIVEN.upper()), (FAMILY.lower(), GIVEN.lower()))
    for form in (
        *(f"{family}^{given}", f"{given} {family}", f"{family}, {given}", f"{family}{given}", f"{family}_{given}"),
        *(
            family,
            f"Chest CT of {given} {family}, contrast",
            f"CT\\{family}\\HEAD",
            f"={family}^{given}=",
            f"x{family}",
        ),
    )
)


@st.composite
def structures(draw: st.DrawFn) -> bytes:
    """The bytes of a file whose patient has the name, which may stand anywhere else in it, too."""
    file = base(Mint())
    file.syntax = draw(st.sampled_from((EXPLICIT, EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED)))
    kept = dict(file.body)
    file.body |= _item(draw, 0)
    for keyword in ("SOPClassUID", "SOPInstanceUID", "Rows", "Columns", "BitsAllocated", "PixelData", "Modality"):
        file.body[tag_of(keyword)] = kept[tag_of(keyword)]
    file.body.pop(tag_of("SpecificCharacterSet"), None)
    file.body[tag_of("PatientName")] = Element("PN", f"{FAMILY}^{GIVEN}".encode())
    return file.content()


def left_of_the_name(output: bytes) -> list[str]:
    """The parts of the name that are in the bytes of an output, in one or two bytes a letter, in any case."""
    lowered = output.lower()
    return [
        f"{name} as {encoding}"
        for name in (FAMILY, GIVEN)
        for encoding in ("ascii", "utf-16-le", "utf-16-be")
        if name.lower().encode(encoding) in lowered
    ]


def _item(draw: Any, depth: int) -> dict[int, Element]:
    item: dict[int, Element] = {}
    for _ in range(draw(st.integers(0, _WIDTH * (1 if depth else 3)))):
        if draw(st.integers(0, 3)) == 0:
            item |= _block(draw, depth)
        else:
            item[draw(_tags())] = _element(draw, depth)
    return item


def _block(draw: Any, depth: int) -> dict[int, Element]:
    """A private block, perhaps without its creator."""
    group, block = draw(st.sampled_from((0x0009, 0x0019, 0x0029, 0x2001, 0x7FDF))), draw(st.integers(0x10, 0x12))
    elements = {
        group << 16 | block << 8 | number: _element(draw, depth)
        for number in draw(st.sets(st.integers(0, 0xFF), max_size=3))
    }
    if draw(st.booleans()):
        elements[group << 16 | block] = Element("LO", draw(st.sampled_from(_CREATORS)).encode())
    return elements


def _tags() -> st.SearchStrategy[int]:
    """Tags of the standard, and any others of a data set."""
    any_tag = st.builds(lambda group, number: group << 16 | number, st.integers(8, 0x7FDE), st.integers(1, 0xFFFF))
    return st.one_of(st.sampled_from(_standard()), any_tag.filter(lambda tag: tag != 0x00080005))


def _standard() -> list[int]:
    from pydicom.datadict import DicomDictionary

    return sorted(tag for tag in DicomDictionary if 0x00080006 < tag < 0x7FE00000)


def _element(draw: Any, depth: int) -> Element:
    kind = draw(st.integers(0, 9))
    if kind < 3 and depth < _DEPTH:
        count = draw(st.integers(0, 2))
        vr = draw(st.sampled_from(("SQ", "SQ", "SQ", "UN")))
        return Element(vr, tuple(_item(draw, depth + 1) for _ in range(count)), draw(st.booleans()))
    vr = draw(st.sampled_from(_VRS))
    if kind < 8:
        form, encoding = draw(st.sampled_from(FORMS)), draw(st.sampled_from(("ascii",) * 4 + ("utf-16-le",)))
        return Element(vr, form.encode(encoding))
    return Element(vr, draw(st.binary(max_size=20)))
