"""Planted identifiers anywhere in an output's bytes, whatever the attribute and the encoding: beyond MIDI-B's rules."""

from __future__ import annotations

import re
import zlib
from functools import lru_cache

from pydicom.uid import DeflatedExplicitVRLittleEndian

_LATIN = tuple(f"iso8859_{number}" for number in (1, 2, 5, 6, 7, 8, 9))
ENCODINGS = ("utf-8", "utf-16-le", "iso2022_jp", "euc_kr", "gb18030", *_LATIN)
SHORTEST = 4  # bytes; shorter ones stand in any file by chance


def strays(content: bytes, identifiers: tuple[str, ...]) -> list[str]:
    """The identifiers that stand somewhere in a file, in any of the encodings of DICOM; ASCII letters without case."""
    whole = _inflated(content)
    plain, names = _plain(identifiers)
    found = {names[match.group()] for match in plain.finditer(whole.lower())} if names else set()
    return sorted(found | {text for form, text in _coded(identifiers) if form in whole})


@lru_cache(maxsize=64)
def _plain(identifiers: tuple[str, ...]) -> tuple[re.Pattern[bytes], dict[bytes, str]]:
    """Identifiers of ASCII, in one byte a character or two, standing alone."""
    names: dict[bytes, str] = {}
    for text in identifiers:
        if text.isascii() and len(text) >= SHORTEST:
            names |= {text.lower().encode(code): text for code in ("ascii", "utf-16-le")}
    body = b"|".join(re.escape(form) for form in sorted(names, key=len, reverse=True))
    return re.compile(rb"(?<![a-z0-9])(?:" + body + rb")(?![a-z0-9])"), names


@lru_cache(maxsize=64)
def _coded(identifiers: tuple[str, ...]) -> tuple[tuple[bytes, str], ...]:
    """Identifiers with other letters, as each character set writes them; the escapes of ISO 2022 may stand apart."""
    forms = []
    for text in identifiers:
        for form in () if text.isascii() else {text, text.upper(), text.lower()}:
            for encoding in ENCODINGS:
                try:
                    coded = re.sub(rb"^\x1b\$B|\x1b\(B$", b"", form.encode(encoding))
                except UnicodeError:
                    continue
                if len(coded) >= SHORTEST:
                    forms.append((coded, text))
    return tuple(dict.fromkeys(forms))


def _inflated(content: bytes) -> bytes:
    if DeflatedExplicitVRLittleEndian.encode() + b"\0" not in content[132:1024]:
        return content
    length = int.from_bytes(content[140:144], "little")
    try:
        return content + zlib.decompress(content[144 + length :], -zlib.MAX_WBITS)
    except zlib.error:
        return content
