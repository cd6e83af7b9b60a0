"""What stands beside a find: the letters around it, and whether it is a word, a name or a number of its own there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.deidentify.residual.needles import Hit
from tasks.deidentify.residual.view import Reader
from tasks.deidentify.residual.vocabulary import placeholders, title
from tasks.deidentify.residual.wanted import Rule, Wanted

_AROUND = 96
_GAP = " ^,._=-\t"
_VRS = b"AE|AS|CS|DA|DS|DT|IS|LO|LT|PN|SH|ST|TM|UI|U[CNRT]\0\0..|O[BDFLVW]\0\0.."
_HEADER_BEFORE = re.compile(b"(?s)(?:" + _VRS + b")..$")
_HEADER_AFTER = re.compile(rb"(?s).[\0\x20-\x7f].[\0-\x9f](?:[A-Z]{2}|..\0\0)|.\0")
_HEADER_AFTER_PAIRS = re.compile(rb"(?s)\0?.[\0\x20-\x7f].[\0-\x9f][A-Z]{2}")
_NAME = re.compile(rb"(?s)PN..[^\x00-\x1f]*$")
_DIGITS_BEFORE = re.compile(r"(\d+)\.?$")
_MARKED = 5  # letters from which on digits, a capital letter or a genitive's s may stand beside a name
_LONG_NUMBER = 7  # digits from which on letters may stand before a number


@dataclass(frozen=True, slots=True, repr=False)
class Context:
    """A find with its surroundings as letters: one for each byte, or for every other one in UTF-16.

    `start` and `raw` are where it stands and its bytes, with the name's other parts that stand beside it; `in_name` is
    whether the element may be a person's name.
    """

    left: str
    found: str
    right: str
    start: int
    raw: bytes
    in_name: bool

    @property
    def in_a_row(self) -> int:
        """How many printable letters stand in a row here, the find among them."""
        before = next((at for at, letter in enumerate(reversed(self.left)) if not _prints(letter)), len(self.left))
        after = next((at for at, letter in enumerate(self.right) if not _prints(letter)), len(self.right))
        return before + len(self.found) + after


def context_of(reader: Reader, hit: Hit, limits: tuple[int, int] | None = None) -> Context:
    """The surroundings of a find, within `limits` where it is known what it belongs to."""
    low, high = limits or (0, reader.size)
    first = max(low, hit.start - _AROUND)
    data = reader.read(first, min(high, hit.end + _AROUND) - first)
    start, end = hit.start - first, hit.end - first
    if hit.needle.wanted.rule is Rule.PHONE:
        start = _start_of_digits(data, end, len(hit.needle.wanted.text))
    place, in_name = first + start, _NAME.search(data[:start]) is not None
    step = 2 if hit.needle.width == 2 else 1
    if limits is None:
        data, start, end = _within_value(data, start, end, step)
    left = _every_other(data[:start][::-1])[::-1] if step == 2 else data[:start].decode("latin-1")
    right = _every_other(data[end:]) if step == 2 else data[end:].decode("latin-1")
    found = data[start:end:step].decode("latin-1")
    before = _beside(left[::-1], {part[::-1] for part in hit.needle.wanted.beside}) * step
    after = _beside(right, hit.needle.wanted.beside) * step
    return Context(left, found, right, place - before, data[start - before : end + after], in_name)


def _within_value(data: bytes, start: int, end: int, step: int) -> tuple[bytes, int, int]:
    """The same without the headers of elements: a length or a tag beside a value may look like a letter."""
    before = _HEADER_BEFORE.search(data[:start])
    if before is None and step == 2:  # UTF-16 in big endian begins with a letter's zero byte
        before = _HEADER_BEFORE.search(data[: start - 1])
    after = _HEADER_AFTER.match(data, end) if step == 1 else _HEADER_AFTER_PAIRS.match(data, end)
    first, last = (before.end() if before else 0), (end if after else len(data))
    return data[first:last], start - first, end - first


def _start_of_digits(data: bytes, end: int, digits: int) -> int:
    at = end
    while digits and at:
        at -= 1
        digits -= data[at : at + 1].isdigit()
    return at


def _every_other(data: bytes) -> str:
    """The letters of UTF-16 that follow a letter's byte: its other byte, and then pairs."""
    zeros = data[::2]
    length = next((at for at, byte in enumerate(zeros) if byte), len(zeros))
    return data[1::2][:length].decode("latin-1")


def _beside(text: str, parts: frozenset[str] | set[str]) -> int:
    """How many letters of `text` it takes to get past a gap and another part of the name; 0 where none follows."""
    lower = text.lower()
    bare = lower[:3].lstrip(_GAP) + lower[3:]
    gap = len(lower) - len(bare)
    return max((gap + len(part) for part in parts if len(part) > 1 and bare.startswith(part)), default=0)


def stands_alone(wanted: Wanted, context: Context, width: int) -> bool:
    """Whether the find is a word, a name or a number of its own here."""
    left, found, right = context.left, context.found, context.right
    if wanted.rule in (Rule.NAME, Rule.COMMON):
        return _is_name_before(wanted, left, found) and _is_name_after(wanted, right, found)
    if wanted.rule is Rule.DIGITS:
        return _is_number(left, found, right)
    if wanted.rule is Rule.PHONE:
        return _is_phone(wanted, left, right)
    if width == 0 and not wanted.text[:1].isascii():
        return True
    return not _is_alnum(left[-1:]) and not _is_alnum(right[:1])


def is_called_by_name(wanted: Wanted, context: Context) -> bool:
    """Whether a title or another part of the name stands beside a word that is also an everyday one."""
    parts = wanted.beside - placeholders()
    named = _beside(context.left[::-1], {part[::-1] for part in parts}) or _beside(context.right, parts)
    return bool(named) or title().search(context.left[-16:]) is not None


def _is_name_before(wanted: Wanted, left: str, found: str) -> bool:
    last = left[-1:]
    if not _is_alnum(last):
        return True
    if last.isdigit() or (last.islower() and found[:1].isupper() and found[1:].islower()):
        return len(found) >= _MARKED
    return any(left.lower().endswith(part) for part in wanted.beside if len(part) > 1)


def _is_name_after(wanted: Wanted, right: str, found: str) -> bool:
    first = right[:1]
    if not _is_alnum(first):
        return True
    if first.isdigit() or (first.isupper() and found[1:].islower()):
        return len(found) >= _MARKED
    if first in "sS" and not _is_alnum(right[1:2]):
        return len(found) >= _MARKED
    return any(right.lower().startswith(part) for part in wanted.beside if len(part) > 1)


def _is_number(left: str, found: str, right: str) -> bool:
    """Whether digits are a number by themselves: no part of a longer or of a decimal one."""
    left = left.rstrip("0") if not left.rstrip("0")[-1:].isdigit() else left
    if re.search(r"\d\.$", left) or re.match(r"\.\d", right) or _is_alnum(right[:1]):
        return False
    return not _is_alnum(left[-1:]) or (left[-1:].isalpha() and len(found) >= _LONG_NUMBER)


def _is_phone(wanted: Wanted, left: str, right: str) -> bool:
    """Whether digits are the end of a telephone number: what stands right before them can only be its beginning."""
    before, area = _DIGITS_BEFORE.search(left), "".join(wanted.beside)
    digits = before[1] if before else ""
    if re.match(r"\.?\d", right):
        return False
    return not digits or (bool(area) and (area.endswith(digits) or digits.endswith(area)))


def _is_alnum(letter: str) -> bool:
    return letter.isascii() and letter.isalnum()


def _prints(letter: str) -> bool:
    return " " <= letter <= "~" or letter in "\t\r\n"
