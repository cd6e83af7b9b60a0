"""When a text counts as kept, and when as gone: MIDI-B's rule over whole texts, numbers and words.

A text is kept where it, or each of its words, is in the value; it is gone where neither it nor one of its words is
left. Words are compared without case; function words and titles don't count. Stricter than MIDI-B: words are cut at
every character that is neither letter nor digit, so a part of a phone number or of a hyphenated name counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_SILENT = """a an and are as at be by for from had has have he her him his i in is it its me my no not of on or she
so than that the their them they this to was we were will with you your de la di der du van von und al el dr mr
mrs ms md"""
SILENT = frozenset(_SILENT.split())
SHORT = 3  # a word of so many characters, or fewer, is gone unless it stands alone
LONG = 4  # a number of so many digits, or more, tells of somebody also without the rest of what it was in
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def is_kept(text: str, value: str) -> bool:
    """Whether `text` is in `value`, as a number, as it stands, or word by word."""
    if _numbers(text) is not None and _numbers(value) is not None:
        return _numbers(text) == _numbers(value)
    low, found = text.casefold().strip(), value.casefold()
    return low in found or all(word in found for word in words(text))


def is_gone(text: str, value: str, *, whole: bool = False) -> bool:
    """Whether nothing of `text` is in `value`; with `whole` only all of it counts, as for a date in words."""
    low, found = text.casefold().strip(), value.casefold()
    if not found.strip():
        return True
    numbers = _numbers(text)
    if numbers is not None and _numbers(value) is not None:
        return numbers != _numbers(value)
    if len(low) > SHORT and low in found:
        return False
    return whole or not any(_stands(word, found) for word in telling(text))


def words(text: str) -> Iterator[str]:
    """The words of `text` that count when it must stay."""
    return (word for word in _WORD.findall(text.casefold()) if word not in SILENT)


def telling(text: str) -> Iterator[str]:
    """The words of `text` that tell of somebody: names of two letters and more, numbers of four digits and more.

    Of an id such as MRN-4711123 the number tells; what stands before it says only what it is.
    """
    for chunk in text.casefold().split():
        parts = _WORD.findall(chunk)
        if _has_digit(chunk):
            long = [part for part in parts if _has_digit(part) and len(part) >= LONG]
            yield from long or ([chunk] if chunk == text.casefold() else [])
        else:
            yield from (part for part in parts if part not in SILENT and (len(part) > 1 or not part.isascii()))


def _stands(word: str, text: str) -> bool:
    if len(word) > SHORT or not word.isascii():
        return word in text
    return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", text) is not None


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _numbers(text: str) -> tuple[float, ...] | None:
    """The numbers that a value is made of, to six digits; None where it is anything else."""
    parts = [part.strip() for part in text.split("\\")]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    return tuple(float(f"{float(part):.6g}") for part in parts)
