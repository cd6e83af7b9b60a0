"""The CT that canaries are put into: complete by its IOD, valid, with nothing of E.1-1 that the IOD does not need."""

from __future__ import annotations

import struct
from array import array

from pydicom.datadict import dictionary_VR, tag_for_keyword

from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File

CT = "1.2.840.10008.5.1.4.1.1.2"
SIDE = 64
# Of E.1-1, and yet a CT must have them (Type 1 with a value, Type 2 at least empty).
FILLED = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientName", "PatientID")
PRESENT = ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName")
# What a CT must have or a researcher needs, and E.1-1 does not list: kept as it stands.
KEPT: dict[str, str | bytes] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
    "SOPClassUID": CT,
    "Modality": "CT",
    "Manufacturer": "ACME",
    "SliceThickness": "1.25",
    "KVP": "120",
    "SpacingBetweenSlices": "1.25",
    "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "360",
    "GantryDetectorTilt": "0",
    "TableHeight": "151.3",
    "RotationDirection": "CW",
    "ExposureTime": "350",
    "XRayTubeCurrent": "180",
    "Exposure": "63",
    "FilterType": "BODY FILTER",
    "FocalSpots": "1.2",
    "ConvolutionKernel": "LUNG",
    "BodyPartExamined": "CHEST",
    "PatientPosition": "HFS",
    "SeriesNumber": "3",
    "AcquisitionNumber": "1",
    "InstanceNumber": "17",
    "ImagePositionPatient": "-180\\-180\\12.5",
    "ImageOrientationPatient": "1\\0\\0\\0\\1\\0",
    "PositionReferenceIndicator": "SN",
    "SliceLocation": "12.5",
    "SamplesPerPixel": struct.pack("<H", 1),
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": struct.pack("<H", SIDE),
    "Columns": struct.pack("<H", SIDE),
    "PixelSpacing": "0.7\\0.7",
    "BitsAllocated": struct.pack("<H", 16),
    "BitsStored": struct.pack("<H", 12),
    "HighBit": struct.pack("<H", 11),
    "PixelRepresentation": struct.pack("<H", 0),
    "BurnedInAnnotation": "NO",
    "WindowCenter": "40",
    "WindowWidth": "400",
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "LossyImageCompression": "00",
}


def tag_of(keyword: str) -> int:
    """The tag of a keyword of PS3.6."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


def element(keyword: str, value: str | bytes, vr: str | None = None) -> tuple[int, Element]:
    """(tag, element) of a keyword, with the VR of PS3.6 unless another is given."""
    tag = tag_of(keyword)
    content = value if isinstance(value, bytes) else value.encode("utf-8")
    return tag, Element(vr or dictionary_VR(tag).split(" or ")[-1], content)


def pixels() -> bytes:
    """A disc on a dark ground, 12 bits in 16."""
    centre = SIDE / 2
    return array(
        "H",
        (
            1100 + (row * 7 + column * 13) % 40 if (row - centre) ** 2 + (column - centre) ** 2 < 500 else 10
            for row in range(SIDE)
            for column in range(SIDE)
        ),
    ).tobytes()


def base(mint: Mint) -> File:
    """The CT; what it must have of E.1-1 has canaries of the group `base`."""
    body = dict(element(keyword, value) for keyword, value in KEPT.items())
    for keyword in FILLED + PRESENT:
        tag = tag_of(keyword)
        body[tag] = Element(dictionary_VR(tag), mint.value(Place("base", keyword), dictionary_VR(tag), tag))
    body[tag_of("PatientSex")] = Element("CS", b"F")
    body[tag_of("StudyID")] = Element("SH", b"")
    body[tag_of("PixelData")] = Element("OW", pixels())
    meta = {
        0x00020001: Element("OB", b"\0\1"),
        0x00020002: Element("UI", CT.encode()),
        0x00020003: body[tag_of("SOPInstanceUID")],
        0x00020012: Element("UI", b"1.3.6.1.4.1.9999.7"),
    }
    return File(body, meta)
