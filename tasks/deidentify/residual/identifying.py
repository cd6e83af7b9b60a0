"""What in a source tells who the patient is: one element's value becomes tokens, or nothing.

Asks neither the rule tables nor the profile: names, dates and UIDs are known by their VR, in private elements too, and
numbers, addresses and places by the lists of data/residual.json. What is searched for on their account is wanted.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any, NamedTuple

from pydicom.uid import UID

from tasks.deidentify.residual.elements import CHARSET, keyword_of, known_vr
from tasks.deidentify.residual.vocabulary import facts

TEXT = frozenset((b"LO", b"SH", b"ST", b"LT", b"UT", b"UC", b"AE", b"UR", b"UN"))
WANTED_VRS = TEXT | {b"PN", b"UI", b"DA", b"DT"}
PRIVATE_INFORMATION = 0x00020102
_PREFIX, _RANDOM = 12, b"2.25."  # what follows these in a UID is compared where they are found (PS3.5 B.2)
_LONGEST = 256  # a longer value of an unknown VR is no name, number or date
_UID = re.compile(rb"[0-2](?:\.\d+){3,}")
_MAIL = re.compile(rb"[\w.+-]{2,64}@[\w-]+(?:\.[\w-]+)+")
_YEAR = re.compile(rb"(?:19|20)\d\d")
_WRITTEN_DAY = re.compile(
    rb"(?<![\d.])(?:(?P<y>(?:19|20)\d\d)(?P<s>[-./]?)(?P<m>\d\d)(?P=s)(?P<d>\d\d)|"
    rb"(?P<a>\d{1,2})(?P<t>[-./])(?P<b>\d{1,2})(?P=t)(?P<z>(?:19|20)\d\d))(?![\d.]?\d)"
)
_PRINTABLE = re.compile(rb"[\x20-\x7e]{6,}")
_DIGITS = re.compile(rb"\D")


class Token(NamedTuple):
    """A value that tells, as the file has it. `charset` is its item's own, None where the file's holds."""

    kind: str
    keyword: str
    raw: bytes
    charset: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Collected:
    """What was found: tokens, whole UIDs, and values of codes (a step's id may be one)."""

    tokens: frozenset[Token] = frozenset()
    uids: frozenset[bytes] = frozenset()
    codes: frozenset[bytes] = frozenset()


NOTHING = Collected()


def together(found: list[Collected]) -> Collected:
    """All of `found` as one."""
    telling = [one for one in found if one is not NOTHING]
    if len(telling) < 2:
        return telling[0] if telling else NOTHING
    return Collected(
        frozenset().union(*[one.tokens for one in telling]),
        frozenset().union(*[one.uids for one in telling]),
        frozenset().union(*[one.codes for one in telling]),
    )


@cache
def _kind(keyword: str) -> str:
    """The kind of token that an attribute's text is; "" where it tells nothing by itself."""
    for kind, name in (("number", "numbers"), ("phone", "phones"), ("address", "addresses"), ("make", "makes")):
        if keyword in facts(name):
            return kind
    if keyword in facts("places") or keyword.endswith("AETitle"):
        return "place"
    return ""


@cache
def tells(tag: int, written: bytes) -> bytes:
    """The VR to judge an element by, b"" where its value is not looked at; PS3.6 goes before what is written."""
    known = known_vr(tag)
    if known == b"UN" or tag == PRIVATE_INFORMATION:
        known = written or known
    vr = known if known in WANTED_VRS else written
    return vr if vr in WANTED_VRS or tag in (CHARSET, PRIVATE_INFORMATION) else b""


def identifying(
    tag: int, vr: bytes, value: bytes, charset: bytes | None, parent: str, retained: frozenset[str]
) -> Collected:
    """What the value of one element tells, `vr` being what `tells` said.

    `parent` is the keyword of its sequence, `retained` the keywords that are kept on purpose.
    """
    if not (value := value.strip(b" \0")):
        return NOTHING
    keyword = keyword_of(tag)
    if keyword in retained or parent in retained:
        return _of(Token("retained", keyword, value, charset))
    if tag == CHARSET:
        return NOTHING if charset is not None else _of(Token("charset", keyword, value))
    if tag == PRIVATE_INFORMATION:
        return _of(*(Token("place", keyword, run) for run in printable(value)))
    if vr == b"PN":
        return _of(Token("name", keyword or "private", value, charset))
    if vr == b"UI":
        return NOTHING if keyword in facts("classes") else _uids(value)
    if vr in (b"DA", b"DT"):
        return _of(*_days(value)) if keyword not in facts("undated") else NOTHING
    return _text(keyword, vr, value, charset, parent)


def _of(*tokens: Token) -> Collected:
    return Collected(frozenset(tokens)) if tokens else NOTHING


def printable(content: bytes) -> list[bytes]:
    """The stretches of text in bytes that should have none."""
    return [run.strip() for run in _PRINTABLE.findall(content)]


def _text(keyword: str, vr: bytes, value: bytes, charset: bytes | None, parent: str) -> Collected:
    if keyword in ("CodeValue", "LongCodeValue") and "PersonIdentification" not in parent:
        return Collected(codes=frozenset({value}))
    tokens = set()
    kind = _kind(keyword)
    if "PersonIdentificationCode" in parent:
        kind = {"CodeValue": "number", "LongCodeValue": "number", "CodeMeaning": "name"}.get(keyword, kind)
    elif parent == "InstitutionCodeSequence" and keyword == "CodeMeaning":
        kind, keyword = "place", "InstitutionName"
    if kind:
        tokens.add(Token(kind, keyword, value, charset))
    if b"@" in value and kind != "make":
        tokens |= {Token("mail", keyword or "private", found) for found in _MAIL.findall(value)}
    unknown = vr == b"UN"
    if keyword in facts("undated") or (unknown and len(value) > _LONGEST):
        return _of(*tokens)
    if _YEAR.search(value):
        tokens |= _written_days(value) if not unknown else _days(value) if len(value) in (8, 10) else set()
    uids = _uids(value) if (unknown or not keyword) and value.count(b".") > 4 and _UID.fullmatch(value) else NOTHING
    return together([_of(*tokens), uids])


@lru_cache(maxsize=4096)
def _uids(value: bytes) -> Collected:
    own = frozenset(uid for part in value.split(b"\\") if is_own_uid(uid := part.strip(b" \0")))
    return Collected(frozenset(Token("uid", "uid", _prefix(uid)) for uid in own), own) if own else NOTHING


def _prefix(uid: bytes) -> bytes:
    """What is searched for on account of a UID: the same for all of a series, so that they share one search."""
    return _RANDOM if uid.startswith(_RANDOM) else uid[:_PREFIX]


def is_own_uid(uid: bytes) -> bool:
    """Whether `uid` is one of this patient's objects or devices, and not registered for all."""
    if uid.count(b".") < 3 or not _UID.fullmatch(uid):
        return False
    text = uid.decode("ascii")
    return not text.startswith(tuple(facts("oids"))) and not UID(text).type


def _days(value: bytes) -> frozenset[Token]:
    """The days of a DA or DT, its values and ranges."""
    found = set()
    for part in value.split(b"\\"):
        for end in (part, *part.split(b"-")[1:2]):
            if is_day(digits := _DIGITS.sub(b"", end.strip()[:10])[:8]):
                found.add(Token("day", "date", digits))
    return frozenset(found)


def _written_days(text: bytes) -> set[Token]:
    """Whole dates within text, in the usual ways to write them in digits."""
    found = set()
    for match in _WRITTEN_DAY.finditer(text):
        if match["y"]:
            days = [match["y"] + match["m"] + match["d"]]
        else:
            first, second = match["a"].zfill(2), match["b"].zfill(2)
            days = [match["z"] + second + first, match["z"] + first + second]
        found |= {Token("day", "date", day) for day in days if is_day(day)}
    return found


@cache
def is_day(digits: bytes) -> bool:
    """Whether eight digits are a day between 1850 and 2100."""
    if len(digits) != 8 or not digits.isdigit():
        return False
    try:
        return 1850 <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).year <= 2100
    except ValueError:
        return False


def unique(tokens: frozenset[Token], kind: str) -> list[Token]:
    """The tokens of one kind, in an order of their own."""
    return sorted((token for token in tokens if token.kind == kind), key=_order)


def _order(token: Token) -> Any:
    return token[:3], token.charset or b""
