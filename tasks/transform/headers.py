"""Reading attributes without surprises: a broken value reads as missing, and a number is finite or missing.

Only access to single attributes belongs here; what they mean belongs to the modules that ask.
pydicom converts values lazily and raises on access where a value breaks its VR; its messages quote the value, so
they end here.
"""

from __future__ import annotations

import math
import re
import struct
from functools import lru_cache
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

_ASCII = frozenset({"CS", "UI", "DA", "TM", "DT", "AS"})
_TAGS: dict[int, BaseTag] = {}
_MANY = 10_000  # files with private tags without end fill no memory
_UID = re.compile(r"[0-9.]{1,64}")


def read(ds: Dataset, keyword: str) -> Any:
    """The value of `keyword`, or None where it is absent, empty or cannot be converted by its VR."""
    if not has(ds, keyword):
        return None
    try:
        value = ds.get(keyword)
        return None if value is None or (hasattr(value, "__len__") and len(value) == 0) else value
    except Exception:  # pydicom raises what its converters raise: ValueError, TypeError, OverflowError, struct.error …
        return None


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """All values of `keyword` as finite floats; empty if one of them isn't."""
    found = _plain_numbers(ds, keyword)
    if found is None:
        value = read(ds, keyword)
        if value is None:
            return ()
        parts = value if isinstance(value, (MultiValue, list, tuple)) else [value]
        try:
            found = tuple(float(part) for part in parts)
        except (TypeError, ValueError, OverflowError):
            return ()
    return found if all(map(math.isfinite, found)) else ()


def number(ds: Dataset, keyword: str) -> float | None:
    """The first value of `keyword` as a finite float."""
    found = numbers(ds, keyword)
    return found[0] if found else None


def integer(ds: Dataset, keyword: str) -> int | None:
    """The first value of `keyword`, if it is a whole number that a table can hold."""
    found = number(ds, keyword)
    return int(found) if found is not None and found == int(found) and abs(found) < 2**63 else None


def text(ds: Dataset, keyword: str) -> str | None:
    """The first value of `keyword` as text without the padding."""
    plain = _plain_text(ds, keyword)
    if plain is not None:
        return plain.strip(" \0") or None
    value = read(ds, keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    stripped = str(value).strip(" \0") if value is not None else ""
    return stripped or None


def texts(ds: Dataset, keyword: str) -> list[str]:
    """All values of `keyword` as text without what surrounds it; empty where it is absent or can't be converted."""
    element, vr = _raw(ds, keyword)
    if element is not None and element.value and vr in _ASCII and element.value.isascii():
        return [part.rstrip("\0 ").strip() for part in str(element.value, "ascii").split("\\")]
    value = read(ds, keyword)
    if value is None:
        return []
    return [str(part).strip() for part in ([value] if isinstance(value, str) else value)]


def _plain_numbers(ds: Dataset, keyword: str) -> tuple[float, ...] | None:
    """The numbers of an element that pydicom has not converted yet; None where there is anything unusual to it.

    pydicom's own conversion gives the same in ten times the time, and some thirty are asked for of each image.
    """
    element, vr = _raw(ds, keyword)
    if element is None or not element.value:
        return None
    try:
        if vr == "DS":
            return tuple(map(float, element.value.split(b"\\")))
        if vr == "IS":
            return tuple(float(int(part)) for part in element.value.split(b"\\"))
        if vr == "US" and element.is_little_endian:
            return tuple(map(float, struct.unpack(f"<{len(element.value) // 2}H", element.value)))
    except (ValueError, OverflowError, struct.error):
        pass  # read() says what it is
    return None


def _plain_text(ds: Dataset, keyword: str) -> str | None:
    """The first value of an element without a character set that pydicom has not converted yet; as above."""
    element, vr = _raw(ds, keyword)
    if element is None or not element.value or vr not in _ASCII or not element.value.isascii():
        return None
    return str(element.value.split(b"\\")[0], "ascii")


def _raw(ds: Dataset, keyword: str) -> tuple[RawDataElement | None, str | None]:
    """The element as it lies in the file, with its VR; None where it is not there or converted already."""
    tag = _tag(keyword)
    element = None if tag is None else ds._dict.get(tag)
    if type(element) is not RawDataElement:
        return None, None
    return element, element.VR or _vr(keyword)


def raw_bytes(ds: Dataset, keyword: str) -> bytes:
    """The bytes of an element whose VR is a string of bytes, empty where it is absent; raises what pydicom raises."""
    element, vr = _raw(ds, keyword)
    if element is not None and vr in ("OB", "OW") and isinstance(element.value, bytes):
        return element.value  # as it would be converted, without the check of each byte
    found = ds[keyword].value if has(ds, keyword) else None
    return found or b""


def intern_tag(number: int) -> BaseTag:
    """The tag of a number, the same object each time: two that are one need no comparison."""
    found = _TAGS.get(number)
    if found is None:
        found = BaseTag(number)
        if len(_TAGS) < _MANY:
            _TAGS[number] = found
    return found


@lru_cache(maxsize=512)
def _tag(keyword: str) -> BaseTag | None:
    found = tag_for_keyword(keyword)
    return None if found is None else intern_tag(found)


@lru_cache(maxsize=512)
def _vr(keyword: str) -> str | None:
    tag = _tag(keyword)
    return None if tag is None else str(dictionary_VR(tag))


def uid(ds: Dataset, keyword: str) -> str | None:
    """The value of `keyword` if it has the form of a UID (PS3.5 section 9)."""
    found = text(ds, keyword)
    return found if found and _UID.fullmatch(found) else None


def items(ds: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; empty where it is absent or no sequence."""
    value = read(ds, keyword)
    if value is None or isinstance(value, (str, bytes)):
        return []
    try:
        return [item for item in value if isinstance(item, Dataset)]
    except TypeError:
        return []


def is_empty(ds: Dataset, keyword: str) -> bool:
    """Whether `keyword` is absent or has no value; a value that can't be converted is not empty."""
    tag = _tag(keyword)
    element = None if tag is None else ds.get_item(tag)
    return element is None or element.value is None or (hasattr(element.value, "__len__") and len(element.value) == 0)


def word_type(ds: Dataset) -> str:
    """The numpy type of 16-bit words in bytes of VR OW, which pydicom leaves in the byte order of the file."""
    return ">u2" if ds.original_encoding[1] is False else "<u2"


def has(ds: Dataset, keyword: str) -> bool:
    """Whether there is an element `keyword`, even an empty one."""
    return _tag(keyword) in ds._dict


def has_pixels(ds: Dataset) -> bool:
    """Whether there is an element of pixel data, even an empty one."""
    return any(has(ds, keyword) for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
