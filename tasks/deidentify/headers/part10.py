"""Writing the clean object as a Part 10 file: zeroed preamble, file meta of our own, the source's transfer syntax.

Also states in the header what was done (PS3.15 E.1.1 step 6, CID 7050). The pixel bytes are written as they came.
"""

from __future__ import annotations

import zlib

from pydicom import uid as known
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import UID

from tasks.deidentify.headers.engine import put
from tasks.deidentify.rules.profile import Profile

IMPLEMENTATION_CLASS = "2.25.30541926373195837406217431907542813659"
IMPLEMENTATION_VERSION = "SLUICE_1"
_METHOD = "Sluice: PS3.15 E.1-1"


def state_method(dataset: Dataset, profile: Profile, *, pixels_clean: bool) -> None:
    """Say in the header that and how it was de-identified; call it only when headers and pixels were both handled.

    `pixels_clean` sets BurnedInAnnotation to NO: for pixels that were accepted by the site.
    """
    put(dataset, 0x00120062, "CS", "YES")  # PatientIdentityRemoved
    put(dataset, 0x00120063, "LO", f"{_METHOD}\\profile {profile.name}")  # DeidentificationMethod
    codes = []
    for option in profile.method_codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = option.code, "DCM", option.meaning
        codes.append(item)
    dataset[0x00120064] = DataElement(0x00120064, "SQ", Sequence(codes))  # DeidentificationMethodCodeSequence
    put(dataset, 0x00280303, "CS", profile.dates)  # LongitudinalTemporalInformationModified
    if pixels_clean:
        put(dataset, 0x00280301, "CS", "NO")  # BurnedInAnnotation


def write(dataset: FileDataset, sop_class: str, sop: str, transfer_syntax: str) -> bytes:
    """The file's bytes. Raises whatever pydicom raises for what cannot be encoded."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    implicit = transfer_syntax == known.ImplicitVRLittleEndian
    little = transfer_syntax != known.ExplicitVRBigEndian
    _tell_true_encoding(dataset, implicit)
    target = _stream(implicit=False, little=True)
    target.write(bytes(128) + b"DICM")
    write_file_meta_info(target, meta)
    body = target if transfer_syntax != known.DeflatedExplicitVRLittleEndian else _stream(implicit=False, little=True)
    body.is_implicit_VR, body.is_little_endian = implicit, little
    write_dataset(body, dataset)
    if body is not target:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        deflated = deflater.compress(body.getvalue()) + deflater.flush()
        target.write(deflated + b"\0" * (len(deflated) % 2))
    return target.getvalue()


def _stream(*, implicit: bool, little: bool) -> DicomBytesIO:
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, little
    return stream


def _tell_true_encoding(dataset: FileDataset, implicit: bool) -> None:
    """Where the elements have no VR although the file meta says explicit, have the writer look them up."""
    if not implicit and any(dataset.get_item(tag).VR is None for tag in dataset.keys()):  # noqa: SIM118
        _, little = dataset.original_encoding
        dataset.set_original_encoding(True, bool(little), dataset.original_character_set)
