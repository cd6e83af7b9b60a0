"""Which canaries are in an output, in whatever form: other encodings, compressed, hexadecimal, base 64, hidden bits.

Shares nothing with the engine or its residual check. Finds canaries by their shape and looks them up in the mint, so a
thousand of them cost one pass.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from array import array
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import unquote_to_bytes

import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from tests.canary.tokens import Mint, Place

_WORD = re.compile(rb"qz[a-y]{4}kw")
# Nothing is asked of what follows: the next element's tag may begin with a byte that is a digit (0032, 0038).
_NUMBER = re.compile(rb"(?<![\d.])81\d{5}")
_DAY = re.compile(rb"(?<![\d.])\d{8}")
_WRITTEN_DAY = re.compile(rb"(?<!\d)(\d{4})[-./](\d\d)[-./](\d\d)(?!\d)|(?<!\d)(\d\d)[-./](\d\d)[-./](\d{4})(?!\d)")
_TIME = re.compile(rb"1011\d\d\.8\d{5}")
_UID = re.compile(rb"1\.2\.826\.0\.1\.3680043\.9999\.41\.\d+\.7")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,}")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_DEFLATED = b"1.2.840.10008.1.2.1.99"


def found(mint: Mint, content: bytes, *names: str, times: bool = True) -> set[Place]:
    """The places whose canaries are in an output's bytes or in the `names` of its file and folders.

    Without `times` the time of day is no canary: shifting dates by days leaves it.
    """
    places: set[Place] = set()
    everything = content + b"\n" + "\n".join(names).encode("utf-8", "replace")
    for view in _distorted(everything):
        places |= _looked_up(mint.words, _WORD.findall(view.lower()))
    for view in _views(everything):
        places |= _in_view(mint, view, times=times)
    return places | _unchanged(mint, content)


def _in_view(mint: Mint, view: bytes, *, times: bool) -> set[Place]:
    """The places whose canaries stand in some bytes as they are."""
    lowered = view.lower()
    places = _looked_up(mint.words, _WORD.findall(lowered))
    places |= _looked_up(mint.numbers, _NUMBER.findall(view))
    places |= _looked_up(mint.times, _TIME.findall(view)) if times else set()
    places |= _looked_up(mint.uids, _UID.findall(view))
    days = _DAY.findall(view)
    for year, month, day, day2, month2, year2 in _WRITTEN_DAY.findall(view):
        days += [(year or year2) + (month or month2) + (day or day2), year2 + day2 + month2]
    places |= _looked_up(mint.days, days)
    return places | {place for raw, place in mint.raw.items() if raw in lowered or raw in view}


def _looked_up(canaries: dict[str, Place], hits: list[bytes]) -> set[Place]:
    return {canaries[text] for hit in hits if (text := hit.decode("ascii")) in canaries}


def _views(content: bytes) -> Iterator[bytes]:
    """The bytes, and what they may hide."""
    yield content
    yield content.replace(b"\0", b"")  # UTF-16 and UTF-32
    yield re.sub(rb"[\s^=_.,;:%\-]+", b"", content)  # names and ids that were joined or separated
    if b"%" in content:
        yield unquote_to_bytes(content)
    for unpacked in _unpacked(content):
        yield unpacked
        yield from _unpacked(unpacked)
    for run in _BASE64.findall(content):
        yield from _decoded_base64(run)
    for run in _HEX.findall(content):
        yield binascii.unhexlify(run)


def _distorted(content: bytes) -> Iterator[bytes]:
    """Turned round, bytes of words swapped, hidden in high bits: only words tell there, numbers come by chance."""
    yield content[::-1]
    for start in (0, 1):
        swapped = array("H", content[start : start + (len(content) - start) // 2 * 2])
        swapped.byteswap()
        yield swapped.tobytes()
        high = content[start::2]
        nibbles = bytes(byte >> 4 for byte in high)
        yield bytes(a << 4 | b for a, b in zip(nibbles[::2], nibbles[1::2], strict=False))
        yield bytes(a << 4 | b for a, b in zip(nibbles[1::2], nibbles[2::2], strict=False))


def _unpacked(content: bytes) -> Iterator[bytes]:
    """Everything in it that zlib, gzip or a deflated transfer syntax unpacks."""
    for match in _ZLIB.finditer(content):
        try:
            unpacked = zlib.decompressobj(47).decompress(content[match.start() :], 2**26)
        except zlib.error:
            continue
        if len(unpacked) > 7:
            yield unpacked
    if _DEFLATED in content[:1024] and content[128:132] == b"DICM":
        start = 144 + int.from_bytes(content[140:144], "little")
        yield zlib.decompressobj(-zlib.MAX_WBITS).decompress(content[start:], 2**28)


def _decoded_base64(run: bytes) -> Iterator[bytes]:
    bare = run.rstrip(b"=")
    for start in range(4):
        part = bare[start:]
        yield base64.b64decode(part[: len(part) // 4 * 4])


def where(mint: Mint, output: bytes, *, times: bool = True) -> dict[Place, list[str]]:
    """The attributes of an output that hold canaries, e.g. `AnatomicRegionSequence.CodeMeaning`, by place."""
    held: dict[Place, list[str]] = {}
    for place, path in _where(mint, pydicom.dcmread(BytesIO(output)), "", times):
        if path not in held.setdefault(place, []):
            held[place].append(path)
    return held


def _where(mint: Mint, dataset: Dataset, path: str, times: bool) -> Iterator[tuple[Place, str]]:
    for tag in dataset.keys():  # noqa: SIM118
        raw = dataset.get_item(tag)
        name = path + (keyword_for_tag(tag) or str(tag))
        if raw.VR == "SQ" or not isinstance(raw.value, (bytes, type(None))):
            for item in dataset[tag].value if dataset[tag].VR == "SQ" else ():
                yield from _where(mint, item, f"{name}.", times)
        elif raw.value:
            held = _in_view(mint, raw.value, times=times)
            if not held and len(raw.value) > 99:  # something longer may hide it
                held = found(mint, raw.value, times=times)
            yield from ((place, name) for place in held)


def _unchanged(mint: Mint, content: bytes) -> set[Place]:
    """Short values that stand unchanged in the attribute that they were put into, at any depth."""
    if not mint.same or content[128:132] != b"DICM":
        return set()
    return set(_same(mint, pydicom.dcmread(BytesIO(content))))


def _same(mint: Mint, dataset: Dataset) -> Iterator[Place]:
    for tag in dataset.keys():  # noqa: SIM118
        raw = dataset.get_item(tag)
        if raw.VR == "SQ":
            for item in dataset[tag].value:
                yield from _same(mint, item)
        elif isinstance(raw.value, bytes) and (int(tag), raw.value) in mint.same:
            yield mint.same[int(tag), raw.value]
