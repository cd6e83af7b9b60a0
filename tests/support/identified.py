"""Identified DICOM for tests of de-identification: a CT with everything that names a patient, and canaries by VR."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pydicom
from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tasks.core.pseudonyms import Pseudonymiser
from tasks.core.reasons import Reason
from tasks.core.settings import DeidentifySettings
from tasks.deidentify.file import Deidentifier
from tasks.deidentify.headers.change import Identity
from tasks.deidentify.headers.charset import terms_of
from tasks.deidentify.headers.encoding import EXPLICIT
from tasks.deidentify.headers.part10 import preface
from tasks.deidentify.headers.rewrite import Rewriter
from tasks.deidentify.headers.scan import scan
from tasks.deidentify.headers.source import BytesSource
from tasks.deidentify.parts import content as content_of
from tasks.deidentify.rules import tables as rules
from tasks.deidentify.rules.profile import Profile

KEY = bytes(range(32))
PSEUDONYMISER = Pseudonymiser(KEY)
CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY, SERIES, FRAME = "1.3.6.1.4.1.9999.1.11", "1.3.6.1.4.1.9999.1.12", "1.3.6.1.4.1.9999.1.13"
PIXELS = bytes(range(128))
CANARIES: dict[str, Any] = {
    "AE": "QANARYAE",
    "AS": "077Y",
    "CS": "QANARYCS",
    "DA": "19870612",
    "DS": "98765.4",
    "DT": "19870612101112.5",
    "FD": 98765.4321,
    "FL": 98765.5,
    "IS": "987654",
    "LO": "QanaryLo",
    "LT": "QanaryLt",
    "OB": b"QanaryOb",
    "OW": b"QanaryOw",
    "PN": "Qanary^Name",
    "SH": "QanarySh",
    "ST": "QanarySt",
    "TM": "111213.5",
    "UC": "QanaryUc",
    "UI": "1.2.3.4.98765",
    "UL": 987654321,
    "UN": b"QanaryUn",
    "UR": "http://canary/",
    "US": 54321,
    "UT": "QanaryUt",
    "UV": 9876543210,
}


def element(tag: int, vr: str, value: Any) -> DataElement:
    """An element whose value nobody checks."""
    return DataElement(tag, vr, value, validation_mode=config.IGNORE)


def raw(tag: int, vr: str, value: bytes) -> RawDataElement:
    """An element as a file has it, which pydicom does not convert."""
    return RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)


def make_ct(sop: str = "1.3.6.1.4.1.9999.1.14", patient: str = "MRN-44871") -> Dataset:
    """A small CT of an identified patient."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID, ds.SOPInstanceUID = UID(CT), UID(sop)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = UID(STUDY), UID(SERIES), UID(FRAME)
    ds.StudyDate, ds.StudyTime, ds.AcquisitionDateTime = "20210304", "101112", "20210304101112.250+0100"
    ds.Modality, ds.Manufacturer = "CT", "ACME"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Wieczorek^Halina", patient, "19411102"
    ds.PatientSex, ds.PatientAge, ds.AccessionNumber = "F", "079Y", "ACC77123"
    ds.ReferringPhysicianName, ds.InstitutionName = "Okonkwo^Adaeze", "Saint Barnabas General"
    ds.StudyDescription = "CT chest, Wieczorek"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows = ds.Columns = 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.RescaleSlope, ds.RescaleIntercept = "1", "-1024"
    ds.add(element(0x7FE00010, "OW", PIXELS))
    return ds


def nest(inner: Dataset, *path: int) -> Dataset:
    """`inner` inside sequences `path`, the outermost first."""
    for tag in reversed(path):
        outer = Dataset()
        outer.add(DataElement(tag, "SQ", Sequence([inner])))
        inner = outer
    return inner


def part10(ds: Dataset, syntax: str = ExplicitVRLittleEndian, preamble: bytes = bytes(128)) -> bytes:
    """The bytes of a file, without any check."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.get("SOPClassUID", UID(CT))
    meta.MediaStorageSOPInstanceUID = ds.get("SOPInstanceUID", UID("1.2.3"))
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID("1.3.6.1.4.1.9999.7")
    meta.SourceApplicationEntityTitle = "HOSPITALAE"
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = False, True
    target.write(preamble + b"DICM")
    write_file_meta_info(target, meta)
    body = encode(ds, syntax)
    if syntax == DeflatedExplicitVRLittleEndian:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflater.compress(body) + deflater.flush()
    return target.getvalue() + body


def encode(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The bytes of the data set alone."""
    target = DicomBytesIO()
    target.is_implicit_VR = syntax == ImplicitVRLittleEndian
    target.is_little_endian = syntax != ExplicitVRBigEndian
    write_dataset(target, ds)
    return target.getvalue()


class Result(NamedTuple):
    """What became of a file's bytes: a reason, or the clean bytes."""

    reason: Reason | None
    content: bytes
    notes: tuple[str, ...] = ()


def deidentify(content: bytes, settings: DeidentifySettings | None = None) -> Result:
    """De-identify a file's bytes."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "item.dcm"
        source.write_bytes(content)
        outcome = Deidentifier(settings or DeidentifySettings(), PSEUDONYMISER).deidentify(source, "item")
        return Result(outcome.reason, content_of(outcome.parts), outcome.notes)


def clean(ds: Dataset, settings: DeidentifySettings | None = None, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """`ds` written, de-identified and read again; fails the test where it is refused."""
    outcome = deidentify(part10(ds, syntax), settings)
    assert outcome.reason is None, outcome.reason
    return pydicom.dcmread(BytesIO(outcome.content))


def engine(ds: Dataset, settings: DeidentifySettings) -> Dataset:
    """The header's rewriting alone, on a data set that went through bytes."""
    identity = Identity("pabc", -100, PSEUDONYMISER)
    rewriter = Rewriter(Profile.of(settings), identity, rules.iod_of(CT), 32)
    elements = scan(BytesSource(encode(ds)), 0, EXPLICIT)
    terms = next((terms_of(element.value) for element in elements if element.tag == 0x00080005), ())
    return pydicom.dcmread(
        BytesIO(
            preface(CT, "1.2.3", ExplicitVRLittleEndian)
            + b"".join(rewriter.dataset(rewriter.scope(EXPLICIT, "", 0, terms), elements))
        )
    )
