"""Reading who and what an instance is: only the attributes the cohort needs, only as much of the file as holds them."""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag

from tasks.core.reasons import Reason
from tasks.extract.criteria import Header
from tasks.extract.sniff import WINDOW

_CHARSET = 0x00080005
_SOP_CLASS = 0x00080016
_SOP_INSTANCE = 0x00080018
_HEADER = {
    "patient_id": 0x00100020,
    "study_uid": 0x0020000D,
    "series_uid": 0x0020000E,
    "modality": 0x00080060,
    "study_date": 0x00080020,
    "study_description": 0x00081030,
    "accession": 0x00080050,
}
_DIRECTORY_RECORDS = 0x00041220
_TAGS: list[BaseTag | int] = [_CHARSET, _SOP_CLASS, _SOP_INSTANCE, _DIRECTORY_RECORDS, *_HEADER.values()]
_IDENTITY = (_SOP_CLASS, _SOP_INSTANCE, _HEADER["study_uid"], _HEADER["series_uid"])
_UNDEFINED = 0xFFFFFFFF
_ELEMENT_HEADER = 8  # bytes of tag, VR and length
_PIXELS = 0x7FE00008
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage, PS3.4 I.4
_DEFLATED = re.compile(rb"\x02\x00\x10\x00UI..1\.2\.840\.10008\.1\.2\.1\.99[\x00 ]?", re.DOTALL)
_INFLATED_WINDOW = 4 * 2**20


@dataclass(frozen=True, repr=False)
class Identity:
    """An instance that can be told from others."""

    header: Header
    sop_uid: str


def read_identity(stream: BinaryIO, head: bytes, size: int, max_bytes: int) -> Identity | Reason:
    """Read the identity of the DICOM file of `size` bytes in `stream` (seekable) that starts with `head`.

    `max_bytes` is what a deflated data set may inflate to. Never raises for what is in the file: whatever pydicom
    stumbles over becomes a reason.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's warnings quote values
            if _DEFLATED.search(head[:4096]):
                return _read_deflated(stream, max_bytes)
            dataset, stop = _read_plain(stream, head, size)
            return Reason.UNREADABLE if stop.was_cut_off(size) else _judge(dataset, stop)
    except Exception:  # a broken file breaks the parser in any way; RecursionError and MemoryError are among them
        return Reason.UNREADABLE


def _read_plain(stream: BinaryIO, head: bytes, size: int) -> tuple[Dataset, _StopAfter]:
    window = io.BytesIO(head)
    stop = _StopAfter(_HEADER["series_uid"], window)
    try:
        dataset = read_partial(window, stop_when=stop, force=True, specific_tags=_TAGS)
    except Exception:
        if len(head) >= size:
            raise
        dataset = None  # it may only be that the window ends within an element
    if dataset is not None and (stop.reached or len(head) >= size) and all(tag in dataset for tag in _IDENTITY):
        return dataset, stop
    stream.seek(0)  # a large private block, or attributes out of their order
    stop = _StopAfter(_PIXELS - 1, stream)
    return read_partial(stream, stop_when=stop, force=True, specific_tags=_TAGS), stop


def _read_deflated(stream: BinaryIO, max_bytes: int) -> Identity | Reason:
    """Deflated Explicit VR Little Endian (PS3.5 A.5): inflate to count the bytes, keep the first ones to read."""
    stream.seek(132)
    tag, vr, _, length = struct.unpack("<L2sHL", stream.read(12))
    if tag != 0x00000002 or vr != b"UL":
        return Reason.UNREADABLE  # File Meta Information Group Length is Type 1 (PS3.10 7.1)
    stream.seek(length, io.SEEK_CUR)
    inflater, first, total = zlib.decompressobj(-zlib.MAX_WBITS), bytearray(), 0
    while not inflater.eof:
        chunk = inflater.unconsumed_tail or stream.read(WINDOW)
        if not chunk:
            break
        out = inflater.decompress(chunk, 2**20)
        total += len(out)
        if total > max_bytes:
            return Reason.OVERSIZED
        first += out[: _INFLATED_WINDOW - len(first)]
    if not inflater.eof:
        return Reason.UNREADABLE
    inflated = io.BytesIO(bytes(first))
    stop = _StopAfter(_HEADER["series_uid"], inflated)
    return _judge(read_dataset(inflated, False, True, stop_when=stop, specific_tags=_TAGS), stop)


class _StopAfter:
    """Stops pydicom behind a tag; remembers how it went, since pydicom takes a file that is cut off without a word."""

    def __init__(self, tag: int, stream: BinaryIO) -> None:
        self._tag, self._stream, self._end = tag, stream, 0
        self.reached = self.saw_attributes = False

    def __call__(self, tag: BaseTag, _vr: str | None, length: int) -> bool:
        number = int(tag)
        self.saw_attributes = self.saw_attributes or dictionary_has_tag(number)
        self.reached = number > self._tag
        self._end = self._stream.tell() + length if length != _UNDEFINED else 0
        return self.reached

    def was_cut_off(self, size: int) -> bool:
        """Whether the data ended within an element, before the tag was reached."""
        return not self.reached and (self._end > size or 0 < size - self._end < _ELEMENT_HEADER)


def _judge(dataset: Dataset, stop: _StopAfter) -> Identity | Reason:
    meta = getattr(dataset, "file_meta", None) or Dataset()
    text = _decoder(dataset)
    if str(meta.get("MediaStorageSOPClassUID", "")) == _MEDIA_DIRECTORY or _DIRECTORY_RECORDS in dataset:
        return Reason.MEDIA_DIRECTORY
    if not text(_SOP_CLASS) or not text(_SOP_INSTANCE):
        return Reason.NO_IDENTITY if stop.saw_attributes else Reason.UNREADABLE
    return Identity(Header(**{name: text(tag) for name, tag in _HEADER.items()}), text(_SOP_INSTANCE))


def _decoder(dataset: Dataset) -> Callable[[int], str]:
    """A function from tag to text, decoded by SpecificCharacterSet; '' where the attribute is missing or no text."""
    charset = _raw(dataset, _CHARSET).decode("ascii", "replace")
    encodings = convert_encodings([name.strip(" \0") for name in charset.split("\\")])

    def text(tag: int) -> str:
        return decode_bytes(_raw(dataset, tag), encodings, set()).strip(" \0")

    return text


def _raw(dataset: Dataset, tag: int) -> bytes:
    if tag not in dataset:
        return b""
    value: Any = dataset.get_item(tag).value
    return value if isinstance(value, bytes) else str(value or "").encode()
