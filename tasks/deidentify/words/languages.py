"""What a capital letter tells in the language of a text: nothing of German nouns, little at a sentence's start.

The vocabulary holds English in full and other languages only as far as imaging goes, so a capitalised word that it does
not know is a name in English text, and may be any noun in German.
"""

from __future__ import annotations

from dataclasses import dataclass

from tasks.deidentify.words import vocabulary
from tasks.deidentify.words.tokens import MARK, NUMBER, SPACE, WORD, Tokens, tuple_of, words_of

_GERMAN = words_of(
    """der die das und mit ohne keine kein keinen nicht ist sind wird wurde zeigt im bei vom zur zum des dem den
    sich auf nach von eine einer eines als auch sowie beidseits"""
)
# Before these words a noun names a place or a person as often as a thing.
_BEFORE_NAMES = words_of("""von bei durch an fur in aus nach herr herrn frau dr prof med pat patient patientin und""")
_NOUNS = tuple_of(
    """ung ungen heit heiten keit keiten schaft schaften tion tionen tat itat itaten ismus nis nisse tum ie ien ik
    iken or oren itis ose osen om ome anz enz enzen ur uren"""
)
_FEW = 12  # words from which the language of a text can be told


@dataclass(frozen=True)
class Language:
    """How capitals are to be read."""

    german: bool = False
    foreign: bool = False  # neither English nor known well

    def is_noun(self, tokens: Tokens, index: int) -> bool:
        """Whether a capitalised word that no list knows may well be a thing."""
        if is_heading(tokens, index):
            return True
        if self.german:
            return _is_german_noun(tokens, index)
        return self.foreign and starts_sentence(tokens, index)


def language_of(tokens: Tokens) -> Language:
    """Told from small words, and from how many of the words in lower case are known."""
    small = [
        bare
        for bare, kind, word in zip(tokens.bare, tokens.kinds, tokens.words, strict=True)
        if kind == WORD and word.islower() and len(word) > 1
    ]
    german = sum(word in _GERMAN for word in small)
    if german > 1 and 5 * german >= len(small):
        return Language(german=True)
    unknown = sum(not vocabulary.is_known(word) for word in small[:400])
    return Language(foreign=len(small) >= _FEW and 4 * unknown > len(small[:400]))


def is_heading(tokens: Tokens, index: int) -> bool:
    """A word alone before a colon, at the start of a line or a sentence: `Fragestellung:`."""
    after = index + 1
    while after < len(tokens.words) and tokens.kinds[after] == SPACE and "\n" not in tokens.words[after]:
        after += 1
    return after < len(tokens.words) and tokens.words[after] == ":" and starts_sentence(tokens, index)


def starts_sentence(tokens: Tokens, index: int) -> bool:
    """Whether a sentence or a line starts here, so that a capital tells nothing."""
    at = index - 1
    while at >= 0 and tokens.kinds[at] not in (WORD, NUMBER):
        if tokens.words[at] in ".:!?•*-" or "\n" in tokens.words[at]:
            return True
        at -= 1
    return at < 0


def _leads_on(tokens: Tokens, index: int) -> bool:
    """Whether the next word is a known noun or in lower case, as behind an adjective."""
    after = index + 2
    return (
        after < len(tokens.words)
        and tokens.kinds[after] == WORD
        and (tokens.words[after].islower() or vocabulary.is_known(tokens.bare[after]))
    )


def _is_german_noun(tokens: Tokens, index: int) -> bool:
    folded = tokens.bare[index]
    if len(folded) > 11 or (len(folded) > 6 and folded.endswith(_NOUNS)):
        return True
    if starts_sentence(tokens, index) and folded.endswith(("e", "er", "es", "en")) and _leads_on(tokens, index):
        return True
    before = index - 1
    while before >= 0 and tokens.kinds[before] == SPACE:
        before -= 1
    if before < 0 or tokens.kinds[before] == MARK:
        return False
    return tokens.kinds[before] == NUMBER or (
        tokens.words[before].islower() and tokens.folded[before] not in _BEFORE_NAMES
    )
