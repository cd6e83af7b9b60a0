"""Text and its bytes: how a source's value reads in the character sets in force, and how a name may be written.

Independent of pydicom's and of the engine's decoding. Defined terms and escape sequences are those of PS3.3 C.12.1.1.2.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import product
from typing import NamedTuple

_TERMS = {
    "ISO_IR 100": "latin_1",
    "ISO_IR 101": "iso8859_2",
    "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4",
    "ISO_IR 126": "iso8859_7",
    "ISO_IR 127": "iso8859_6",
    "ISO_IR 138": "iso8859_8",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9",
    "ISO_IR 166": "iso8859_11",
    "ISO_IR 203": "iso8859_15",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 149": "euc_kr",
    "ISO_IR 58": "gb18030",
    "ISO_IR 192": "utf_8",
    "GB18030": "gb18030",
    "GBK": "gb18030",
}
# What follows ESC: the codec of the bytes behind it, and whether they are 7-bit codes of two bytes.
_ESCAPES = {
    b"(B": ("ascii", False),
    b"(J": ("shift_jis", False),
    b")I": ("shift_jis", False),
    b"$B": ("euc_jp", True),
    b"$@": ("euc_jp", True),
    b"$(D": ("euc_jp", True),
    b"$)C": ("euc_kr", False),
    b"$)A": ("gb2312", False),
    b"$A": ("gb2312", True),
    b"-A": ("latin_1", False),
    b"-B": ("iso8859_2", False),
    b"-C": ("iso8859_3", False),
    b"-D": ("iso8859_4", False),
    b"-F": ("iso8859_7", False),
    b"-G": ("iso8859_6", False),
    b"-H": ("iso8859_8", False),
    b"-L": ("iso8859_5", False),
    b"-M": ("iso8859_9", False),
    b"-T": ("iso8859_11", False),
    b"-b": ("iso8859_15", False),
}
ESCAPE = re.compile(rb"\x1b(" + b"|".join(map(re.escape, sorted(_ESCAPES))) + rb")")
_SHIFTS = re.compile(rb"\x0e([^\x0f\x1b\r\n]*)\x0f?")
_UNICODE = ("utf_8", "utf_16_le", "utf_16_be")
_EASTERN = (
    *_UNICODE,
    *("shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "johab", "gb2312", "gb18030", "big5", "big5hkscs"),
)
_EUROPEAN = (
    *_UNICODE,
    "latin_1",
    *(f"iso8859_{number}" for number in (*range(2, 12), *range(13, 17))),
    *(f"cp{number}" for number in (437, 850, 852, 866, *range(1250, 1258))),
    *("koi8_r", "koi8_u", "mac_roman", "shift_jis", "euc_jp", "euc_kr", "gb18030"),
)
_SEVEN_BIT = (("euc_jp", b"\x1b$B"), ("euc_kr", b"\x0e"), ("gb2312", b"\x1b$A"), ("gb2312", b"\x0e"), ("gb2312", b"~{"))
_LATIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "th", "ð": "d"})
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "ß": "ss"})


class Written(NamedTuple):
    """Bytes that a text may be written as. `width`: 1 a byte a letter, 2 UTF-16 of ASCII, 0 anything else."""

    content: bytes
    width: int


@lru_cache(maxsize=4096)
def readings(raw: bytes, charset: bytes) -> tuple[str, ...]:
    """What `raw` may say: first as SpecificCharacterSet `charset` has it, then as UTF-8 where it happens to be that."""
    if raw.isascii() and b"\x1b" not in raw and b"\x0e" not in raw:
        return (raw.decode("ascii"),)
    codecs = [_TERMS.get(_term(term), "ascii") for term in charset.split(b"\\")]
    found: dict[str, None] = {}
    if b"\x1b" in raw or b"\x0e" in raw:
        found[_switched(raw, codecs)] = None
    else:
        several = [*codecs[1:], codecs[0]] if codecs[0] == "ascii" else codecs
        if (text := next(filter(None, (_decoded(raw, codec) for codec in several)), None)) is not None:
            found[text] = None
        if (text := _decoded(raw, "utf_8")) is not None:
            found[text] = None
    return tuple(found) or (raw.decode("cp1252", "ignore"),)


def _term(term: bytes) -> str:
    """A defined term in the form without code extensions, and in its right spelling where it is spelt wrongly."""
    text = term.strip(b" \0").decode("ascii", "replace").upper()
    found = re.search(r"(\d+)$", text)
    return f"ISO_IR {found[1]}" if found and "GB" not in text else text


def _decoded(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


def _switched(raw: bytes, codecs: list[str]) -> str:
    """Text with code extensions (PS3.5 6.1.2.5)."""
    pieces = ESCAPE.split(_SHIFTS.sub(lambda found: bytes(byte | 0x80 for byte in found[1]), raw))
    text = pieces[0].decode(codecs[0], "replace")
    for escape, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        codec, seven_bit = _ESCAPES[escape]
        if seven_bit:
            mark = b"\x8f" if escape == b"$(D" else b""
            # Control characters and delimiters end the shift even where the escape back is forgotten.
            body, rest = re.fullmatch(rb"((?:[\x21-\x7e]{2})*)(.*)", piece, re.DOTALL).groups()  # type: ignore[union-attr]
            pairs = (body[at : at + 2] for at in range(0, len(body), 2))
            text += b"".join(mark + bytes(byte | 0x80 for byte in pair) for pair in pairs).decode(codec, "replace")
            text += rest.decode("ascii", "ignore")
        else:
            text += piece.decode(codec, "replace")
    return text


def unescaped(raw: bytes) -> bytes:
    """Text with code extensions as one string of UTF-8, so that a name is whole in it."""
    return _switched(raw, ["latin_1"]).encode("utf-8", "ignore")


def is_eastern(text: str) -> bool:
    """Whether `text` has letters of Chinese, Japanese or Korean, where two make a name."""
    return any(letter >= "\u2e80" for letter in text)


def spellings(text: str) -> set[str]:
    """`text`, and how it is written without its accents."""
    lower = text.lower()
    plain = "".join(c for c in unicodedata.normalize("NFKD", lower.translate(_LATIN)) if not unicodedata.combining(c))
    found = {lower, unicodedata.normalize("NFC", lower), unicodedata.normalize("NFD", lower)}
    found.add(unicodedata.normalize("NFKC", lower))
    if not is_eastern(text):
        found |= {lower.translate(_SPELT), plain}
    return {spelling for spelling in found if spelling}


@lru_cache(maxsize=1024)
def writings(text: str) -> frozenset[Written]:
    """The bytes that `text` may be written as, in every usual encoding; ASCII letters in lower case alone."""
    if text.isascii():
        letters = [letter.encode() for letter in text.lower()]
        return frozenset({Written(b"".join(letters), 1), Written(b"\0".join(letters), 2)})
    found = set()
    eastern = is_eastern(text)
    for cased in _cases(text):
        for codec in _EASTERN if eastern else _EUROPEAN:
            try:
                found.add(Written(cased.encode(codec), 0))
            except UnicodeEncodeError:
                continue
        for codec, shift in _SEVEN_BIT if eastern else ():
            try:
                content = cased.encode(codec)
            except UnicodeEncodeError:
                continue
            if min(content) > 0xA0:
                found.add(Written(shift + bytes(byte & 0x7F for byte in content), 0))
    return frozenset(found)


def _cases(text: str) -> set[str]:
    """`text` with its letters beyond ASCII in lower and in upper case: what a search that ignores case cannot do."""
    foreign = [letter for letter in text if not letter.isascii() and letter.lower() != letter.upper()]
    if len(foreign) > 3:
        return {text.lower(), text.upper(), text.title(), text}
    choices = [{letter.lower(), letter.upper()} if letter in foreign else {letter} for letter in text]
    return {"".join(letters) for letters in product(*(sorted(choice) for choice in choices))} | {text.upper()}
