"""The same ledger on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace
from tasks.record.ledger import Ledger
from tests.support.lease_cases import LeaseCases
from tests.support.ledger_cases import LedgerCases
from tests.support.register_cases import RegisterCases

pytestmark = pytest.mark.postgres


@pytest.fixture
def own_schema(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The server's URL, with a database of this test's own in $SLUICE_REGISTER_URL."""
    url = make_url(postgres)
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS record_test"))
        connection.execute(text("CREATE DATABASE record_test"))
    own = url.set(drivername="postgresql", database="record_test").render_as_string(hide_password=False)
    monkeypatch.setenv("SLUICE_REGISTER_URL", own)
    yield own
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS record_test WITH (FORCE)"))
    admin.dispose()


class TestLedgerOnPostgres(LedgerCases, LeaseCases, RegisterCases):
    @pytest.fixture
    def workspace(self, tmp_path: Path, own_schema: str) -> Workspace:
        return Workspace(tmp_path)

    @pytest.fixture
    def ledger(self, workspace: Workspace) -> Iterator[Ledger]:
        with Ledger.open(workspace) as ledger:
            yield ledger

    def test_a_wrong_password_is_one_line_without_it(
        self, workspace: Workspace, own_schema: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wrong = make_url(own_schema).set(password="hunter2").render_as_string(hide_password=False)
        monkeypatch.setenv("SLUICE_REGISTER_URL", wrong)
        with pytest.raises(ConfigurationError, match="refuses the user or password") as caught:
            Ledger.open(workspace)
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_connection_that_was_cut_is_made_again(self, ledger: Ledger, postgres: str) -> None:
        ledger.set_cursor("changes", 1)
        admin = create_engine(postgres, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'record_test'")
            )
        admin.dispose()
        assert ledger.cursor("changes") == 1
