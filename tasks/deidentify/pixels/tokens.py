"""Which text may stay readable in a picture: sides, orientations, numbers with units, words of consoles; see
data/pixel_tokens.json.

Everything else is masked. Whatever the patient is known by is masked, even if it is such a word.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from tasks.deidentify.known import Known
from tasks.deidentify.pixels.ocr import Reading
from tasks.deidentify.rules import tables

_MOST_DIGITS = 4  # in a text of numbers only; more could be an id
_MOST_DIGITS_LABELLED = 8
SURE = 0.75  # a reading below this may be of another text
_DATE = re.compile(r"\d{1,4}[-/.,]\d{1,2}[-/.,]\d{1,4}|\d{1,2}[:.]\d{2}[:.]\d{2}|\d{1,2}:\d{2}|\b(19|20)\d\d\b|\d{5,}")
_NUMBER = re.compile(r"[-+]?\d{1,4}([.,]\d{1,3})?")
_MEASURE = re.compile(r"[-+]?\d{1,4}(?:[.,]\d{1,3})?(\D+)")
_LABELLED = re.compile(r"([A-Z]+)[:=]?[-+]?\d{1,4}(?:[.,]\d{1,3})?([A-Z%°/]*)")
_COUNT = re.compile(r"\d{1,4}([/X*]\d{1,4}){1,2}")
_APART = re.compile(r"[\s:;,|=()\[\]<>{}]+")
_EDGES = "-_.'\"`*#+~^!?/\\"
_SHORTEST_PART = 2
_FRAGMENT = 4  # characters of an id that tell it


def may_stay(reading: Reading, known: Known) -> bool:
    """Whether a text tells nothing of who was examined."""
    text = _plain(reading.text)
    if sum(character.isalnum() for character in text) <= 1:
        return True
    if _names(text, known):
        return False
    digits = sum(character.isdigit() for character in text)
    if text.replace(" ", "").isdigit():
        return digits <= _MOST_DIGITS and not _DATE.search(text)
    if reading.score < SURE or digits > _MOST_DIGITS_LABELLED or _DATE.search(text):
        return False
    words = [word.strip(_EDGES) if len(word) > 1 else word for word in _APART.split(text)]
    return all(_allowed(word) for word in words if word)


def _allowed(word: str) -> bool:
    if len(word) == 1 or word in _words() or _NUMBER.fullmatch(word) or _COUNT.fullmatch(word):
        return True
    measure = _MEASURE.fullmatch(word)
    if measure and measure[1] in _units():
        return True
    labelled = _LABELLED.fullmatch(word)
    return bool(labelled and labelled[1] in _labels() and (not labelled[2] or labelled[2] in _units()))


def _names(text: str, known: Known) -> bool:
    """Whether one of the patient's own identifiers is in the text, whatever stands between its letters."""
    parts, wholes = _identifiers(known)
    squeezed = "".join(character for character in text if character.isalnum())
    if any(word in parts for word in re.findall(r"\w+", text)) or any(whole in squeezed for whole in wholes):
        return True
    return len(squeezed) >= _FRAGMENT and any(squeezed in whole for whole in wholes)


@lru_cache(maxsize=64)
def _identifiers(known: Known) -> tuple[frozenset[str], tuple[str, ...]]:
    """Words that names consist of; and everything without what stands between, where it is long enough to be found."""
    parts: set[str] = set()
    wholes: set[str] = set()
    for value in (*known.patient, *known.others, *known.ids, *known.places, *known.dates):
        words = re.findall(r"[^\W_]+", _plain(value))
        parts.update(word for word in words if len(word) >= _SHORTEST_PART)
        wholes.add("".join(words))
        wholes.update(word for word in words)
    return frozenset(parts), tuple(sorted(whole for whole in wholes if len(whole) > 3))


def _plain(text: str) -> str:
    """In capitals, without accents and full-width forms."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(character for character in apart if not unicodedata.combining(character)).upper().strip()


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    table = tables.load("pixel_tokens.json")
    return frozenset(word for name in ("units", "labels", "sides", "positions", "console") for word in table[name])


@lru_cache(maxsize=1)
def _units() -> frozenset[str]:
    return frozenset(tables.load("pixel_tokens.json")["units"])


@lru_cache(maxsize=1)
def _labels() -> frozenset[str]:
    return frozenset(tables.load("pixel_tokens.json")["labels"])
