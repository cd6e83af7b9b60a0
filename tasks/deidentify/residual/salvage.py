"""What looks like an identifying element in bytes that cannot be followed from one element to the next."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cache

from pydicom import datadict

from tasks.deidentify.residual.elements import Encoding, header, keyword_of
from tasks.deidentify.residual.identifying import Collected, identifying, tells

_LONGEST = 1024
_VALUE = re.compile(rb"(?s)....(?:PN|UI|DA|DT|LO|SH|ST|LT|AE)..")


def elements(data: bytes, encoding: Encoding, retained: frozenset[str]) -> Iterator[Collected]:
    """What the elements of PS3.6 tell whose tag, VR and length stand anywhere in `data`."""
    for at in _places(data, encoding):
        try:
            tag, written, start, length = header(data, at, encoding)
        except struct.error:
            continue
        if length <= _LONGEST and start + length <= len(data) and keyword_of(tag) and (vr := tells(tag, written)):
            yield identifying(tag, vr, data[start : start + length], None, "", retained)


def _places(data: bytes, encoding: Encoding) -> Iterator[int]:
    pattern = _tags(encoding.big) if encoding.implicit else _VALUE
    at = 0
    while found := pattern.search(data, at):
        yield found.start()
        at = found.start() + 1


@cache
def _tags(big: bool) -> re.Pattern[bytes]:
    """The tags of everything that identifies, as bytes."""
    order = ">HH" if big else "<HH"
    tags = [tag for tag in vars(datadict)["DicomDictionary"] if tag >> 16 < 0x60 and tells(tag, b"")]
    return re.compile(b"|".join(re.escape(struct.pack(order, tag >> 16, tag & 0xFFFF)) for tag in tags))
