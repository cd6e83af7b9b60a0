"""The ledger on SQLite, and how a database that cannot be used is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.errors import ConfigurationError
from tasks.core.models import FINAL, State
from tasks.core.workspace import Workspace
from tasks.record.database import place_of
from tasks.record.ledger import Ledger
from tasks.record.transitions import unit_state
from tests.support.lease_cases import LeaseCases
from tests.support.ledger_cases import LedgerCases
from tests.support.register_cases import RegisterCases


class TestLedgerOnSqlite(LedgerCases, LeaseCases, RegisterCases):
    @pytest.fixture
    def workspace(self, tmp_path: Path) -> Workspace:
        return Workspace(tmp_path)

    @pytest.fixture
    def ledger(self, workspace: Workspace) -> Iterator[Ledger]:
        with Ledger.open(workspace) as ledger:
            yield ledger


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://sluice:hunter2@127.0.0.1:9/books", "start its server"),
        ("not a url", "is no database URL"),
        ("nosuchdb://sluice:hunter2@host/books", "unknown database"),
        ("sqlite:////nowhere/at/all/register.db", "cannot be opened"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("SLUICE_REGISTER_URL", url)
    with pytest.raises(ConfigurationError) as caught:
        Ledger.open(Workspace(tmp_path))
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_damaged_register_says_what_to_do(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.register.parent.mkdir(parents=True)
    workspace.register.write_bytes(b"this is no database at all, but long enough to be read as a header" * 20)
    with pytest.raises(ConfigurationError, match="is damaged: restore its backup"):
        Ledger.open(workspace)


def test_a_register_of_a_newer_sluice_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Ledger.open(workspace) as ledger, ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(ConfigurationError, match="newer Sluice"):
        Ledger.open(workspace)


def test_a_place_is_told_without_user_and_password() -> None:
    from sqlalchemy import make_url

    assert (
        place_of(make_url("postgresql+psycopg://me:secret@db.example:5433/books"))
        == "postgresql://db.example:5433/books"
    )


@given(st.lists(st.sampled_from(State), min_size=1))
def test_a_unit_is_final_exactly_when_all_its_items_are(states: list[State]) -> None:
    assert (unit_state(states, State.EXTRACTED) in FINAL) == all(state in FINAL for state in states)


@given(st.lists(st.sampled_from(State), min_size=1))
def test_the_state_of_a_unit_is_the_state_of_one_of_its_items_in_any_order(states: list[State]) -> None:
    assert unit_state(states, State.EXTRACTED) in states
    assert unit_state(states, State.EXTRACTED) == unit_state(states[::-1], State.EXTRACTED)
