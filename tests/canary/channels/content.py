"""Channels of objects that a CT may carry although it should not: documents, reports, graphics, signals, signatures."""

from __future__ import annotations

import zlib

from tests.canary.base import tag_of
from tests.canary.channels import channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File, Item


def pdf(mint: Mint, place: Place) -> bytes:
    """A page with text in the open, text in a compressed stream, and an author."""
    hidden = zlib.compress(f"BT /F1 12 Tf (Seen by {mint.word(place)}) Tj ET".encode())
    shown = f"BT /F1 12 Tf ({mint.word(place)} {mint.number(place)}) Tj ET".encode()
    author = "".join(f"{ord(letter):04X}" for letter in mint.word(place))
    parts = [
        b"%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n",
        b"2 0 obj << /Type /Pages /Kids [3 0 R] /Count 1 >> endobj\n",
        b"3 0 obj << /Type /Page /Parent 2 0 R /Contents [4 0 R 5 0 R] >> endobj\n",
        b"4 0 obj << /Length %d >> stream\n%s\nendstream endobj\n" % (len(shown), shown),
        b"5 0 obj << /Filter /FlateDecode /Length %d >> stream\n%s\nendstream endobj\n" % (len(hidden), hidden),
        b"6 0 obj << /Author <FEFF%s> >> endobj\n" % author.encode(),
        b"trailer << /Root 1 0 R /Info 6 0 R >>\n%%EOF\n",
    ]
    return b"".join(parts)


def cda(mint: Mint, place: Place) -> bytes:
    """A clinical document with a patient in its header and text in its body."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><recordTarget><patientRole>'
        f'<id extension="{mint.number(place)}"/><patient><name><family>{mint.word(place)}</family></name>'
        f'<birthTime value="{mint.day(place)}"/></patient></patientRole></recordTarget><component><text>'
        f"Reported by {mint.word(place)}</text></component></ClinicalDocument>"
    ).encode()


def stl(mint: Mint, place: Place) -> bytes:
    """One triangle under a header that names somebody."""
    return mint.value(place, "LO").ljust(80) + b"\1\0\0\0" + bytes(50)


def report(mint: Mint, place: Place) -> tuple[Item, ...]:
    """Content items of each kind that can name somebody."""

    def concept(meaning: str) -> Element:
        item = {0x00080100: Element("SH", b"121071"), 0x00080102: Element("SH", b"DCM")}
        return Element("SQ", ({**item, 0x00080104: Element("LO", meaning.encode())},))

    contains, name = Element("CS", b"CONTAINS"), 0x0040A043
    coded = {
        0x00080100: Element("SH", mint.value(place, "SH")),
        0x00080102: Element("SH", b"99LOCAL"),
        0x00080104: Element("LO", mint.value(place, "LO")),
    }
    kinds = (
        (b"TEXT", 0x0040A160, Element("UT", mint.value(place, "UT"))),
        (b"PNAME", 0x0040A123, Element("PN", mint.value(place, "PN"))),
        (b"DATE", 0x0040A121, Element("DA", mint.value(place, "DA"))),
        (b"DATETIME", 0x0040A120, Element("DT", mint.value(place, "DT"))),
        (b"UIDREF", 0x0040A124, Element("UI", mint.value(place, "UI"))),
        (b"CODE", 0x0040A168, Element("SQ", (coded,))),
    )
    leaves = tuple(
        {
            0x0040A010: contains,
            0x0040A040: Element("CS", kind),
            name: concept("Finding"),
            tag: value,
        }
        for kind, tag, value in kinds
    )
    inner = {
        0x0040A010: contains,
        0x0040A040: Element("CS", b"CONTAINER"),
        name: concept("Findings"),
        0x0040A050: Element("CS", b"SEPARATE"),
        0x0040A730: Element("SQ", leaves),
    }
    return (inner, *leaves)


def text_object(mint: Mint, place: Place) -> Item:
    """A graphic annotation with a text."""
    item = {
        0x00700003: Element("CS", b"PIXEL"),
        0x00700006: Element("ST", mint.value(place, "ST")),
        0x00700014: Element("FL", bytes(8)),
        0x00700015: Element("CS", b"Y"),
    }
    return {0x00700002: Element("CS", b"LAYER1"), 0x00700008: Element("SQ", (item,))}


@channel("PDF in a CT")
def pdf_in_ct(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("EncapsulatedDocument")] = Element("OB", pdf(mint, place))
    file.body[tag_of("MIMETypeOfEncapsulatedDocument")] = Element("LO", b"application/pdf")
    file.body[tag_of("DocumentTitle")] = Element("ST", mint.value(place, "ST"))
    file.body[tag_of("ListOfMIMETypes")] = Element("LO", mint.value(place, "LO"))


@channel("CDA in a CT", together=False)
def cda_in_ct(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("EncapsulatedDocument")] = Element("OB", cda(mint, place))
    file.body[tag_of("MIMETypeOfEncapsulatedDocument")] = Element("LO", b"text/XML")
    file.body[tag_of("HL7InstanceIdentifier")] = Element("ST", mint.value(place, "ST"))


@channel("STL in a CT", together=False)
def stl_in_ct(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("EncapsulatedDocument")] = Element("OB", stl(mint, place))


@channel("content tree in a CT")
def content_tree(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("ContentSequence")] = Element("SQ", report(mint, place))
    file.body[tag_of("ValueType")] = Element("CS", b"CONTAINER")
    file.body[tag_of("CompletionFlagDescription")] = Element("LO", mint.value(place, "LO"))
    verifier = {
        0x0040A027: Element("LO", mint.value(place, "LO")),
        0x0040A075: Element("PN", mint.value(place, "PN")),
        0x0040A030: Element("DT", mint.value(place, "DT")),
    }
    file.body[tag_of("VerifyingObserverSequence")] = Element("SQ", (verifier,))


@channel("graphics in a CT")
def graphics(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("GraphicAnnotationSequence")] = Element("SQ", (text_object(mint, place),))
    layer = {0x00700002: Element("CS", mint.value(place, "CS")), 0x00700068: Element("LO", mint.value(place, "LO"))}
    file.body[tag_of("GraphicLayerSequence")] = Element("SQ", (layer,))
    for keyword, vr in (("ContentLabel", "CS"), ("ContentDescription", "LO"), ("ContentCreatorName", "PN")):
        file.body[tag_of(keyword)] = Element(vr, mint.value(place, vr))


@channel("waveforms in a CT")
def waveforms(file: File, mint: Mint, place: Place) -> None:
    note = {0x00700006: Element("ST", mint.value(place, "ST")), 0x0040A043: Element("SQ", ())}
    file.body[tag_of("WaveformAnnotationSequence")] = Element("SQ", (note,))
    lead = {
        0x003A0203: Element("SH", mint.value(place, "SH")),  # ChannelLabel
        0x003A020C: Element("LO", mint.value(place, "LO")),  # ChannelDerivationDescription
    }
    group = {
        0x003A0020: Element("SH", mint.value(place, "SH")),  # MultiplexGroupLabel
        0x003A0200: Element("SQ", (lead,)),
        0x54001010: Element("OW", mint.value(place, "OW")),
    }
    file.body[tag_of("WaveformSequence")] = Element("SQ", (group,))


@channel("original attributes")
def original_attributes(file: File, mint: Mint, place: Place) -> None:
    before = {
        0x00100010: Element("PN", mint.value(place, "PN")),
        0x00100020: Element("LO", mint.value(place, "LO")),
        0x00080050: Element("SH", mint.value(place, "SH")),
        0x00180022: Element("CS", mint.value(place, "CS")),
    }
    item = {
        0x04000550: Element("SQ", (before,)),  # ModifiedAttributesSequence
        0x04000551: Element("SQ", ({0x04000552: Element("OB", mint.value(place, "OB"))},)),  # Nonconforming…
        0x04000562: Element("DT", mint.value(place, "DT")),
        0x04000563: Element("LO", mint.value(place, "LO")),  # ModifyingSystem
        0x04000564: Element("LO", mint.value(place, "LO")),  # SourceOfPreviousValues
        0x04000565: Element("CS", b"COERCE"),
    }
    file.body[tag_of("OriginalAttributesSequence")] = Element("SQ", (item,))
    file.body[tag_of("ModifiedAttributesSequence")] = Element("SQ", (before,))


@channel("signatures and encrypted attributes")
def signatures(file: File, mint: Mint, place: Place) -> None:
    signature = {
        0x04000005: Element("US", b"\1\0"),
        0x04000100: Element("UI", mint.value(place, "UI")),
        0x04000105: Element("DT", mint.value(place, "DT")),
        0x04000110: Element("CS", b"X509_1993_SIG"),
        0x04000115: Element("OB", mint.value(place, "OB")),
        0x04000120: Element("OB", mint.value(place, "OB")),
        0x04000305: Element("CS", b"RFC3161_TS"),
        0x04000310: Element("OB", mint.value(place, "OB")),
    }
    method = {
        0x04000005: Element("US", b"\1\0"),
        0x04000010: Element("UI", mint.value(place, "UI")),
        0x04000015: Element("CS", mint.value(place, "CS")),
    }
    encrypted = {
        0x04000510: Element("UI", mint.value(place, "UI")),
        0x04000520: Element("OB", mint.value(place, "OB")),
    }
    file.body[tag_of("DigitalSignaturesSequence")] = Element("SQ", (signature,))
    file.body[tag_of("MACParametersSequence")] = Element("SQ", (method,))
    file.body[tag_of("EncryptedAttributesSequence")] = Element("SQ", (encrypted,))
    file.body[tag_of("ReferencedDigitalSignatureSequence")] = Element("SQ", (signature,))
    file.body[tag_of("MAC")] = Element("OB", mint.value(place, "OB"))


@channel("radiotherapy labels in a CT")
def labels(file: File, mint: Mint, place: Place) -> None:
    region = {
        0x30060026: Element("LO", mint.value(place, "LO")),  # ROIName
        0x30060028: Element("ST", mint.value(place, "ST")),  # ROIDescription
    }
    observation = {
        0x30060085: Element("SH", mint.value(place, "SH")),  # ROIObservationLabel
        0x300600A6: Element("PN", mint.value(place, "PN")),  # ROIInterpreter
    }
    file.body[tag_of("StructureSetROISequence")] = Element("SQ", (region,))
    file.body[tag_of("RTROIObservationsSequence")] = Element("SQ", (observation,))
    for keyword, vr in (("StructureSetLabel", "SH"), ("StructureSetName", "LO"), ("RTPlanLabel", "SH")):
        file.body[tag_of(keyword)] = Element(vr, mint.value(place, vr))
