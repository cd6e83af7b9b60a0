"""What stands in a text instead of an identifier: the same for the same value in every text of a patient.

Never a value that could be somebody's: fixed words in brackets, with a keyed token where two must be told apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.core.pseudonyms import Pseudonymiser
from tasks.deidentify.words import spans
from tasks.deidentify.words.lexicon import SUFFIXES
from tasks.deidentify.words.tokens import fold

_LETTERS = 6  # of a token: 30 bits tell the people of one patient's reports apart
_WORDS = {
    spans.PATIENT: "PATIENT",
    spans.NAME: "NAME",
    spans.DATE: "DATE",
    spans.AGE: "AGE",
    spans.ID: "ID",
    spans.PHONE: "PHONE",
    spans.EMAIL: "EMAIL",
    spans.URL: "URL",
    spans.PLACE: "PLACE",
    spans.HOSPITAL: "SITE",  # no word that a hospital's own name has
}
_TOLD_APART = frozenset({spans.NAME, spans.ID, spans.HOSPITAL})
_ALNUM = re.compile(r"[^\W_]+")
# Surrogates, and what other tools leave: a text that was cleaned once stays as it is.
DONE = re.compile(r"\[(?:" + "|".join(_WORDS.values()) + r")(?:-[a-z2-7]{6})?\]")


@dataclass(frozen=True, repr=False)
class Surrogates:
    """Makes them: keyed by the workspace and by `patient`, so that two patients' reports cannot be linked by a name."""

    pseudonymiser: Pseudonymiser
    patient: str
    shift: int

    def write(self, category: str, found: str) -> str:
        """What to write for `found`."""
        word = _WORDS[category]
        if category not in _TOLD_APART:
            return f"[{word}]"
        return f"[{word}-{self._token(category, found)}]"

    def _token(self, category: str, found: str) -> str:
        parts = _ALNUM.findall(fold(found))
        if category == spans.NAME:
            # `James Wilson`, `Wilson, James` and `Dr. Wilson` are one: the family name stands for them.
            whole = [part for part in parts if len(part) > 1 and part not in SUFFIXES] or parts
            parts = whole[:1] if "," in found else whole[-1:]
        value = "".join(parts).lstrip("0") if category == spans.ID else " ".join(parts)
        return self.pseudonymiser.token(f"text:{category}:{self.patient}", value, "")[:_LETTERS]
