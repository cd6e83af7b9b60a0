"""A plain DICOM file to a data set, in a quarter of pydicom's time; None for whatever is not plain.

Plain is: a preamble, explicit VR little endian throughout, and no undefined length at the top level. Elements stay raw,
as pydicom leaves them, so values and sequences are converted by it when they are asked for. Most images of a series are
plain, and reading their headers takes longer than making the picture.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from pydicom import Dataset
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from tasks.transform.headers import intern_tag

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT = frozenset(
    {
        "AE",
        "AS",
        "AT",
        "CS",
        "DA",
        "DS",
        "DT",
        "FL",
        "FD",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "SL",
        "SS",
        "ST",
        "TM",
        "UI",
        "UL",
    }
) | {"US"}
_VRS = {name.encode(): (name, name in _LONG) for name in _LONG | _SHORT}
_HEAD = Struct("<HH2sH")
_LENGTH = Struct("<L")
_UNDEFINED = 0xFFFFFFFF
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_CHARSET = 0x00080005
_START = 132

Elements = dict[BaseTag, RawDataElement]


def parse_plain(content: bytes, *, header_only: bool = False) -> Dataset | None:
    """The data set in `content`, or None where it is not plain or not whole.

    With `header_only`, `content` may end anywhere after the header: an element of pixel data is there, but empty, and
    what follows it isn't.
    """
    if content[128:132] != b"DICM":
        return None
    found = _parse(content, _START, header_only)
    if found is None:
        return None
    meta, body = found
    syntax = meta.get(intern_tag(0x00020010))
    if syntax is None or not _is_explicit(syntax.value or b""):
        return None
    ds = Dataset(body)  # type: ignore[arg-type]
    charset = body.get(intern_tag(_CHARSET))
    names = (charset.value or b"").decode("ascii", "replace").strip().split("\\") if charset else []
    ds.set_original_encoding(False, True, convert_encodings(names) if names else default_encoding)
    ds.file_meta = FileMetaDataset(meta)  # type: ignore[arg-type]
    return ds


@lru_cache(maxsize=64)
def _is_explicit(value: bytes) -> bool:
    """Whether a transfer syntax, as it lies in the file, has its data set in explicit VR little endian."""
    name = value.rstrip(b"\0 ").decode("ascii", "replace")
    syntax = UID(name)
    if not syntax.is_transfer_syntax:
        return False
    return syntax.is_little_endian and not syntax.is_implicit_VR and not syntax.is_deflated


def _parse(content: bytes, start: int, header_only: bool) -> tuple[Elements, Elements] | None:
    """The elements of file meta and of the data set; None for what isn't plain, whole and in order.

    pydicom has rules of its own for what is out of order or comes twice.
    """
    meta: Elements = {}
    body: Elements = {}
    at, end, before = start, len(content), -1
    while at < end:
        if at + 8 > end:
            return None
        group, element, code, length = _HEAD.unpack_from(content, at)
        known = _VRS.get(code)
        number = group << 16 | element
        if known is None or number <= before or (header_only and group > 0x7FE0):
            return None
        before = number
        vr, long = known
        at += 8
        if long:
            if at + 4 > end:
                return None
            (length,) = _LENGTH.unpack_from(content, at)
            at += 4
        tag = intern_tag(number)
        found = body if group > 2 else meta
        if header_only and number in _PIXELS:
            found[tag] = RawDataElement(tag, vr, 0, b"", at, False, True)
            return meta, body
        if length == _UNDEFINED or at + length > end:
            return None
        found[tag] = RawDataElement(tag, vr, length, content[at : at + length] if length else None, at, False, True)
        at += length
    return None if header_only else (meta, body)
