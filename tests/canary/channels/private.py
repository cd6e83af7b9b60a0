"""Channels of private and undeclared values: blocks with and without creator, creators that name, UN of every kind."""

from __future__ import annotations

from tests.canary.base import tag_of
from tests.canary.channels import channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File


@channel("private block with creator")
def with_creator(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00090010] = Element("LO", b"ACME HEADER 3.1")
    for offset, vr in enumerate(("LO", "PN", "DA", "UI", "DS", "OB", "UN", "UT", "UL", "FD", "CS")):
        file.body[0x00091001 + offset] = Element(vr, mint.value(place, vr))
    item = {0x00100010: Element("PN", mint.value(place, "PN")), 0x00091002: Element("LO", mint.value(place, "LO"))}
    file.body[0x00091040] = Element("SQ", (item,))


@channel("private block without creator")
def without_creator(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00111101] = Element("LO", mint.value(place, "LO"))
    file.body[0x00110004] = Element("LO", mint.value(place, "LO"))
    file.body[0x0011FF01] = Element("UN", mint.value(place, "UN"))


@channel("text of a private creator")
def creator(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00130010] = Element("LO", mint.value(place, "LO"))
    file.body[0x00131001] = Element("US", b"\1\0")


@channel("private creator after a known one")
def double_creator(file: File, mint: Mint, place: Place) -> None:
    file.body[0x00190010] = Element("LO", b"GEMS_ACQU_01")
    file.body[0x00190011] = Element("LO", b"GEMS_ACQU_01\\" + mint.value(place, "LO"))
    file.body[0x00191123] = Element("DS", b"1.5")


@channel("texts in known private blocks")
def known_vendor(file: File, mint: Mint, place: Place) -> None:
    """Attributes of real vendors that are not of E.3.10-1, some of which the knowledge base of TCIA lists."""
    file.body[0x00290010] = Element("LO", b"SIEMENS CSA HEADER")
    file.body[0x00291008] = Element("CS", b"IMAGE NUM 4")
    file.body[0x00291010] = Element("OB", b"SV10\4\3\2\1" + mint.value(place, "OB") + bytes(80))
    file.body[0x00510010] = Element("LO", b"SIEMENS MR HEADER")
    file.body[0x0051100E] = Element("LO", mint.value(place, "LO"))
    file.body[0x20010010] = Element("LO", b"Philips Imaging DD 001")
    file.body[0x20011063] = Element("CS", mint.value(place, "CS"))
    file.body[0x200110C8] = Element("LO", mint.value(place, "LO"))
    file.body[0x00330010] = Element("LO", b"MITRA OBJECT UTF8 ATTRIBUTES 1.0")
    file.body[0x00331019] = Element("LO", mint.value(place, "LO"))


@channel("texts in safe private attributes", together=False)
def safe(file: File, mint: Mint, place: Place) -> None:
    """Names in attributes that E.3.10-1 calls safe because they should hold numbers or codes."""
    file.body[0x00190010] = Element("LO", b"GEMS_ACQU_01")
    file.body[0x00191023] = Element("DS", mint.word(place).encode())  # Table Speed
    file.body[0x00191024] = Element("LT", mint.value(place, "LT"))  # Mid Scan Time, a DS
    file.body[0x00430010] = Element("LO", b"GEMS_PARM_01")
    file.body[0x00431027] = Element("SH", mint.value(place, "SH"))  # Scan Pitch Ratio
    file.body[0x00431040] = Element("UN", mint.value(place, "UN"))  # Trigger On Position


@channel("UN of known attributes")
def un_known(file: File, mint: Mint, place: Place) -> None:
    for keyword, vr in (
        ("PatientAddress", "LO"),
        ("PatientBirthName", "PN"),
        ("InstanceCreationDate", "DA"),
        ("OperatorsName", "PN"),
        ("IrradiationEventUID", "UI"),
    ):
        file.body[tag_of(keyword)] = Element("UN", mint.value(place, vr))


@channel("UN of unknown attributes")
def un_unknown(file: File, mint: Mint, place: Place) -> None:
    for tag in (0x0008FFF2, 0x00110020, 0x77780010):
        file.body[tag] = Element("UN", mint.value(place, "UN") + mint.value(place, "UT"))


@channel("UN sequences of undefined length")
def un_sequences(file: File, mint: Mint, place: Place) -> None:
    for tag in (0x00400260, 0x00082229, 0x00111030, 0x0008FFF4):  # PerformedProtocolCode-, AnatomicStructureSpaceOr…
        inner = {
            0x00080080: Element("LO", mint.value(place, "LO")),
            0x00081030: Element("LO", mint.value(place, "LO")),
            0x00100010: Element("PN", mint.value(place, "PN")),
        }
        file.body[tag] = Element("UN", (inner,), undefined=True)


@channel("UN sequences of defined length")
def un_defined(file: File, mint: Mint, place: Place) -> None:
    inner = {0x00100010: Element("PN", mint.value(place, "PN")), 0x00080081: Element("ST", mint.value(place, "ST"))}
    file.body[tag_of("ViewCodeSequence")] = Element("UN", (inner,))
    file.body[tag_of("ContrastBolusAgentSequence")] = Element("UN", (inner,))


@channel("sequence whose tag is no sequence", together=False, must_release=False)
def wrong_sequence(file: File, mint: Mint, place: Place) -> None:
    inner = {0x00100010: Element("PN", mint.value(place, "PN")), 0x00081030: Element("LO", mint.value(place, "LO"))}
    file.body[tag_of("ScanOptions")] = Element("SQ", (inner,))
    file.body[tag_of("FilterMaterial")] = Element("UN", (inner,), undefined=True)
