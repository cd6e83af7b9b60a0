"""Where people live and are treated: addresses, hospitals, rooms, postal codes, cities with their state."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tasks.deidentify.words import addresses, hospitals, lexicon, vocabulary
from tasks.deidentify.words.person import may_name
from tasks.deidentify.words.spans import PLACE, Span
from tasks.deidentify.words.tokens import NUMBER, WORD, Tokens, step

_BOX = re.compile(r"(?<![^\W_])(?:p\.?\s?o\.?\s?box|postfach|apartado|casella postale)\s?#?\d{1,8}", re.IGNORECASE)
_POSTCODES = re.compile(
    r"(?<![^\W_])(?:(?!(?:T|C|L|S|TE|TR|TI)\d\d?\s)[A-Z]{1,2}\d{1,2}[A-Z]?\s\d(?!MM|CM|ML|MG|KG|CC|HZ|CT|MR|ST|ND|RD|TH|PM|AM|FR|XL)[A-Z]{2}|[A-Z]\d[A-Z]\s\d[A-Z]\d|[A-Z]-\d{4,5})(?![^\W_])"
)
_ROOM = re.compile(
    rf"(?<![^\W_])(?P<cue>{'|'.join(sorted(lexicon.ROOMS))})(?:\s?(?:no\.?|number))?[\s:#\-]{{1,3}}(?P<number>[A-Z]{{0,4}}\d{{1,5}}[A-Z]?(?:-\d{{1,3}})?)(?![^\W_]|[.,/]\d|\s?(?:mg|ml|units?|cm|mm))",
    re.IGNORECASE,
)


def find(tokens: Tokens, shouted: bool = False) -> list[Span]:
    """Every place but those of `cities`. `shouted`: the text is in capitals, so that they tell nothing."""
    text = tokens.text
    spans: list[Span] = []
    if NUMBER in tokens.kinds:
        spans.extend(Span(found.start(), found.end(), PLACE) for found in _BOX.finditer(text))
        spans.extend(addresses.find(tokens))
        spans.extend(Span(found.start(), found.end(), PLACE) for found in _POSTCODES.finditer(text))
        for found in _ROOM.finditer(text):
            if len(found["number"]) >= 3 or (found["cue"][0].isupper() and len(found["number"]) > 1):
                spans.append(Span(found.start("number"), found.end("number"), PLACE))
    spans.extend(hospitals.find(tokens, shouted))
    return spans


def cities(tokens: Tokens) -> Iterator[Span]:
    """A word that no list knows before a state: `Nantucket, MA`. After people: `Kelly, MD` looks the same."""
    for index, kind in enumerate(tokens.kinds):
        if (
            kind == WORD
            and len(tokens.words[index]) == 2
            and tokens.words[index].isupper()
            and tokens.folded[index] in lexicon.STATES
        ):
            before = step(tokens, index, -1, ",")
            if before is not None and may_name(tokens, before) and not vocabulary.is_known(tokens.bare[before]):
                further = step(tokens, before, -1, ".")
                if further is not None and tokens.kinds[further] == WORD and may_name(tokens, further):
                    before = further
                yield Span(tokens.starts[before], tokens.ends[index], PLACE)
