"""Channels inside values: text where a number should be, wrong VRs, what stands behind a NUL, dates in every form."""

from __future__ import annotations

from pydicom.datadict import dictionary_VR

from tests.canary.base import element, tag_of
from tests.canary.channels import GIVEN, NUMBER, SURNAME, channel
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File


def know_patient(file: File, mint: Mint, place: Place, *encodings: str) -> None:
    """Give the file the patient whose name and number the header makes known."""
    file.body[tag_of("PatientName")] = Element("PN", f"{SURNAME}^{GIVEN}".encode())
    file.body[tag_of("PatientID")] = Element("LO", NUMBER.encode())
    for text in (SURNAME, GIVEN, NUMBER, NUMBER.replace("-", ""), NUMBER.replace("-", "")[2:]):
        mint.known(place, text, *encodings)


@channel("text in numbers")
def text_in_numbers(file: File, mint: Mint, place: Place) -> None:
    for keyword in (
        "DistanceSourceToDetector",
        "GeneratorPower",
        "AveragePulseWidth",
        "TemporalResolution",
        "NumberOfFrames",
    ):
        file.body[tag_of(keyword)] = element(keyword, f"1 {mint.word(place)}")[1]


@channel("text behind dates, times and ages")
def text_behind_dates(file: File, mint: Mint, place: Place) -> None:
    for keyword, value in (
        ("ContentDate", "20210304 {}"),
        ("ContentTime", "101112 {}"),
        ("AcquisitionDateTime", "20210304101112 {}"),
        ("PatientAge", "061Y {}"),
        ("FrameReferenceDateTime", "{}"),
        ("CalibrationDate", "20200101\\{}"),
        ("CalibrationTime", "1112\\{}"),
    ):
        file.body[tag_of(keyword)] = element(keyword, value.format(mint.word(place)))[1]


@channel("text in UIDs")
def text_in_uids(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("IrradiationEventUID")] = Element("UI", f"1.2.{mint.word(place)}".encode())
    file.body[tag_of("SynchronizationFrameOfReferenceUID")] = Element(
        "UI", f"1.2.840.10008.{mint.word(place)}".encode()
    )
    file.body[tag_of("ContextUID")] = Element("UI", f"1.2.840.10008.6.1.1\\{mint.word(place)}".encode())


@channel("wrong VRs", must_release=False)
def wrong_vrs(file: File, mint: Mint, place: Place) -> None:
    for keyword, vr in (
        ("PatientMotherBirthName", "OB"),
        ("InstitutionalDepartmentName", "UT"),
        ("TotalCollimationWidth", "LO"),
        ("RevolutionTime", "LT"),
        ("SmallestImagePixelValue", "OB"),
        ("ExposureModulationType", "PN"),
        ("ScanOptions", "LO"),
        ("ImageTriggerDelay", "UN"),
        ("SeriesTime", "LO"),
        ("AcquisitionDate", "ST"),
    ):
        file.body[tag_of(keyword)] = Element(vr, mint.value(place, vr if vr != "UN" else "LO"))


@channel("text behind a NUL")
def behind_nul(file: File, mint: Mint, place: Place) -> None:
    for keyword in ("ScanOptions", "ExposureModulationType", "TableMotion", "DistanceSourceToPatient", "TriggerTime"):
        file.body[tag_of(keyword)] = element(keyword, f"1\0{mint.word(place).upper()}")[1]


@channel("values beyond what an attribute may have")
def too_many(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("SingleCollimationWidth")] = Element("FD", bytes(8) + mint.value(place, "OB") + bytes(12))
    file.body[tag_of("RedPaletteColorLookupTableDescriptor")] = Element("US", bytes(6) + mint.value(place, "OB") * 2)
    file.body[tag_of("PixelPaddingValue")] = Element("US", mint.value(place, "OB") + b"\0")


@channel("free texts beyond the table", together=False)
def free_texts(file: File, mint: Mint, place: Place) -> None:
    """Words in attributes that E.1-1 does not list and that no dictionary knows."""
    for keyword in (
        "WindowCenterWidthExplanation",
        "EnergyWindowName",
        "ViewName",
        "InterventionDescription",
        "TransducerData",
        "FieldOfViewDescription",
        "SequenceName",
        "ProcessingFunction",
        "TypeOfFilters",
        "ContrastBolusRoute",
        "FilterMaterial",
        "AcquisitionType",
        "ReconstructionAlgorithm",
        "ColorSpace",
        "FilmSessionLabel",
        "PrinterName",
        "LabelText",
        "BarcodeValue",
        "SOPAuthorizationComment",
    ):
        vr = dictionary_VR(tag_of(keyword))
        file.body[tag_of(keyword)] = Element(vr, mint.value(place, vr))
    lut = {
        0x00283002: Element("US", b"\2\0\0\0\x10\0"),
        0x00283003: Element("LO", mint.value(place, "LO")),
        0x00283004: Element("LO", mint.value(place, "LO")),
        0x00283006: Element("US", bytes(4)),
    }
    file.body[tag_of("VOILUTSequence")] = Element("SQ", (lut,))


@channel("long texts: UT, UC, UR, LT beyond 64 KB")
def long_texts(file: File, mint: Mint, place: Place) -> None:
    filler = b"the chest shows no change. " * 2600
    for keyword, vr in (
        ("TextValue", "UT"),
        ("RetrieveURL", "UR"),
        ("XRaySourceID", "UC"),
        ("SelectorUTValue", "UT"),
        ("XRayDetectorLabel", "LO"),
    ):
        text = mint.value(place, "UT" if vr in ("UT", "UC") else vr)
        file.body[tag_of(keyword)] = Element(vr, filler + text + filler if vr in ("UT", "UC") else text)


@channel("character set term")
def character_set(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("SpecificCharacterSet")] = Element("CS", b"ISO_IR 192\\" + mint.value(place, "CS"))


@channel("dates with zones, dates as text")
def dates(file: File, mint: Mint, place: Place) -> None:
    day, other = mint.day(place), mint.day(place)
    file.body[tag_of("AcquisitionDateTime")] = Element("DT", f"{day}235959.999999-1130".encode())
    file.body[tag_of("TimezoneOffsetFromUTC")] = Element("SH", b"-1130")
    written = f"{other[:4]}-{other[4:6]}-{other[6:]}"
    file.body[tag_of("SeriesDescription")] = Element("LO", f"Chest {written}".encode())
    file.body[tag_of("ProtocolName")] = Element("LO", f"Chest {day}".encode())
    file.body[tag_of("ImageComments")] = Element("LT", f"{other[6:]}.{other[4:6]}.{other[:4]}: stable".encode())


@channel("words of an earlier de-identification")
def earlier(file: File, mint: Mint, place: Place) -> None:
    code = {
        0x00080100: Element("SH", mint.value(place, "SH")),
        0x00080102: Element("SH", b"99LOCAL"),
        0x00080104: Element("LO", mint.value(place, "LO")),
    }
    file.body[tag_of("PatientIdentityRemoved")] = Element("CS", b"NO")
    file.body[tag_of("DeidentificationMethod")] = Element("LO", mint.value(place, "LO"))
    file.body[tag_of("DeidentificationMethodCodeSequence")] = Element("SQ", (code,))
    file.body[tag_of("LongitudinalTemporalInformationModified")] = Element("CS", mint.value(place, "CS"))


@channel("date ranges and partial dates")
def odd_dates(file: File, mint: Mint, place: Place) -> None:
    file.body[tag_of("SeriesDate")] = Element("DA", f"{mint.day(place)}-{mint.day(place)}".encode())
    written = mint.day(place)
    file.body[tag_of("InstanceCreationDate")] = Element("DA", f"{written[:4]}.{written[4:6]}.{written[6:]}".encode())
    file.body[tag_of("DateOfSecondaryCapture")] = Element("DA", f"{mint.day(place)}\\{mint.day(place)}".encode())
