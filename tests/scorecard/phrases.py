"""Descriptions with identifiers in them: what is written, which words of it must stay and which must go."""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from tests.scorecard import compare
from tests.scorecard.people import WHOLE, Visit, data, forms

_PIECE = re.compile(r"\[([^\]]*)\]|\{(\w+)\}|([^\[{]+)")
MOST = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "UT": 10240, "UC": 1024}


class Phrase(NamedTuple):
    """A text, the parts of it that must stay, and those that must go (with whether only the whole of it counts)."""

    text: str
    stay: tuple[str, ...]
    go: tuple[tuple[str, bool], ...]


def write(rng: random.Random, kind: str, visit: Visit, vr: str = "LO") -> Phrase:
    """A phrase of `kind` (a list of phrases.json) about `visit` that fits the VR."""
    templates = data("phrases.json")[kind]
    for template in rng.sample(templates, len(templates)):
        phrase = fill(template, visit)
        if len(phrase.text) <= MOST[vr] and not _contradicts(phrase):
            return phrase
    return fill(f"[{rng.choice(['CT', 'MRI', 'US'])}] {{mrn}}", visit)


def clean(rng: random.Random) -> str:
    """A description that names nobody."""
    text: str = rng.choice(data("phrases.json")["clean"])
    return text


def fill(template: str, visit: Visit) -> Phrase:
    """A template of phrases.json with the identifiers of `visit`."""
    values = forms(visit)
    text, stay, go = "", [], []
    for kept, name, free in _PIECE.findall(template):
        value = values[name] if name else kept or free
        text += value
        if kept:
            stay.append(kept)
        elif name:
            go.append((value, name in WHOLE))
    if "93 y/o" in text:
        go.append(("93", False))
    return Phrase(text, tuple(stay), tuple(go))


def _contradicts(phrase: Phrase) -> bool:
    """Whether a word must both stay and go: a patient called White and a "white matter lesion", Bell and cerebellum."""
    stays = " ".join(phrase.stay)
    return any(not compare.is_gone(text, stays, whole=whole) for text, whole in phrase.go)
