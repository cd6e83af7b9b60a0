"""Codes that say in a sentence what they mean, and pydantic's mistakes as one.

Codes that say more, and what to do, have classes of their own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import ValidationError


def first_mistake(error: ValidationError) -> str:
    """What the first of the mistakes says, without the value, which may be somebody's."""
    mistake: str = error.errors(include_url=False, include_input=False)[0]["msg"]
    return mistake.removeprefix("Value error, ")


class Sentence(StrEnum):
    """To be filled with members, as `EMPTY = ("roi-empty", "no voxel lies inside")`: `EMPTY.sentence`."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Self:
        """A member whose value is `code`."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member
