"""Parsing a DICOM file safely: whatever goes wrong ends as a Reason, never as a library's exception.

Understands Part 10 files, files without preamble or file meta (the encoding is guessed), and deflated ones, with a
bound on what they inflate to.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pydicom
from pydicom import uid as known
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from tasks.core.errors import QuarantineUnit, SkipUnit
from tasks.core.reasons import Reason
from tasks.deidentify.headers.file_meta import inflate

# Reads that pydicom may make of one file, two or three an element, one an item: each costs it up to 5 µs.
MAX_READS = 2**18
_DIRECTORY = "1.2.840.10008.1.3.10"
_FIRST_GROUPS = (0x0002, 0x0004, 0x0008)
_CHARSET, _PATIENT_ID, _STUDY, _PIXEL_DATA = 0x00080005, 0x00100020, 0x0020000D, 0x7FE00010
_STREAM_MARKERS = (
    (b"\xff\x4f\xff\x51", known.JPEG2000),
    (b"\x00\x00\x00\x0cjP  ", known.JPEG2000),
)
_JPEG_FRAMES = {
    0xC0: known.JPEGBaseline8Bit,
    0xC1: known.JPEGExtended12Bit,
    0xC3: known.JPEGLosslessSV1,
    0xF7: known.JPEGLSNearLossless,
}


class Metered(BytesIO):
    """Bytes that stop a parser that reads more often than `MAX_READS`: millions of elements fit into a small file."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._left = MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """As `BytesIO`. Raises `QuarantineUnit` where it is called too often."""
        self._left -= 1
        if self._left < 0:
            raise QuarantineUnit(Reason.OVERSIZED)
        return super().read(size)


@dataclass(frozen=True, repr=False)
class Parsed:
    """A parsed file: its dataset, the transfer syntax to write it in, and its identity as the header has it."""

    dataset: FileDataset
    transfer_syntax: str
    sop_class: str
    sop: str
    patient_id: str
    study: str


def parse(content: bytes) -> Parsed:
    """Parse a file's bytes; raises `SkipUnit` or `QuarantineUnit` with the reason."""
    part10 = content[128:132] == b"DICM"
    if not part10 and not _may_be_dicom(content):
        raise SkipUnit(Reason.NOT_DICOM)
    try:
        plain = _inflated(content) if part10 else None
        dataset = pydicom.dcmread(Metered(content if plain is None else plain), force=True)
        _drop_stray_delimiters(dataset)
        damaged = not len(dataset) or _loses_its_thread(dataset)
        media_class = text_of(dataset.file_meta, "MediaStorageSOPClassUID")
        sop_class, sop = text_of(dataset, "SOPClassUID"), text_of(dataset, "SOPInstanceUID")
        directory = media_class == _DIRECTORY or "DirectoryRecordSequence" in dataset
        syntax = text_of(dataset.file_meta, "TransferSyntaxUID") or _guessed_syntax(dataset)
        if plain is not None:
            syntax = str(known.DeflatedExplicitVRLittleEndian)
        parsed = Parsed(
            dataset, syntax, sop_class, sop, identity_text(dataset, _PATIENT_ID), identity_text(dataset, _STUDY)
        )
    except QuarantineUnit:
        raise
    except Exception:  # pydicom raises nearly anything on damaged input; the text may quote a header
        raise QuarantineUnit(Reason.UNREADABLE) from None
    if directory:
        raise SkipUnit(Reason.MEDIA_DIRECTORY)
    if damaged:
        raise QuarantineUnit(Reason.UNREADABLE)
    if not sop_class or not sop:
        raise QuarantineUnit(Reason.NO_IDENTITY)
    return parsed


def identity_text(dataset: Dataset, tag: int) -> str:
    """An identifier decoded from its bytes by SpecificCharacterSet, and not otherwise changed, as the cohort has it."""
    if tag not in dataset:
        return ""
    value = dataset.get_item(tag).value
    if not isinstance(value, bytes):
        return "" if value is None else str(value).strip(" \0")
    return decode_bytes(value, convert_encodings(list(charset_terms(dataset))), set()).strip(" \0")


def charset_terms(dataset: Dataset) -> tuple[str, ...]:
    """The defined terms of SpecificCharacterSet, e.g. ("", "ISO 2022 IR 87"); () where it is absent."""
    if _CHARSET not in dataset:
        return ()
    value = dataset.get_item(_CHARSET).value
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value or ""
    terms = text.split("\\") if isinstance(text, str) else [str(term) for term in text]
    return tuple(term.strip(" \0") for term in terms)


def text_of(dataset: Dataset, keyword: str) -> str:
    """A plain value of the header as text, as it stands in the file; "" where it is absent. Parses nothing."""
    tag = Tag(keyword)
    if tag not in dataset:
        return ""
    value = dataset.get_item(tag).value
    if isinstance(value, bytes):
        return value.decode("latin-1").strip(" \0")
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, (list, MultiValue)) else str(value)


def number_of(dataset: Dataset, keyword: str, default: int) -> int:
    """An unsigned short of the header (VR US); `default` where it is absent or isn't one."""
    tag = Tag(keyword)
    value = dataset.get_item(tag).value if tag in dataset else None
    if isinstance(value, bytes):
        little = dataset.original_encoding[1] is not False
        return int.from_bytes(value, "little" if little else "big") if len(value) == 2 else default
    return value if isinstance(value, int) else default


def is_in_order(dataset: Dataset) -> bool:
    """Whether tags ascend and none comes twice (PS3.5 7.1), as they were read.

    Where they don't, a tag is damaged, and its value may stand under the name of another attribute.
    """
    tags = list(dataset.keys())
    elements: list[Any] = [dataset.get_item(tag) for tag in tags]
    places = [element.value_tell if element.is_raw else element.file_tell for element in elements]
    known_places = [place for place in places if place is not None]
    return tags == sorted(tags) and known_places == sorted(known_places)


def _drop_stray_delimiters(dataset: Dataset) -> None:
    """Delimiters of items and sequences outside any sequence hold nothing, and pydicom cannot convert them."""
    for tag in [tag for tag in dataset.keys() if tag.group == 0xFFFE]:  # noqa: SIM118
        del dataset[tag]


def _loses_its_thread(dataset: Dataset) -> bool:
    """Whether the parser took bytes for elements that are none: out of order, or some with a VR and some without."""
    if not is_in_order(dataset):
        return True
    elements = [dataset.get_item(tag) for tag in dataset.keys() if tag != _PIXEL_DATA]  # noqa: SIM118
    return len({element.VR is None for element in elements if element.is_raw}) > 1


def _may_be_dicom(content: bytes) -> bool:
    """Whether a file without the DICM prefix starts like a data set: a low group, in either byte order."""
    if len(content) < 16:
        return False
    group = int.from_bytes(content[:2], "little")
    swapped = int.from_bytes(content[:2], "big")
    return group in _FIRST_GROUPS or swapped in _FIRST_GROUPS


def _inflated(content: bytes) -> bytes | None:
    """A deflated file as if it were none, None for what is not deflated. Refused where it is beyond MAX_INFLATED."""
    deflated = known.DeflatedExplicitVRLittleEndian.encode()
    if deflated + b"\0" not in content[132:1024] and deflated + b"\2" not in content[132:1024]:
        return None
    meta = read_partial(BytesIO(content), stop_when=lambda *_: True).file_meta
    if meta.get("TransferSyntaxUID") != known.DeflatedExplicitVRLittleEndian:
        return None
    length = 132 + 12 + int(meta["FileMetaInformationGroupLength"].value)
    out = BytesIO()
    plain = str(known.ExplicitVRLittleEndian).encode().ljust(len(deflated), b"\0")
    out.write(content[:length].replace(deflated, plain, 1))
    inflate(content[length:], out)
    return out.getvalue()


def _guessed_syntax(dataset: FileDataset) -> str:
    """The transfer syntax of a file that names none: from how it was parsed, and from its first fragment."""
    implicit, little = dataset.original_encoding
    if implicit:
        return str(known.ImplicitVRLittleEndian)
    if not little:
        return str(known.ExplicitVRBigEndian)
    pixels: Any = dataset.get_item(_PIXEL_DATA) if _PIXEL_DATA in dataset else None
    if pixels is not None and pixels.length == 0xFFFFFFFF:
        return _stream_syntax(bytes(pixels.value))
    return str(known.ExplicitVRLittleEndian)


def _stream_syntax(fragments: bytes) -> str:
    """The transfer syntax that a first compressed fragment shows."""
    table = int.from_bytes(fragments[4:8], "little")
    stream = fragments[16 + table :]
    for marker, syntax in _STREAM_MARKERS:
        if stream.startswith(marker):
            return str(syntax)
    at = 2
    while stream[:2] == b"\xff\xd8" and at + 4 <= len(stream) and stream[at] == 0xFF:
        if stream[at + 1] in _JPEG_FRAMES:
            return str(_JPEG_FRAMES[stream[at + 1]])
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    raise QuarantineUnit(Reason.UNREADABLE)
