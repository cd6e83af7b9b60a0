"""Small DICOM instances as bytes, with exactly the attributes that a test is about."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

CT = "1.2.840.10008.5.1.4.1.1.2"


def make_dicom(sop: str = "1.2.3.1.1.1", *, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> bytes:
    """An instance with preamble and file meta. An attribute given as None is left out."""
    dataset = make_dataset(sop, **attributes)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = attributes.get("SOPClassUID") or CT
    dataset.file_meta.MediaStorageSOPInstanceUID = sop or "1.2.3"
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


def make_bare_dicom(sop: str = "1.2.3.1.1.1", *, syntax: str = ImplicitVRLittleEndian, **attributes: Any) -> bytes:
    """A data set without preamble and file meta."""
    out = io.BytesIO()
    dataset = make_dataset(sop, **attributes)
    little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
    target = DicomFileLike(out)
    target.is_little_endian, target.is_implicit_VR = little, implicit
    write_dataset(target, dataset)
    return out.getvalue()


def make_dataset(sop: str, **attributes: Any) -> Dataset:
    """A CT instance of patient P1 on 2 January 2020, changed by `attributes`."""
    values: dict[str, Any] = {
        "SOPClassUID": CT,
        "SOPInstanceUID": sop,
        "StudyDate": "20200102",
        "AccessionNumber": "A1",
        "Modality": "CT",
        "StudyDescription": "Thorax routine",
        "PatientName": "Roe^Richard",
        "PatientID": "P1",
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.1.1",
        "InstanceNumber": 1,
    } | attributes
    if "PixelData" in attributes:
        values.setdefault("BitsAllocated", 8)
    dataset = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def make_zip(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()
