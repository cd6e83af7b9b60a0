"""The options of E.1-1 that a profile may have, with their codes of CID 7050, and the two presets.

What belongs here: names, codes, and which options go together. What an option does to an attribute is a column of
`data/e1_1.json`.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

from tasks.core.errors import ConfigurationError


class Option(NamedTuple):
    """An option of E.1-1 that can be switched on, with its code of CID 7050."""

    code: str
    meaning: str


BASIC = Option("113100", "Basic Application Confidentiality Profile")
CLEAN_PIXELS = Option("113101", "Clean Pixel Data Option")  # what pixels/ does; no attribute depends on it
OPTIONS = {
    "clean-graphics": Option("113103", "Clean Graphics Option"),
    "clean-structured-content": Option("113104", "Clean Structured Content Option"),
    "clean-descriptors": Option("113105", "Clean Descriptors Option"),
    "retain-full-dates": Option("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "retain-modified-dates": Option("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "retain-patient-characteristics": Option("113108", "Retain Patient Characteristics Option"),
    "retain-device-identity": Option("113109", "Retain Device Identity Option"),
    "retain-safe-private": Option("113111", "Retain Safe Private Option"),
    "retain-institution-identity": Option("113112", "Retain Institution Identity Option"),
}
NOT_OFFERED = {
    "retain-uids": "UIDs are always replaced, consistently (113110 is never written)",
    "clean-recognizable-visual-features": "faces are flagged in the report, not removed (113102 is never written)",
    "clean-pixel-data": "it is no option: pixels are always looked at",
}
PRESETS: dict[str, tuple[str, ...]] = {
    "basic": (),
    "research": (
        "retain-modified-dates",
        "retain-patient-characteristics",
        "retain-device-identity",
        "retain-safe-private",
        "clean-descriptors",
        "clean-structured-content",
        "clean-graphics",
    ),
}


def options_of(preset: str, further: tuple[str, ...]) -> frozenset[str]:
    """A preset's options and `further` ones; raises `ConfigurationError` for what is unknown or contradicts."""
    for option in further:
        _check(option)
    options = frozenset(PRESETS[preset]) | frozenset(further)
    if {"retain-full-dates", "retain-modified-dates"} <= options:
        raise ConfigurationError(
            "deidentify.options: retain-full-dates and retain-modified-dates (research has it) exclude each other; "
            "use `profile: basic` with the options that you want"
        )
    return options


def _check(option: str) -> None:
    if option in OPTIONS:
        return
    if option in NOT_OFFERED:
        raise ConfigurationError(
            f"deidentify.options: {option} is not offered, {NOT_OFFERED[option]}; "
            f"known here: {', '.join(sorted(OPTIONS))}"
        )
    near = difflib.get_close_matches(option, OPTIONS, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(sorted(OPTIONS))}"
    raise ConfigurationError(f"deidentify.options: unknown option `{option}`; {hint}")
