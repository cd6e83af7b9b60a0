"""The words and lists that the second look knows: data/residual.json, residual_words.json and common_words.json."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def load(name: str) -> dict[str, Any]:
    """A file of data/ by its name."""
    table: dict[str, Any] = json.loads((files("tasks.deidentify") / "data" / name).read_text(encoding="utf-8"))
    return table


@cache
def facts(name: str) -> frozenset[str]:
    """A list of residual.json."""
    return frozenset(load("residual.json")[name])


@cache
def placeholders() -> frozenset[str]:
    """Words that stand where a name was, and that scanners write everywhere."""
    return frozenset(load("common_words.json")["words"])


@cache
def common() -> frozenset[str]:
    """Words that alone name nobody: placeholders, and the vocabulary of DICOM."""
    lines: list[str] = load("residual_words.json")["words"]
    return placeholders() | frozenset(word for line in lines for word in line.split())


@cache
def title() -> re.Pattern[str]:
    """A person's title at the end of a text, as it stands before a name."""
    words = "|".join(sorted(facts("titles"), key=len, reverse=True))
    return re.compile(rf"(?:(?<![^\W\d_])(?:{words})|(?i:(?<![^\W\d_])(?:{words})\.))[ \t\0]{{0,2}}$")


@cache
def months() -> dict[str, int]:
    """The months' names and their short forms, in lower case."""
    return {word: int(number) for number, words in load("residual.json")["months"].items() for word in words}
