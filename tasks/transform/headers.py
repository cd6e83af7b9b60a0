"""Reading attributes without surprises: a broken value reads as missing, and a number is finite or missing.

Only access to single attributes belongs here; what they mean belongs to the modules that ask.
pydicom converts values lazily and raises on access where a value breaks its VR; its messages quote the value, so
they end here.
"""

from __future__ import annotations

import math
import re
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue

_UID = re.compile(r"[0-9.]{1,64}")


def read(ds: Dataset, keyword: str) -> Any:
    """The value of `keyword`, or None where it is absent, empty or cannot be converted by its VR."""
    try:
        value = ds.get(keyword)
        return None if value is None or (hasattr(value, "__len__") and len(value) == 0) else value
    except Exception:  # pydicom raises what its converters raise: ValueError, TypeError, OverflowError, struct.error …
        return None


def numbers(ds: Dataset, keyword: str) -> tuple[float, ...]:
    """All values of `keyword` as finite floats; empty if one of them isn't."""
    value = read(ds, keyword)
    if value is None:
        return ()
    parts = value if isinstance(value, (MultiValue, list, tuple)) else [value]
    try:
        found = tuple(float(part) for part in parts)
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(math.isfinite(number) for number in found) else ()


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
    value = read(ds, keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    stripped = str(value).strip(" \0") if value is not None else ""
    return stripped or None


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
    element = ds.get_item(keyword)
    return element is None or element.value is None or (hasattr(element.value, "__len__") and len(element.value) == 0)


def word_type(ds: Dataset) -> str:
    """The numpy type of 16-bit words in bytes of VR OW, which pydicom leaves in the byte order of the file."""
    return ">u2" if ds.original_encoding[1] is False else "<u2"


def has_pixels(ds: Dataset) -> bool:
    """Whether there is an element of pixel data, even an empty one."""
    return any(keyword in ds for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
