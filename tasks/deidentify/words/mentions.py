"""Whether a text that a profile keeps as it is names the patient after all: a maker's field with a name in it."""

from __future__ import annotations

from functools import lru_cache

from tasks.deidentify.known import Known
from tasks.deidentify.words import patient
from tasks.deidentify.words.identifiers import identifiers
from tasks.deidentify.words.tokens import tokenize


@lru_cache(maxsize=16384)
def mentions(text: str, known: Known) -> bool:
    """Whether one of the known identifiers stands in `text`, in any order or form."""
    return bool(patient.find(tokenize(text), identifiers(known), misspelt=False))
