"""Text as tokens: words, runs of ideographs, numbers, spaces and single marks. Knows no vocabulary.

Every pattern of this package is written so that it cannot backtrack: one pass, whatever the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

# Scripts that set no spaces between words (Korean sets some, but joins particles to names).
RUN_ON = (
    r"\u0e00-\u0eff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
)
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0981-\u0983\u09bc-\u09cd"
)
_LETTER = rf"(?:[^\W\d_{RUN_ON}]|[{_MARKS}])"
RUN, WORD, NUMBER, SPACE, MARK = 1, 2, 3, 4, 5  # kinds of tokens
_TOKEN = re.compile(rf"([{RUN_ON}]+)|({_LETTER}++(?:['’]{_LETTER}++)*+)|(\d++)|(\s++)|(.)", re.DOTALL)
_UNSEEN = re.compile(r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_UMLAUTS = {ord(umlaut): pair for umlaut, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ø", "oe"), ("å", "aa"))}
_LIGATURES = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d", "’": "'"}
)


@dataclass(frozen=True, repr=False)
class Tokens:
    """The tokens of one text, as lists of one length: where each starts and ends, its kind and its characters."""

    text: str
    starts: list[int]
    ends: list[int]
    kinds: list[int]
    words: list[str]

    @cached_property
    def folded(self) -> list[str]:
        """Each token in lower case without accents."""
        if self.text.isascii():
            return [word.lower() for word in self.words]
        return [fold(word) if kind <= WORD else word for word, kind in zip(self.words, self.kinds, strict=True)]

    @cached_property
    def bare(self) -> list[str]:
        """Each token as vocabularies have it: folded, without a possessive or an article."""
        if "'" not in self.text and "’" not in self.text:
            return self.folded
        return [bare(word) for word in self.folded]


def words_of(text: str) -> frozenset[str]:
    """A list of words as it is written in the source: between spaces."""
    return frozenset(text.split())


def tuple_of(text: str) -> tuple[str, ...]:
    """As `words_of`, in order."""
    return tuple(text.split())


def visible(text: str) -> str:
    """`text` without characters that nobody sees, which may stand inside a name: soft hyphens, joiners."""
    return text if text.isascii() else _UNSEEN.sub("", text)


def tokenize(text: str) -> Tokens:
    """Cut `text` into tokens; joined again they are the text."""
    starts, kinds, words = [], [], []
    for found in _TOKEN.finditer(text):
        starts.append(found.start())
        kinds.append(found.lastindex or MARK)
        words.append(found.group())
    return Tokens(text, starts, [*starts[1:], len(text)][: len(starts)], kinds, words)


def step(tokens: Tokens, index: int, direction: int, marks: str = ",.-'’&#") -> int | None:
    """The next word or number from `index` on, over a space and one or two of `marks`; None where none is so near."""
    at, passed = index + direction, 0
    while 0 <= at < len(tokens.words) and tokens.kinds[at] in (SPACE, MARK):
        if (
            passed == 3
            or "\n" in tokens.words[at]
            or len(tokens.words[at]) > 2
            or (tokens.kinds[at] == MARK and tokens.words[at] not in marks)
        ):
            return None
        at, passed = at + direction, passed + 1
    return at if 0 <= at < len(tokens.words) else None


def is_free(tokens: Tokens, index: int) -> bool:
    """Whether a token stands by itself: no letter and no digit is written at it."""
    before = index > 0 and tokens.kinds[index - 1] in (WORD, NUMBER)
    return not before and not (index + 1 < len(tokens.words) and tokens.kinds[index + 1] in (WORD, NUMBER))


def fold(word: str) -> str:
    """`word` in lower case without accents: `Müller` and `MULLER` are one."""
    if word.isascii():
        return word.lower()
    # In a short word an accent tells a name from another language's article: Lê, le.
    return _fold(word) if len(word) > 3 else unicodedata.normalize("NFC", word.casefold())


@lru_cache(maxsize=8192)
def _fold(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return unicodedata.normalize("NFC", plain.translate(_LIGATURES))


def spellings(word: str) -> tuple[str, ...]:
    """How `word` may be folded: with German umlauts also as two letters (`muller`, `mueller`)."""
    plain = fold(word)
    lowered = unicodedata.normalize("NFC", word.casefold())
    spelt = fold(lowered.translate(_UMLAUTS))
    return tuple(dict.fromkeys((plain, spelt, _fold(word))))


def bare(folded: str) -> str:
    """A folded word without a possessive `s` or a French or Italian article: `patient's`, `l'epaule`, `dell'anca`."""
    if "'" not in folded:
        return folded
    head, _, tail = folded.replace("’", "'").rpartition("'")
    return head if len(tail) <= 2 and len(head) > 1 else tail if len(head) <= 4 else folded


def shape(word: str) -> str:
    """How a word is written: `lower`, `Title`, `UPPER` (two letters and more), or `mixed`."""
    if word.islower():
        return "lower"
    if word.isupper():
        return "UPPER" if len(word) > 1 else "Title"
    if word[:1].isupper() and word[1:].islower():
        return "Title"
    return "mixed"
