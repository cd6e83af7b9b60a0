"""The verdicts: read back as written, about one set of tables, and told plainly where damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.core.errors import ContractViolation
from tasks.core.models import Verdict, Verdicts
from tasks.core.verdicts import curated_digest, read_verdicts, verdicts_file, write_verdicts
from tasks.core.workspace import Workspace

VERDICT = Verdict(suite="series", rule="once", severity="critical", passed=True, rows=0, sentence="Once each")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert read_verdicts(workspace) is None
    write_verdicts(workspace, Verdicts(rules=(VERDICT,), curated="c" * 64))
    assert read_verdicts(workspace) == Verdicts(rules=(VERDICT,), curated="c" * 64)


@pytest.mark.parametrize("content", ["", "[]", '{"rules": 1}', '{"rules": [], "curated": 3}'])
def test_damaged_verdicts_are_told(tmp_path: Path, content: str) -> None:
    workspace = Workspace(tmp_path)
    workspace.gates.mkdir(parents=True)
    verdicts_file(workspace).write_text(content)
    with pytest.raises(ContractViolation, match=r"is damaged: run `python -m tasks\.validate` again"):
        read_verdicts(workspace)


def test_the_digest_follows_names_and_bytes_of_the_tables_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"1")
    (tmp_path / "b.parquet").write_bytes(b"2")
    first = curated_digest(tmp_path)
    (tmp_path / "notes.txt").write_bytes(b"3")
    assert curated_digest(tmp_path) == first
    (tmp_path / "b.parquet").rename(tmp_path / "c.parquet")
    renamed = curated_digest(tmp_path)
    (tmp_path / "c.parquet").write_bytes(b"4")
    assert len({first, renamed, curated_digest(tmp_path)}) == 3
