"""Counting: what was planted and is gone, and what is gone and was not planted, token by token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.deidentify import text
from tasks.deidentify.known import Known
from tasks.deidentify.words.tokens import MARK, SPACE, tokenize, words_of

# Words of an institution's or an address's name that tell nothing alone; a title that is left beside a name.
TELLS_NOTHING = words_of("of the and de la at in dr mr mrs ms md hospital hospitals clinic center medical university a")


@dataclass
class Tally:
    """Tokens by category: planted, and found of these; and how many were taken out in all, and rightly."""

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    removed: int = 0
    rightly: int = 0
    tokens: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """The share of the planted tokens that is gone."""
        return sum(self.found.values()) / max(1, sum(self.planted.values()))

    @property
    def precision(self) -> float:
        """The share of the removed tokens that was planted."""
        return self.rightly / max(1, self.removed)

    @property
    def false_removals(self) -> float:
        """The share of all other tokens that was removed."""
        return (self.removed - self.rightly) / max(1, self.tokens - sum(self.planted.values()))

    def lines(self) -> Iterable[str]:
        """The table, a line a category."""
        for category in sorted(self.planted):
            found, planted = self.found[category], self.planted[category]
            yield f"  {category:<10} {found:>6} of {planted:>6}  {found / planted:7.2%}"
        found, planted = self.found.total(), self.planted.total()
        yield f"  all        {found:>6} of {planted:>6}  {self.recall:7.2%}   precision {self.precision:.2%}"


def score(
    tally: Tally,
    content: str,
    planted: Iterable[tuple[int, int, str]],
    known: Known,
    kept: frozenset[str] = frozenset(),
) -> None:
    """Clean `content` and add the outcome to `tally`. `kept`: words that count on neither side, such as XXXX."""
    gone = bytearray(len(content))
    for span in text.find(content, known, -40):
        gone[span.start : span.end] = b"\1" * (span.end - span.start)
    category_of: dict[int, str] = {}
    for start, end, category in planted:
        category_of.update(dict.fromkeys(range(start, end), category))
    tokens = tokenize(content)
    for start, end, kind, word in zip(tokens.starts, tokens.ends, tokens.kinds, tokens.words, strict=True):
        if kind in (SPACE, MARK) or word.upper() in kept:
            continue
        tally.tokens += 1
        category = category_of.get(start)
        tally.removed += gone[start]
        if category and word.lower() not in TELLS_NOTHING:
            tally.planted[category] += 1
            tally.found[category] += gone[start]
            if not gone[start]:
                tally.missed.append(f"{category} {word!r} in {content[max(0, start - 30) : end + 20]!r}")
        if category:
            tally.rightly += gone[start]
        elif gone[start]:
            tally.wrong.append(f"{word!r} in {content[max(0, start - 30) : end + 20]!r}")
