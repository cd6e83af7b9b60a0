"""The patient's own identifiers in a text: names in every form and order, ids with and without separators, places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.identifiers import JOINED, OWN, Identifiers, Person
from tasks.deidentify.words.lexicon import PARTICLES, SUFFIXES
from tasks.deidentify.words.spans import HOSPITAL, ID, NAME, PATIENT, Span
from tasks.deidentify.words.tokens import MARK, RUN, SPACE, WORD, Tokens, fold, is_free, step

# Single letters with one character between them, each time.
_SPELT = re.compile(r"(?<![^\W_])[^\W\d_](?:[\s.,_^*\-][^\W\d_](?![^\W_])){3,}+")
_MIXED = re.compile(r"(?<![^\W_])[^\W\d_]++\d[^\W_]*+")
_LOOKS_LIKE = str.maketrans("01345", "oieas")
_JOINTS = ".,^_-'’=&"


def find(tokens: Tokens, wanted: Identifiers, misspelt: bool = True) -> list[Span]:
    """Every stretch that names the patient or somebody else who is known; `misspelt` is for prose: near misses too."""
    if wanted.empty:
        return []
    spans = list(_people(tokens, wanted, misspelt))
    for person, category in ((wanted.patient, PATIENT), (wanted.others, NAME)):
        for run in person.runs:
            spans.extend(_everywhere(tokens.text, run, category))
    spans.extend(_spelt(tokens, wanted))
    spans.extend(_disguised(tokens.text, wanted))
    if wanted.ids:
        spans.extend(Span(found.start(), found.end(), ID) for found in wanted.ids.finditer(tokens.text))
    if wanted.pairs or wanted.places:
        spans.extend(_places(tokens, wanted))
    return spans


def _people(tokens: Tokens, wanted: Identifiers, misspelt: bool) -> Iterator[Span]:
    marked: dict[int, str] = {}
    maybe: dict[int, str] = {}  # parts too short, or too much of a word, to be a name on their own
    for index, folded in enumerate(tokens.bare):
        if tokens.kinds[index] != WORD:
            continue
        whose = wanted.parts.get(folded, 0) or ("'" in folded and wanted.parts.get(folded.replace("'", ""), 0))
        if whose:
            category = PATIENT if whose & OWN else NAME
            alone = whose & JOINED or _stands_alone(folded, tokens.words[index], category == PATIENT, misspelt)
            (marked if alone else maybe)[index] = category
        elif wanted.long_parts and len(folded) > 3 and _resembles(folded, wanted.long_parts, misspelt):
            marked[index] = PATIENT
    for index, category in maybe.items():
        if any(near in marked or near in maybe for near in _neighbours(tokens, index)):
            marked.setdefault(index, category)
    pending = sorted(marked)
    while pending:
        index = pending.pop()
        person = wanted.patient if marked[index] == PATIENT else wanted.others
        for near in _neighbours(tokens, index):
            if near not in marked and _belongs(tokens, near, index, person):
                marked[near] = marked[index]
                pending.append(near)
    yield from _together(tokens, marked)


def _spelt(tokens: Tokens, wanted: Identifiers) -> Iterator[Span]:
    """Names of four letters and more that are spelt: `J o n e s`, `S-M-I-T-H`."""
    for found in _SPELT.finditer(tokens.text):
        letters = fold(found[0][::2])
        for part, whose in wanted.parts.items():
            at = letters.find(part) if len(part) > 3 else -1
            if at >= 0:
                start = found.start() + 2 * at
                yield Span(start, start + 2 * len(part) - 1, PATIENT if whose & OWN else NAME)


def _disguised(text: str, wanted: Identifiers) -> Iterator[Span]:
    """Names of five letters and more with digits for letters: `W1ecz0rek`."""
    for found in _MIXED.finditer(text):
        whose = wanted.parts.get(fold(found[0]).translate(_LOOKS_LIKE), 0) if len(found[0]) > 4 else 0
        if whose:
            yield Span(found.start(), found.end(), PATIENT if whose & OWN else NAME)


def _stands_alone(folded: str, word: str, own: bool, prose: bool) -> bool:
    flags = vocabulary.flags_of(folded)
    if len(folded) <= 2:
        return word[0].isupper() and (word[1:].islower() or not flags & vocabulary.KNOWN)
    if not own:  # in a description a physician called Wainwright or Page is meant; in prose a page may be
        return not flags & (vocabulary.KNOWN if prose else vocabulary.KNOWN & ~vocabulary.ORDINARY)
    return not (len(folded) == 3 and flags & vocabulary.TECHNICAL) or (word[0].isupper() and word[1:].islower())


def _neighbours(tokens: Tokens, index: int) -> Iterator[int]:
    """The words before and after, where nothing but a joint or two stands between."""
    for direction in (-1, 1):
        near = step(tokens, index, direction, _JOINTS)
        if near is not None and tokens.kinds[near] == WORD:
            first = min(index, near)
            ends = "." in tokens.text[tokens.ends[first] : tokens.starts[max(index, near)]]
            # A full stop is an initial's or a title's, or it ends the sentence.
            if not ends or len(tokens.words[first]) <= 2 or tokens.folded[first] in SUFFIXES:
                yield near


def _belongs(tokens: Tokens, near: int, index: int, person: Person) -> bool:
    """Whether the word beside a name is its initial, its particle or its title."""
    folded = tokens.folded[near]
    if len(folded) == 1:
        if not is_free(tokens, near):
            return False
        dotted = near + 1 < len(tokens.words) and tokens.words[near + 1] == "."
        return folded in person.initials and (dotted or near < index or folded not in "lr")
    return (folded in PARTICLES and near < index and tokens.ends[near] + 1 >= tokens.starts[index]) or (
        folded in SUFFIXES and not vocabulary.flags_of(folded) & vocabulary.TECHNICAL
    )


def _resembles(folded: str, parts: tuple[str, ...], misspelt: bool) -> bool:
    return not vocabulary.is_known(folded) and _near(folded, parts, misspelt)


@lru_cache(maxsize=65536)
def _near(folded: str, parts: tuple[str, ...], misspelt: bool) -> bool:
    for part in parts:
        if folded.startswith(part) or folded.endswith(part):
            return True
        # Languages with case endings: Иванов, Иванову.
        if not part.isascii() and len(folded) - len(part) <= 3 and folded.startswith(part[:-1]):
            return True
        if misspelt and abs(len(folded) - len(part)) <= 2 and _misspelt(folded, part):
            return True
    return False


def _misspelt(folded: str, part: str) -> bool:
    from rapidfuzz.distance import OSA

    allowed = 1 if len(part) < 8 else 2
    # A short word has many neighbours that are other names: its first letter has to be right.
    return (folded[0] == part[0] or len(part) >= 8) and OSA.distance(folded, part, score_cutoff=allowed) <= allowed


def _together(tokens: Tokens, marked: dict[int, str]) -> Iterator[Span]:
    """Neighbouring words of one name as one stretch."""
    done: set[int] = set()
    for index in sorted(marked):
        if index in done:
            continue
        last, category = index, marked[index]
        while True:
            following = [near for near in _neighbours(tokens, last) if near > last and marked.get(near) == category]
            if not following:
                break
            last = following[0]
            done.add(last)
        yield Span(tokens.starts[index], tokens.ends[last], category)


def _everywhere(text: str, needle: str, category: str) -> Iterator[Span]:
    at = text.find(needle)
    while at >= 0:
        yield Span(at, at + len(needle), category)
        at = text.find(needle, at + len(needle))


def _places(tokens: Tokens, wanted: Identifiers) -> Iterator[Span]:
    last = -1
    for index, kind in enumerate(tokens.kinds):
        if kind in (SPACE, MARK):
            continue
        folded = tokens.folded[index]
        if folded in wanted.places and kind in (WORD, RUN):
            yield Span(tokens.starts[index], tokens.ends[index], HOSPITAL)
        if (
            last >= 0
            and (tokens.folded[last], folded) in wanted.pairs
            and tokens.starts[index] - tokens.ends[last] <= 3
        ):
            yield Span(tokens.starts[last], tokens.ends[index], HOSPITAL)
        last = index
