"""A DICOMDIR over de-identified files: built anew from their headers, since the source's own lists who they were.

Basic Directory IOD (PS3.3 F.3), four levels. What a record must have (PS3.3 F.5) and the profile took away gets the
same dummy as in a header. Paths of the layout `media` are File IDs by PS3.10 8.5; of others they are not, though what
reads a directory follows them all the same.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import DIRECTORY_RECORDERS
from pydicom.filewriter import write_dataset

from tasks.core.entry import quiet_libraries
from tasks.core.files import atomic_path
from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.bulk.walk import DIRECTORY
from tasks.deidentify.headers import part10
from tasks.deidentify.headers.values import DUMMIES
from tasks.deidentify.pixels.risk import class_name
from tasks.deidentify.rules import tables as rules

_MEDIA_CLASS = "1.2.840.10008.1.3.10"
_EXPLICIT = "1.2.840.10008.1.2.1"
_IN_USE = 0xFFFF
_RECORDS = "directory_records.json"
_PLAIN = {"DA": re.compile("[0-9]{8}"), "TM": re.compile(r"[0-9]{2,6}(\.[0-9]{1,6})?")}


@dataclass
class _Node:
    """A record with those below it; `offset` is where its item stands in the file."""

    record: Dataset
    below: dict[str, _Node] = field(default_factory=dict)
    offset: int = 0


def write_directory(root: Path, outputs: Iterable[str], pseudonymiser: Pseudonymiser) -> int:
    """Write `root/DICOMDIR` over `outputs` (paths below root); returns how many are listed.

    Left out is what isn't DICOM, and what lacks something without which it has no place in a directory.
    """
    quiet_libraries()
    top: dict[str, _Node] = {}
    listed = 0
    for path in outputs:
        listed += _enter(top, root, path)
    content = _encode(top, pseudonymiser)
    with atomic_path(root / DIRECTORY) as draft:
        draft.write_bytes(content)
    return listed


def record_type(ds: Dataset) -> str:
    """The type of an instance's record."""
    name = class_name(str(ds.get("SOPClassUID", "")))
    return next((kind for word, kind in rules.load(_RECORDS)["types"] if word in name), "IMAGE")


def _enter(top: dict[str, _Node], root: Path, path: str) -> bool:
    """Whether the file at `path` has a place in the directory."""
    try:
        ds = dcmread(root / path, stop_before_pixels=True, defer_size=1 << 20)
        levels = [("PATIENT", "PatientID"), ("STUDY", "StudyInstanceUID"), ("SERIES", "SeriesInstanceUID")]
        keys = [str(ds[keyword].value) for _, keyword in levels]
        kind = record_type(ds)
        records = [_record(name, ds) for name, _ in levels]
        leaf = _record(kind, ds)
        leaf.ReferencedFileID = path.split("/")
        leaf.ReferencedSOPClassUIDInFile = ds.SOPClassUID
        leaf.ReferencedSOPInstanceUIDInFile = ds.SOPInstanceUID
        leaf.ReferencedTransferSyntaxUIDInFile = ds.file_meta.TransferSyntaxUID
    except (InvalidDicomError, KeyError, AttributeError, ValueError):
        return False
    level = top
    for key, record in zip(keys, records, strict=True):
        level = level.setdefault(key, _Node(record)).below
    level[str(ds.SOPInstanceUID)] = _Node(leaf)
    return True


def _record(kind: str, ds: Dataset) -> Dataset:
    for keyword in rules.load(_RECORDS)["needed"].get(kind, ("InstanceNumber",)):
        vr = dictionary_VR(tag_for_keyword(keyword) or 0)
        value = ds.get(keyword)
        if vr in _PLAIN:  # files before DICOM 3 have 2004.01.19 and 10:11:12
            value = str(value or "").replace("." if vr == "DA" else ":", "")
            value = value if _PLAIN[vr].fullmatch(value) else ""
        setattr(ds, keyword, DUMMIES[vr] if value in (None, "") else value)
    if ds.get("VerificationFlag") == "VERIFIED" and not ds.get("VerificationDateTime"):
        ds.VerificationDateTime = DUMMIES["DT"]
    record = DIRECTORY_RECORDERS[kind](ds)
    record.pop("ContentSequence", None)  # the title says what it is; its content is in the file
    record.OffsetOfTheNextDirectoryRecord = record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.RecordInUseFlag = _IN_USE
    record.DirectoryRecordType = kind
    if ds.get("SpecificCharacterSet"):
        record.SpecificCharacterSet = ds.SpecificCharacterSet
    return record


def _encode(top: dict[str, _Node], pseudonymiser: Pseudonymiser) -> bytes:
    nodes = list(_in_order(top))
    items = b"".join(_item(node.record) for node in nodes)
    uid = pseudonymiser.uid(f"media directory {hashlib.sha256(items).hexdigest()}")
    meta = part10.preface(_MEDIA_CLASS, uid, _EXPLICIT)
    start = len(meta) + len(_head(0, 0)) + 12
    for node in nodes:
        node.offset = start
        start += len(_item(node.record))
    _link(top)
    first, last = (top[min(top)].offset, top[max(top)].offset) if top else (0, 0)
    body = b"".join(_item(node.record) for node in nodes)
    sequence = struct.pack("<HH2sHL", 0x0004, 0x1220, b"SQ", 0, len(body))
    return meta + _head(first, last) + sequence + body


def _in_order(level: dict[str, _Node]) -> Iterator[_Node]:
    for key in sorted(level):
        yield level[key]
        yield from _in_order(level[key].below)


def _link(level: dict[str, _Node]) -> None:
    """Each record tells where the next of its level and the first below it stand."""
    nodes = [level[key] for key in sorted(level)]
    offsets = [*(node.offset for node in nodes[1:]), 0]
    for node, after in zip(nodes, offsets, strict=False):
        node.record.OffsetOfTheNextDirectoryRecord = after
        if node.below:
            node.record.OffsetOfReferencedLowerLevelDirectoryEntity = node.below[min(node.below)].offset
        _link(node.below)


def _head(first: int, last: int) -> bytes:
    head = Dataset()
    head.FileSetID = ""
    head.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    head.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last
    head.FileSetConsistencyFlag = 0
    return _encoded(head)


def _item(record: Dataset) -> bytes:
    content = _encoded(record)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def _encoded(ds: Dataset) -> bytes:
    target = DicomBytesIO()
    target.is_implicit_VR, target.is_little_endian = False, True
    write_dataset(target, ds)
    return target.getvalue()
