"""Irregular files, read by pydicom and written again in a regular encoding: no prefix, no file meta, odd elements."""

from __future__ import annotations

from pydicom import uid as known
from pydicom.charset import decode_bytes, default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_sequence
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from tasks.core.errors import QuarantineUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers import charset, read

_MAX_DEPTH = 200
_SMALL = 2**22  # bytes, in which there are fewer elements than `read.MAX_READS` would stop
_DEFLATED = str(known.DeflatedExplicitVRLittleEndian)


def plain(content: bytes) -> tuple[bytes, str]:
    """(the data set in a regular encoding, its transfer syntax); raises `SkipUnit` or `QuarantineUnit`."""
    parsed = read.parse(content)
    try:
        _check_order(parsed.dataset, metered=len(content) > _SMALL or parsed.transfer_syntax == _DEFLATED)
        return _written(parsed.dataset, parsed.transfer_syntax), parsed.transfer_syntax
    except QuarantineUnit:
        raise
    except Exception:  # pydicom raises nearly anything on damaged input; the text may quote a header
        raise QuarantineUnit(Reason.DEIDENTIFY_FAILED) from None


def decoded(value: bytes, terms: tuple[str, ...]) -> str:
    """Text of any character set, as pydicom decodes it, replacing what it cannot read."""
    return decode_bytes(value, list(charset.encodings(terms)), set())


def _check_order(dataset: Dataset, depth: int = 0, *, metered: bool) -> None:
    """Refuse what is out of order at any depth: writing sorts it, and then nobody sees it any more.

    With `metered` a sequence of too many elements is refused before it is parsed.
    """
    if depth > _MAX_DEPTH or not read.is_in_order(dataset):
        raise QuarantineUnit(Reason.DEIDENTIFY_FAILED)
    for tag in list(dataset.keys()):
        element: DataElement | RawDataElement = dataset.get_item(tag)
        if element.VR == "SQ" or isinstance(element.value, Sequence):
            if metered and isinstance(element, RawDataElement) and element.value:
                meter, size = read.Metered(element.value), len(element.value)
                read_sequence(meter, element.is_implicit_VR, element.is_little_endian, size, default_encoding)
            for item in dataset[tag].value or ():
                _check_order(item, depth + 1, metered=metered)


def _written(dataset: FileDataset, syntax: str) -> bytes:
    implicit = syntax == known.ImplicitVRLittleEndian
    _tell_true_encoding(dataset, implicit)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = implicit, syntax != known.ExplicitVRBigEndian
    write_dataset(stream, dataset)
    return stream.getvalue()


def _tell_true_encoding(dataset: FileDataset, implicit: bool) -> None:
    """Where the elements have no VR although the file meta says explicit, have the writer look them up."""
    if not implicit and any(dataset.get_item(tag).VR is None for tag in dataset.keys()):  # noqa: SIM118
        _, little = dataset.original_encoding
        dataset.set_original_encoding(True, bool(little), dataset.original_character_set)
