"""Invented names, places and numbers, from syllables that make no word of any language we know of.

A scan for leaks searches for these values everywhere, so each is long and unlike any word. Phone numbers are of the
ranges kept for fiction (Ofcom 01632 960xxx and 020 7946 0xxx; NANP 555-01xx).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HEAD = _words("vor zel quil thra mek rund jash brix olv wex drul fenz kyth lomb nax pirk skel tov ulm ghar")
_LINK = _words("an or ith ugo ima ax eno ush")
_TAIL = _words("zik thul morq veth drak lunq pesh grolt vund xar bym kotz")
_GIVEN_HEAD = _words("jav thim quor zalv mirv olq yeth brul dask ephr fjor glim hux")
_GIVEN_TAIL = _words("irna undok eshka oviel azuk imbra orvit uzel")
_PATIENCE = 100
_STREET = ("Lane", "Wharf", "Rise", "Crescent", "Gate")
_KANJI = "霧硝峰榛楓澪碧梓柊椿雫灘"
_KANA = "ムソネルヌヒヤケワモチロ"
_HANGUL = "벼룽매둘샘혜꽃봄늘솔결빛"
_CYRILLIC = dict(
    zip("abdefghijklmnoprstuvwxyzq", "абдефгхийклмнопрстувшжызч", strict=True),
)
_LATIN1 = str.maketrans("oeu", "öéü")
_UTF8 = str.maketrans("zeslo", "żęśłő")


@dataclass(frozen=True)
class Name:
    """A person's name in Latin letters, as PN in the person's character set, and every part of it as written."""

    family: str
    given: str
    pn: str
    native: tuple[str, ...] = ()

    @property
    def comma(self) -> str:
        """`Family, Given`, as records write it."""
        return f"{self.family}, {self.given}"

    @property
    def spoken(self) -> str:
        """`Given Family`, as reports write it."""
        return f"{self.given} {self.family}"

    @property
    def parts(self) -> tuple[str, ...]:
        """Family and given name in every script."""
        return tuple(dict.fromkeys((self.family, self.given, *self.native)))


class Inventor:
    """Invents values from one random stream and never the same twice."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._used: set[str] = set()

    def _pick(self, choices: str | tuple[str, ...]) -> str:
        return choices[int(self._rng.integers(len(choices)))]

    def _once(self, make: Callable[[], str]) -> str:
        value = make()
        for _ in range(_PATIENCE):
            if value not in self._used:
                break
            value = make()
        while value in self._used:  # a large hospital has used up the short ones
            value += make().lower()
        self._used.add(value)
        return value

    def family(self) -> str:
        """A family name, or that of a town, of at least seven letters."""
        return self._once(lambda: (self._pick(_HEAD) + self._pick(_LINK) + self._pick(_TAIL)).capitalize())

    def given(self) -> str:
        """A given name of at least seven letters."""
        return self._once(lambda: (self._pick(_GIVEN_HEAD) + self._pick(_GIVEN_TAIL)).capitalize())

    def station(self) -> str:
        """A machine's name of at most 13 letters. It ends as no family name does, for it may lawfully outlive them."""
        return self._once(lambda: (self._pick(_HEAD) + self._pick(_TAIL) + self._pick(_HEAD)).upper())

    def digits(self, count: int) -> str:
        """`count` digits, the first not zero, never given before."""
        return self._once(lambda: str(self._rng.integers(10 ** (count - 1), 10**count)))

    def name(self, charset: str = "ISO_IR 6") -> Name:
        """A name that `charset` (a defined term of SpecificCharacterSet, PS3.3 C.12.1.1.2) can write."""
        family, given = self.family(), self.given()
        if charset in ("ISO_IR 100", "ISO_IR 192", "ISO_IR 144"):
            other = (_in_script(family, charset), _in_script(given, charset))
            return Name(family, given, "^".join(other), other)
        if charset in ("ISO 2022 IR 87", "ISO 2022 IR 149"):
            script = _KANJI if charset.endswith("87") else _HANGUL
            written = (self._word(script), self._word(script))
            sounds = (self._word(_KANA), self._word(_KANA)) if charset.endswith("87") else written
            pn = f"{family}^{given}={'^'.join(written)}={'^'.join(sounds)}"
            return Name(family, given, pn, tuple(dict.fromkeys((*written, *sounds))))
        return Name(family, given, f"{family}^{given}")

    def _word(self, script: str) -> str:
        return self._once(lambda: "".join(self._pick(script) for _ in range(4)))

    def street(self) -> str:
        """A house number and a street."""
        return f"{self._rng.integers(11, 199)} {self.family()} {self._pick(_STREET)}"

    def phone(self) -> str:
        """A number of a range that no one has."""
        return self._once(self._number)

    def _number(self) -> str:
        number = int(self._rng.integers(1000))
        area = int(self._rng.integers(201, 989))
        return self._pick((f"01632 960{number:03d}", f"020 7946 0{number:03d}", f"({area}) 555-01{number % 100:02d}"))


def _in_script(word: str, charset: str) -> str:
    if charset == "ISO_IR 144":
        return "".join(_CYRILLIC.get(letter, letter) for letter in word.lower()).capitalize()
    return word.translate(_LATIN1 if charset == "ISO_IR 100" else _UTF8)
