"""The committed suites, and what happens to one that is broken, unknown or missing. Without Great Expectations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.core.columns import TRANSFORMED
from tasks.core.errors import ConfigurationError
from tasks.validate.suites import TABLES, Suite, fixes, read_suites
from tests.support.places import ROOT

SUITES = {suite.name: suite for suite in read_suites(ROOT / "expectations")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in SUITES:
        (tmp_path / f"{name}.json").write_text((ROOT / "expectations" / f"{name}.json").read_text())
    return tmp_path


def change(path: Path, how: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    how(content)
    path.write_text(json.dumps(content))


def test_every_table_has_its_suite_with_a_fix_for_each_rule() -> None:
    assert {*TABLES, "cohort", "release"} <= set(SUITES)
    assert all(fixes(tuple(SUITES.values())).values())


def test_sentences_are_written_for_a_reader() -> None:
    for suite in SUITES.values():
        for rule in suite.expectations:
            assert rule.meta.sentence[0].isupper()
            assert not rule.meta.sentence.endswith(".")  # it goes on with ". To do:"


@pytest.mark.parametrize("table", ["instances", "series"])
def test_every_column_that_transform_writes_is_demanded(table: str) -> None:
    (schema,) = (rule for rule in SUITES[table].expectations if rule.meta.rule == "columns-exist")
    assert {column.name for column in TRANSFORMED[table]} <= set(schema.kwargs["column_set"])


def test_what_is_merely_missing_never_blocks() -> None:
    keys = {"instance", "frame", "unit", "patient", "study", "split", "label"}
    demanded = {
        rule.kwargs["column"]
        for suite in SUITES.values()
        for rule in suite.expectations
        if rule.severity == "critical" and rule.type == "expect_column_values_to_not_be_null"
    }
    assert demanded <= keys


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda path: path.write_text("{"), "cannot be read as JSON"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "cannot be read as JSON"),
        (lambda path: path.write_text("[]"), "the suite"),
        (lambda path: change(path, lambda suite: suite.update(name="labels")), "must be that of the file"),
        (lambda path: change(path, lambda suite: suite["expectations"][0].update(severity="fatal")), "severity"),
        (lambda path: change(path, lambda suite: suite["expectations"][0].pop("severity")), "severity"),
        (lambda path: change(path, lambda suite: suite["expectations"][0]["meta"].pop("fix")), "meta.fix"),
        (lambda path: change(path, lambda suite: suite["expectations"][0].update(kwarg={})), "kwarg"),
        (lambda path: change(path, lambda suite: suite["expectations"].append(suite["expectations"][0])), "two rules"),
        (lambda path: path.rename(path.with_name("voxels.json")), "no .*patients.json"),
        (lambda path: path.with_name("voxels.json").write_text("{}"), "voxels.json belongs to no table"),
    ],
)
def test_a_suite_that_is_not_right_is_one_line_that_names_the_file(
    folder: Path, damage: Callable[[Path], object], told: str
) -> None:
    damage(folder / "patients.json")
    with pytest.raises(ConfigurationError, match=told) as error:
        read_suites(folder)
    assert ".json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_gate_can_be_emptied_but_not_forgotten(folder: Path) -> None:
    change(folder / "labels.json", lambda suite: suite.update(expectations=[]))
    assert next(suite for suite in read_suites(folder) if suite.name == "labels") == Suite(
        name="labels", expectations=(), meta=SUITES["labels"].meta
    )
    (folder / "labels.json").unlink()
    with pytest.raises(ConfigurationError, match=r"labels\.json"):
        read_suites(folder)
