"""The page on security says what is true: each test that it names exists, and what a page of ours shows stays text."""

from __future__ import annotations

import ast
import re

import pytest

from flows.shown import plain
from tests.support.places import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


def test_every_threat_has_a_test() -> None:
    rows = [line for line in PAGE.split("## Threats")[1].splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    assert [row for row in rows if "`tests/" not in row] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_each_test_that_the_page_names_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    tests = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert name in tests if name else tests


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "[click](javascript:alert(1))", "![x](http://evil/x.png)", "a & b < c"]
)
def test_a_cell_of_an_artifact_stays_text(text: str) -> None:
    shown = plain(text)
    assert "<" not in shown
    assert "](" not in shown
    assert plain("`sluice retry set-aside` lets 3 in (again)") == "`sluice retry set-aside` lets 3 in (again)"
