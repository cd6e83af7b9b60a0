"""From a picture (0 to 1) to an image of a modality: its header, its bits, its photometric sense and its encoding."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

Array = npt.NDArray[Any]
SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg2000": JPEG2000Lossless,
    "jpegls": JPEGLSLossless,
    "jpeg": JPEGBaseline8Bit,
}
CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "US frames": "1.2.840.10008.5.1.4.1.1.3.1",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
}
BITS = {"CT": (16, 12), "MR": (16, 12), "PT": (16, 16), "CR": (16, 12), "DX": (16, 14), "MG": (16, 12), "NM": (16, 16)}
_MAKERS = {
    "CT": ("SIEMENS", "SOMATOM Force"),
    "MR": ("SIEMENS", "Prisma"),
    "PT": ("GE MEDICAL SYSTEMS", "Discovery 710"),
    "CR": ("FUJIFILM Corporation", "FCR XG5000"),
    "DX": ("Philips Medical Systems", "DigitalDiagnost"),
    "MG": ("HOLOGIC, Inc.", "Selenia Dimensions"),
    "US": ("ACUSON", "SEQUOIA"),
    "XA": ("Philips Medical Systems", "Allura Xper"),
    "NM": ("GE MEDICAL SYSTEMS", "Infinia"),
    "SC": ("TeraRecon", "AquariusNET"),
}


@dataclass(frozen=True)
class Form:
    """How a picture becomes pixels: colour, sense and encoding."""

    photometric: str = "MONOCHROME2"  # or MONOCHROME1, RGB
    syntax: str = "explicit"
    bits: tuple[int, int] = (8, 8)  # allocated, stored

    @property
    def is_lossy(self) -> bool:
        """Whether the encoding changes values."""
        return self.syntax == "jpeg"


def make_image(modality: str, frames: Array, form: Form, uids: tuple[str, str, str]) -> Dataset:
    """An image from (frames, rows, columns) of grey or (frames, rows, columns, 3); `uids` of study, series, SOP."""
    dataset = Dataset()
    several = len(frames) > 1
    dataset.SOPClassUID = UID(CLASSES["US frames" if modality == "US" and several else modality])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = map(UID, uids)
    dataset.Modality = "OT" if modality == "SC" else modality
    dataset.Manufacturer, dataset.ManufacturerModelName = _MAKERS[modality]
    dataset.SeriesNumber, dataset.InstanceNumber = 1, 1
    _describe(dataset, modality)
    fill(dataset, frames, form)
    return dataset


def fill(dataset: Dataset, frames: Array, form: Form) -> None:
    """Put frames (0 to 1) into a data set as its pixels, with the attributes that describe them."""
    allocated, stored = form.bits
    values = np.round(np.clip(frames, 0, 1) * (2**stored - 1)).astype(np.uint16 if allocated > 8 else np.uint8)
    if form.photometric == "MONOCHROME1":
        values = ((2**stored - 1) - values).astype(values.dtype)
    set_pixels(dataset, values, form)


def set_pixels(dataset: Dataset, values: Array, form: Form) -> None:
    """Put stored values (frames, rows, columns[, 3]) into a data set, encoded as `form` says."""
    allocated, stored = form.bits
    dataset.Rows, dataset.Columns = values.shape[1:3]
    dataset.SamplesPerPixel = 3 if values.ndim == 4 else 1
    dataset.PhotometricInterpretation = form.photometric
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, stored, stored - 1
    dataset.PixelRepresentation = dataset.get("PixelRepresentation", 0) or 0
    if values.ndim == 4:
        dataset.PlanarConfiguration = 0
    if len(values) > 1:
        dataset.NumberOfFrames = len(values)
    if not hasattr(dataset, "file_meta"):
        dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = SYNTAXES[form.syntax]
    native = values if form.syntax != "big" or allocated == 8 else values.astype(values.dtype.newbyteorder(">"))
    encoder = {"jpeg": _jpeg, "jpeg2000": _jpeg2000}.get(form.syntax)
    if encoder is not None:
        dataset.PixelData = encapsulate([encoder(frame, stored) for frame in values])
        dataset["PixelData"].VR = "OB"
        if form.syntax == "jpeg":
            dataset.LossyImageCompression = "01"
            dataset.LossyImageCompressionMethod = "ISO_10918_1"
            if values.ndim == 4:
                dataset.PhotometricInterpretation = "YBR_FULL_422"
        return
    content = native.tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OW" if allocated > 8 or form.syntax == "implicit" else "OB"
    if form.syntax in ("rle", "jpegls"):
        uid = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(SYNTAXES[form.syntax], generate_instance_uid=False)
        dataset.SOPInstanceUID = uid


def save(dataset: Dataset) -> bytes:
    """The bytes of a file."""
    meta: FileMetaDataset = getattr(dataset, "file_meta", FileMetaDataset())
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    if "TransferSyntaxUID" not in meta:
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    target = io.BytesIO()
    dataset.save_as(target, enforce_file_format=True)
    return target.getvalue()


def _jpeg(frame: Array, stored: int) -> bytes:
    target = io.BytesIO()
    Image.fromarray(frame).save(target, "JPEG", quality=92, subsampling=2 if frame.ndim == 3 else -1)
    return target.getvalue()


def _jpeg2000(frame: Array, stored: int) -> bytes:
    from openjpeg.utils import encode_array

    encoded: bytes = encode_array(
        frame, bits_stored=stored, photometric_interpretation=1 if frame.ndim == 3 else 2, use_mct=False
    )
    return bytes(encoded)


def _describe(dataset: Dataset, modality: str) -> None:
    """The attributes that an image of this modality has and a researcher needs."""
    common = {"ImageType": ["ORIGINAL", "PRIMARY"], "ContentTime": "101612", "SeriesTime": "101530"}
    own: dict[str, dict[str, Any]] = {
        "CT": {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "KVP": "120", "SliceThickness": "1.5",
               "ConvolutionKernel": "B30f", "PixelSpacing": ["0.7", "0.7"], "RescaleSlope": "1",
               "RescaleIntercept": "-1024", "RescaleType": "HU", "BodyPartExamined": "CHEST", "XRayTubeCurrent": "220",
               "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"], "ImagePositionPatient": ["-180", "-180", "0"],
               "PatientPosition": "HFS", "AcquisitionNumber": "2"},
        "MR": {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"], "ScanningSequence": "GR", "SequenceVariant": "SP",
               "ScanOptions": "FS", "MRAcquisitionType": "3D", "RepetitionTime": "1900", "EchoTime": "2.52",
               "FlipAngle": "9", "MagneticFieldStrength": "3", "SliceThickness": "1", "SequenceName": "*tfl3d1_16",
               "PixelSpacing": ["1", "1"], "BodyPartExamined": "BRAIN", "EchoTrainLength": "1",
               "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"], "ImagePositionPatient": ["-128", "-128", "0"],
               "PatientPosition": "HFS"},
        "PT": {"Units": "BQML", "DecayCorrection": "START", "SeriesType": ["STATIC", "IMAGE"], "RescaleSlope": "1.5",
               "CorrectedImage": ["DECY", "ATTN", "SCAT"], "RescaleIntercept": "0", "ActualFrameDuration": "180000",
               "PixelSpacing": ["4", "4"], "SliceThickness": "3.27", "ImageIndex": 12, "NumberOfSlices": 47,
               "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"], "ImagePositionPatient": ["-9", "-9", "0"]},
        "CR": {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "KVP": "117", "ImagerPixelSpacing": ["0.2", "0.2"],
               "Exposure": "3", "PlateType": "ST-VI"},
        "DX": {"BodyPartExamined": "KNEE", "ViewPosition": "AP", "KVP": "60", "ImagerPixelSpacing": ["0.148", "0.148"],
               "PresentationIntentType": "FOR PRESENTATION", "ImageLaterality": "L",
               "PixelIntensityRelationship": "LIN",
               "PixelIntensityRelationshipSign": -1, "PresentationLUTShape": "IDENTITY", "DetectorType": "DIRECT"},
        "MG": {"BodyPartExamined": "BREAST", "ViewPosition": "MLO", "ImageLaterality": "R", "KVP": "29",
               "ImagerPixelSpacing": ["0.07", "0.07"], "PresentationIntentType": "FOR PRESENTATION",
               "PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": -1, "CompressionForce": "98",
               "PresentationLUTShape": "IDENTITY", "BreastImplantPresent": "NO", "PartialView": "NO"},
        "US": {"ImageType": ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"], "HeartRate": "72"},
        "XA": {"ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"], "KVP": "80", "PositionerPrimaryAngle": "-30.2",
               "PositionerSecondaryAngle": "1.5", "RadiationSetting": "GR", "PixelIntensityRelationship": "LIN"},
        "NM": {"ImageType": ["ORIGINAL", "PRIMARY", "STATIC", "EMISSION"], "BodyPartExamined": "WHOLEBODY",
               "PixelSpacing": ["2.4", "2.4"], "CountsAccumulated": "812345", "NumberOfDetectors": 1},
        "SC": {"ImageType": ["DERIVED", "SECONDARY"], "ConversionType": "WSD"},
    }  # fmt: skip
    for keyword, value in {**common, **own[modality]}.items():
        setattr(dataset, keyword, value)
    if modality in ("CT", "MR", "PT", "NM"):
        dataset.FrameOfReferenceUID = UID(f"{dataset.StudyInstanceUID[:50]}.77")
