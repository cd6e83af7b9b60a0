"""A plain DICOM file to a data set, in a quarter of pydicom's time; None for whatever is not plain.

Plain is: a preamble, explicit VR little endian throughout, and no undefined length at the top level. Elements stay raw,
as pydicom leaves them, so values and sequences are converted by it when they are asked for. Most images of a series are
plain, and reading their headers takes longer than making the picture.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import NamedTuple, TypeVar, cast

from pydicom import Dataset
from pydicom.charset import convert_encodings, default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from tasks.transform.headers import intern_tag

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM"}
    | {"UI", "UL", "US"}
)
_VRS = {name.encode(): (name, name in _LONG) for name in _LONG | _SHORT}
_HEAD = Struct("<HH2sH")
_LENGTH = Struct("<L")
_UNDEFINED = 0xFFFFFFFF
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_CHARSET = 0x00080005
_START = 132
HEADER = 2**14
"""Bytes that most headers fit into."""

_BLANK = vars(Dataset())
_BLANK_DICTS = [(name, value) for name, value in _BLANK.items() if isinstance(value, dict)]

Elements = dict[BaseTag, RawDataElement]
_D = TypeVar("_D", bound=Dataset)


def parse_plain(content: bytes, *, header_only: bool = False) -> Dataset | None:
    """The data set in `content`, or None where it is not plain or not whole.

    With `header_only`, `content` may end anywhere after the header: an element of pixel data is there with its length
    and place (`value_tell`), but empty, and what follows it isn't.
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
    ds = _make(Dataset, body)
    charset = body.get(intern_tag(_CHARSET))
    names = (charset.value or b"").decode("ascii", "replace").strip().split("\\") if charset else []
    vars(ds).update(
        file_meta=_make(FileMetaDataset, meta),
        _read_implicit=False,
        _read_little=True,
        _read_charset=convert_encodings(names) if names else default_encoding,
    )
    return ds


def _make(kind: type[_D], elements: Elements) -> _D:
    """A data set of `elements` with the state that pydicom gives an empty one, without its look at each name."""
    ds = kind.__new__(kind)
    state = vars(ds)
    state.update(_BLANK)
    state.update((name, value.copy()) for name, value in _BLANK_DICTS)
    state["_dict"] = elements
    return ds


class Parted(NamedTuple):
    """A plain data set without its pixels, which are native and the last that there is, and where those lie."""

    ds: Dataset
    pixels: RawDataElement

    def fill(self, handle: int, start: int = 0) -> bytes | None:
        """Read the pixels from the open file `handle`, in which the data set begins at `start`; None if it is short."""
        content = os.pread(handle, self.pixels.length, start + self.pixels.value_tell)
        self.ds._dict[self.pixels.tag] = self.pixels._replace(value=content or None)
        return content if len(content) == self.pixels.length else None


def parse_parted(head: bytes, end: int) -> Parted | None:
    """The data set that begins with `head` and has `end` bytes; None where it is not plain, or not that plain."""
    ds = parse_plain(head, header_only=True)
    raw = None if ds is None else ds._dict.get(next(reversed(cast(Elements, ds._dict))))
    if ds is None or not isinstance(raw, RawDataElement) or raw.length == _UNDEFINED:
        return None
    return Parted(ds, raw) if raw.value_tell + raw.length == end else None


def read_plain(path: str) -> Dataset | None:
    """A plain file that ends with its pixels, which go straight to where they stay; None for any other."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # whoever opens it next says why
    try:
        parted = parse_parted(os.read(handle, HEADER), os.fstat(handle).st_size)
        return parted.ds if parted is not None and parted.fill(handle) is not None else None
    except OSError:
        return None
    finally:
        os.close(handle)


def read_plain_header(path: str) -> Dataset | None:
    """The header of a plain file, from its first bytes; None where more must be read or it is not plain."""
    try:
        with Path(path).open("rb") as handle:
            return parse_plain(handle.read(HEADER), header_only=True)
    except OSError:
        return None


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
            found[tag] = RawDataElement(tag, vr, length, b"", at, False, True)
            return meta, body
        if length == _UNDEFINED or at + length > end:
            return None
        found[tag] = RawDataElement(tag, vr, length, content[at : at + length] if length else None, at, False, True)
        at += length
    return None if header_only else (meta, body)
