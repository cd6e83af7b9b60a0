"""How a stage ends: one line, an honest exit code, and no word of a library that may name a patient."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NoReturn

import pytest

from tasks.core.entry import UNEXPECTED, guarded, quiet_libraries, run_stage
from tasks.core.errors import (
    ConfigurationError,
    ContractViolation,
    QuarantineUnit,
    SluiceError,
    TransientSourceError,
)
from tasks.core.reasons import Reason
from tasks.core.workspace import Workspace


def raising(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SluiceError("told"), 1),
        (ConfigurationError("told"), 2),
        (ContractViolation("told"), 3),
        (TransientSourceError("told"), 4),
    ],
)
def test_our_own_errors_are_told_in_one_line_with_their_code(
    capsys: pytest.CaptureFixture[str], error: SluiceError, code: int
) -> None:
    assert guarded(lambda: raising(error)) == code
    assert capsys.readouterr() == ("", "sluice: told\n")


def test_a_refusal_tells_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: raising(QuarantineUnit(Reason.BURNED_IN_RISK))) == 1
    assert Reason.BURNED_IN_RISK.sentence in capsys.readouterr().err


def test_an_unexpected_error_is_told_by_type_and_place_and_its_text_is_withheld(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_DEBUG", raising=False)
    assert guarded(lambda: raising(KeyError("MUSTER^ERIKA"))) == UNEXPECTED == 70
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("sluice: unexpected KeyError")
    assert "core/entry.py:" in said.err
    assert "MUSTER" not in said.err
    assert said.err.count("\n") == 1


def test_its_text_is_shown_only_where_someone_asks_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_DEBUG", "1")
    guarded(lambda: raising(KeyError("shown")))
    assert "KeyError: 'shown'" in capsys.readouterr().err


def test_stopping_by_hand_has_the_shell_s_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: raising(KeyboardInterrupt())) == 130
    assert "it goes on from here" in capsys.readouterr().err


def test_a_stage_prints_its_summary_and_ends_with_its_code(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_WORKSPACE", str(workspace.root))
    with pytest.raises(SystemExit) as ended:
        run_stage("extract", lambda found: found.root.name)
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"extract: {workspace.root.name}\n"
    with pytest.raises(SystemExit) as ended:
        run_stage("extract", lambda _: raising(ContractViolation("no")))
    assert ended.value.code == 3


def test_without_a_workspace_a_stage_says_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run_stage("extract", lambda _: "never")
    assert ended.value.code == 2
    assert "sluice init" in capsys.readouterr().err


def test_libraries_that_quote_headers_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    quiet_libraries()
    logging.getLogger("pydicom").error("MUSTER^ERIKA")
    logging.getLogger("pydicom.filereader").warning("MUSTER^ERIKA")
    logging.getLogger("py.warnings").warning("MUSTER^ERIKA")
    assert "MUSTER" not in caplog.text
