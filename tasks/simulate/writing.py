"""From a data set to the bytes of a DICOM file (PS3.10), in the encoding of its series."""

from __future__ import annotations

from io import BytesIO

import openjpeg
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from tasks.simulate.plan import Study

_ENCODERS = {JPEGLSLossless: "pyjpegls", RLELossless: "gdcm"}


def finish(ds: Dataset, study: Study, encoding: UID) -> None:
    """Give `ds` its file meta and preamble, and compress its pixels where `encoding` says so.

    Some consoles write the patient's name as the application entity, and some files carry it in the preamble.
    """
    patient = study.patient
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if encoding in _ENCODERS else encoding  # compress() sets it
    named = patient.index % 3 == 2
    meta.SourceApplicationEntityTitle = (patient.name.family.upper() if named else study.device.station)[:16]
    ds.file_meta = meta
    ds.preamble = f"EXPORT {patient.name.comma}".encode().ljust(128, b"\0") if patient.index % 4 == 1 else b"\0" * 128
    if encoding in _ENCODERS:
        ds.compress(encoding, encoding_plugin=_ENCODERS[encoding], generate_instance_uid=False)
    elif encoding == JPEG2000Lossless:
        _compress_jpeg2000(ds)


def _compress_jpeg2000(ds: Dataset) -> None:
    # Straight to the encoder: pydicom's own way to it needs the package pylibjpeg, which isn't among our dependencies.
    codestream = openjpeg.encode_pixel_data(
        ds.PixelData,
        rows=ds.Rows,
        columns=ds.Columns,
        samples_per_pixel=1,
        bits_stored=ds.BitsStored,
        pixel_representation=0,
        photometric_interpretation="MONOCHROME2",
    )
    ds.PixelData = encapsulate([bytes(codestream)])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True


def to_bytes(ds: Dataset) -> bytes:
    """The file of a finished data set."""
    buffer = BytesIO()
    dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def without_preamble(ds: Dataset) -> bytes:
    """The bare data set in implicit VR little endian, as old exports have it: no preamble, no file meta."""
    buffer = BytesIO()
    bare = Dataset()
    bare.update(ds)
    dcmwrite(buffer, bare, implicit_vr=True, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()
