"""The suites of expectations/: reading and checking the committed JSON. Knows their shape, not Great Expectations.

A suite is Great Expectations' own JSON (name, expectations with type, kwargs, severity, meta). On top of it each
rule has a name, a sentence for the person who reads the verdict, and a fix, all in `meta`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from tasks.core.errors import ConfigurationError
from tasks.core.models import Frozen

TABLES = ("instances", "labels", "patients", "series", "splits", "studies")
"""The index tables of a release."""

SUITES = ("cohort", *TABLES, "release")
"""What has a suite: each table, the series that were selected, and the release as a whole."""

OPTIONAL = ("features",)
"""Tables that a release has only where params.yaml asks for them; their suites need not be there either."""

Severity = Literal["critical", "warning", "info"]


class RuleMeta(Frozen):
    """What a person needs of a rule."""

    rule: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="the name of the rule, unique in its suite")
    sentence: str = Field(min_length=10, description="what holds when the rule passes")
    fix: str = Field(min_length=5, description="what to do when it fails")


class Rule(Frozen):
    """One expectation."""

    type: str
    kwargs: dict[str, Any]
    severity: Severity
    meta: RuleMeta


class SuiteMeta(Frozen):
    """What the suite is about, and the version of Great Expectations that it was written for."""

    about: str
    great_expectations_version: str


class Suite(Frozen):
    """One suite: the rules of one table, which has its name."""

    name: str
    expectations: tuple[Rule, ...]
    meta: SuiteMeta


def read_suites(folder: Path) -> tuple[Suite, ...]:
    """Every suite in `folder`, by name. Raises `ConfigurationError` that names the file for one that is broken,
    unknown or missing: a gate that is not there would pass everything."""
    files = sorted(folder.glob("*.json"))
    lacking = sorted(set(SUITES) - {path.stem for path in files})
    if lacking:
        raise ConfigurationError(
            f"no {folder / lacking[0]}.json: copy it from the repository's expectations/ "
            "(a suite with an empty list of expectations is allowed)"
        )
    return tuple(_read(path) for path in files)


def asked_for(suites: tuple[Suite, ...], tables: Collection[str]) -> tuple[Suite, ...]:
    """The suites of `tables`; raises `ConfigurationError` where an optional table is there and its suite is not."""
    known = {suite.name for suite in suites}
    lacking = [name for name in OPTIONAL if name in tables and name not in known]
    if lacking:
        raise ConfigurationError(f"no {lacking[0]}.json in expectations/: copy it from the repository's expectations/")
    return tuple(suite for suite in suites if suite.name in tables)


def fixes(suites: tuple[Suite, ...]) -> dict[tuple[str, str], str]:
    """What to do about each rule, by suite and rule."""
    return {(suite.name, rule.meta.rule): rule.meta.fix for suite in suites for rule in suite.expectations}


def _read(path: Path) -> Suite:
    if path.stem not in (*SUITES, *OPTIONAL):
        raise ConfigurationError(f"{path} belongs to no table: suites are named after {', '.join(SUITES)}")
    try:
        suite = Suite.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        mistake = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in mistake["loc"])
        raise ConfigurationError(f"{path}: {place or 'the suite'}: {mistake['msg']}") from None
    except (ValueError, OSError):
        raise ConfigurationError(f"{path} cannot be read as JSON: correct it or restore it with git") from None
    if suite.name != path.stem:
        raise ConfigurationError(f"{path}: its name is {suite.name!r}, and must be that of the file")
    twice = [name for name, count in Counter(rule.meta.rule for rule in suite.expectations).items() if count > 1]
    if twice:
        raise ConfigurationError(f"{path}: two rules are called {twice[0]}; a rule's name must be its own")
    return suite
