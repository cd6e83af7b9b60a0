"""Channels that are objects of their own: documents, reports, structure sets, plans, graphics, signals, directories.

Each may be refused or released clean; what it may not do is sing.
"""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_VR

from tests.canary.base import tag_of
from tests.canary.channels import channel
from tests.canary.channels.content import cda, pdf, report, stl, text_object
from tests.canary.tokens import Mint, Place
from tests.canary.writing import Element, File

_IMAGE_GROUPS = (0x0018, 0x0028, 0x7FE0)
_ROOT = "1.2.840.10008.5.1.4.1.1"


def _become(file: File, sop_class: str, modality: str) -> None:
    """The CT without its image, as an object of another class."""
    for tag in [tag for tag in file.body if tag >> 16 in _IMAGE_GROUPS]:
        del file.body[tag]
    for keyword in ("ImageType", "ImagePositionPatient", "ImageOrientationPatient", "SliceLocation"):
        del file.body[tag_of(keyword)]
    file.body[tag_of("SOPClassUID")] = Element("UI", sop_class.encode())
    file.body[tag_of("Modality")] = Element("CS", modality.encode())
    file.meta[0x00020002] = Element("UI", sop_class.encode())
    file.hides_in |= {
        "SOPClassUID",
        "Modality",
    }


def _put(file: File, mint: Mint, place: Place, *keywords: str) -> None:
    for keyword in keywords:
        vr = dictionary_VR(tag_of(keyword))
        file.body[tag_of(keyword)] = Element(vr, mint.value(place, vr))


def _item(mint: Mint, place: Place, *keywords: str) -> dict[int, Element]:
    vrs = {keyword: dictionary_VR(tag_of(keyword)) for keyword in keywords}
    return {tag_of(keyword): Element(vr, mint.value(place, vr)) for keyword, vr in vrs.items()}


def _document(name: str, sop_class: str, mime: str) -> None:
    make = {"pdf": pdf, "cda": cda, "stl": stl}[name]

    @channel(f"encapsulated {name.upper()} object", together=False, must_release=False)
    def put(file: File, mint: Mint, place: Place) -> None:
        _become(file, sop_class, "DOC")
        content = make(mint, place)
        file.body[tag_of("EncapsulatedDocument")] = Element("OB", content)
        file.body[tag_of("EncapsulatedDocumentLength")] = Element("UL", struct.pack("<L", len(content)))
        file.body[tag_of("MIMETypeOfEncapsulatedDocument")] = Element("LO", mime.encode())
        file.body[tag_of("BurnedInAnnotation")] = Element("CS", b"NO")
        _put(file, mint, place, "DocumentTitle")


_document("pdf", f"{_ROOT}.104.1", "application/pdf")
_document("cda", f"{_ROOT}.104.2", "text/XML")
_document("stl", f"{_ROOT}.104.3", "model/stl")


def _report(name: str, sop_class: str, modality: str) -> None:
    @channel(f"{name} object", together=False, must_release=False)
    def put(file: File, mint: Mint, place: Place) -> None:
        _become(file, sop_class, modality)
        file.body[tag_of("ValueType")] = Element("CS", b"CONTAINER")
        file.body[tag_of("ContinuityOfContent")] = Element("CS", b"SEPARATE")
        file.body[tag_of("CompletionFlag")] = Element("CS", b"COMPLETE")
        file.body[tag_of("VerificationFlag")] = Element("CS", b"VERIFIED")
        file.body[tag_of("ContentSequence")] = Element("SQ", report(mint, place))
        title = {0x00080100: Element("SH", b"18748-4"), 0x00080102: Element("SH", b"LN")}
        title[0x00080104] = Element("LO", b"Diagnostic Imaging Report")
        file.body[tag_of("ConceptNameCodeSequence")] = Element("SQ", (title,))
        observer = _item(mint, place, "VerifyingOrganization", "VerifyingObserverName", "VerificationDateTime")
        file.body[tag_of("VerifyingObserverSequence")] = Element("SQ", (observer,))
        author = _item(mint, place, "PersonName", "InstitutionName")
        file.body[tag_of("AuthorObserverSequence")] = Element("SQ", (author,))


_report("basic text report", f"{_ROOT}.88.11", "SR")
_report("comprehensive report", f"{_ROOT}.88.33", "SR")
_report("dose report", f"{_ROOT}.88.67", "SR")
_report("key object selection", f"{_ROOT}.88.59", "KO")


@channel("structure set object", together=False, must_release=False)
def structure_set(file: File, mint: Mint, place: Place) -> None:
    _become(file, f"{_ROOT}.481.3", "RTSTRUCT")
    region = {0x30060022: Element("IS", b"1"), **_item(mint, place, "ROIName", "ROIDescription")}
    region[tag_of("ROIGenerationAlgorithm")] = Element("CS", b"MANUAL")
    region |= _item(mint, place, "ReferencedFrameOfReferenceUID")
    observation = {
        tag_of("ObservationNumber"): Element("IS", b"1"),
        tag_of("ReferencedROINumber"): Element("IS", b"1"),
        tag_of("RTROIInterpretedType"): Element("CS", b"ORGAN"),
        **_item(mint, place, "ROIObservationLabel", "ROIObservationDescription", "ROIInterpreter"),
    }
    contour = {
        tag_of("ContourGeometricType"): Element("CS", b"POINT"),
        tag_of("NumberOfContourPoints"): Element("IS", b"1"),
        tag_of("ContourData"): Element("DS", b"1\\2\\3"),
    }
    contours = {0x30060084: Element("IS", b"1"), 0x30060040: Element("SQ", (contour,))}
    file.body[tag_of("StructureSetROISequence")] = Element("SQ", (region,))
    file.body[tag_of("RTROIObservationsSequence")] = Element("SQ", (observation,))
    file.body[tag_of("ROIContourSequence")] = Element("SQ", (contours,))
    _put(file, mint, place, "StructureSetLabel", "StructureSetName", "StructureSetDescription", "StructureSetDate")
    _put(file, mint, place, "OperatorsName", "ReviewerName", "InstitutionName", "StationName")


@channel("plan object", together=False, must_release=False)
def plan(file: File, mint: Mint, place: Place) -> None:
    _become(file, f"{_ROOT}.481.5", "RTPLAN")
    _put(file, mint, place, "RTPlanLabel", "RTPlanName", "RTPlanDescription", "RTPlanDate", "OperatorsName")
    beam = {tag_of("BeamNumber"): Element("IS", b"1")}
    beam |= _item(mint, place, "BeamName", "BeamDescription", "TreatmentMachineName", "InstitutionName")
    dose = {tag_of("DoseReferenceNumber"): Element("IS", b"1")}
    dose |= _item(mint, place, "DoseReferenceDescription", "DoseReferenceUID")
    setup = {tag_of("PatientSetupNumber"): Element("IS", b"1")}
    setup |= _item(mint, place, "SetupTechniqueDescription", "PatientAdditionalPosition")
    file.body[tag_of("BeamSequence")] = Element("SQ", (beam,))
    file.body[tag_of("DoseReferenceSequence")] = Element("SQ", (dose,))
    file.body[tag_of("PatientSetupSequence")] = Element("SQ", (setup,))
    file.body[tag_of("RTPlanGeometry")] = Element("CS", b"PATIENT")
    _put(file, mint, place, "PrescriptionDescription", "TreatmentSites")


@channel("presentation state object", together=False, must_release=False)
def presentation(file: File, mint: Mint, place: Place) -> None:
    _become(file, f"{_ROOT}.11.1", "PR")
    file.body[tag_of("GraphicAnnotationSequence")] = Element("SQ", (text_object(mint, place),))
    layer = {0x00700002: Element("CS", b"LAYER1"), 0x00700062: Element("IS", b"1")}
    layer |= _item(mint, place, "GraphicLayerDescription")
    file.body[tag_of("GraphicLayerSequence")] = Element("SQ", (layer,))
    _put(file, mint, place, "ContentLabel", "ContentDescription", "ContentCreatorName", "PresentationCreationDate")


@channel("waveform object", together=False, must_release=False)
def waveform(file: File, mint: Mint, place: Place) -> None:
    _become(file, f"{_ROOT}.9.1.1", "ECG")
    lead = _item(mint, place, "ChannelLabel", "ChannelDerivationDescription")
    group = {
        tag_of("NumberOfWaveformChannels"): Element("US", b"\1\0"),
        tag_of("NumberOfWaveformSamples"): Element("UL", b"\x10\0\0\0"),
        tag_of("SamplingFrequency"): Element("DS", b"500"),
        tag_of("WaveformBitsAllocated"): Element("US", b"\x10\0"),
        tag_of("WaveformSampleInterpretation"): Element("CS", b"SS"),
        tag_of("ChannelDefinitionSequence"): Element("SQ", (lead,)),
        tag_of("WaveformData"): Element("OW", bytes(32)),
        **_item(mint, place, "MultiplexGroupLabel"),
    }
    note = _item(mint, place, "UnformattedTextValue")
    file.body[tag_of("WaveformSequence")] = Element("SQ", (group,))
    file.body[tag_of("WaveformAnnotationSequence")] = Element("SQ", (note,))


@channel("segmentation object", together=False, must_release=False)
def segmentation(file: File, mint: Mint, place: Place) -> None:
    kept = {tag: value for tag, value in file.body.items() if tag >> 16 in (0x0028, 0x7FE0)}
    _become(file, f"{_ROOT}.66.4", "SEG")
    file.body |= kept
    for tag in [tag for tag in file.body if 0x00281050 <= tag <= 0x00281054]:
        del file.body[tag]
    segment = {tag_of("SegmentNumber"): Element("US", b"\1\0")}
    segment |= _item(mint, place, "SegmentDescription", "TrackingID", "TrackingUID")
    file.body[tag_of("SegmentSequence")] = Element("SQ", (segment,))
    file.body[tag_of("SegmentationType")] = Element("CS", b"FRACTIONAL")
    _put(file, mint, place, "ContentLabel", "ContentDescription", "ContentCreatorName")


@channel("raw data object", together=False, must_release=False)
def raw_data(file: File, mint: Mint, place: Place) -> None:
    _become(file, f"{_ROOT}.66", "CT")
    file.body[0x00290010] = Element("LO", b"SIEMENS CSA HEADER")
    file.body[0x00291010] = Element("OB", mint.value(place, "OB"))
    _put(file, mint, place, "CreatorVersionUID")


@channel("directory", together=False, must_release=False)
def directory(file: File, mint: Mint, place: Place) -> None:
    sop_class = b"1.2.840.10008.1.3.10"
    patient = {
        0x00041400: Element("UL", bytes(4)),
        0x00041410: Element("US", b"\xff\xff"),
        0x00041420: Element("UL", bytes(4)),
        0x00041430: Element("CS", b"PATIENT"),
        **_item(mint, place, "PatientName", "PatientID"),
    }
    file.body = {
        0x00041130: Element("CS", mint.value(place, "CS")),
        0x00041200: Element("UL", bytes(4)),
        0x00041202: Element("UL", bytes(4)),
        0x00041212: Element("US", bytes(2)),
        0x00041220: Element("SQ", (patient,)),
    }
    file.meta[0x00020002] = Element("UI", sop_class)
    file.name = "DICOMDIR"
