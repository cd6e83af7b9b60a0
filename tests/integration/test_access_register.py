"""Analysts read what is theirs of the register, and nothing else: a role of a real PostgreSQL, a copy in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from tasks.core.errors import ConfigurationError
from tasks.core.workspace import Workspace
from tasks.record.analysts import FOR_ANALYSTS, copy, grant
from tasks.record.database import Database
from tasks.record.ledger import Ledger
from tasks.record.register import record_release
from tasks.record.schema import Base
from tests.support.register_cases import item, release
from tests.support.runs import sluice

PRIVATE = sorted(set(Base.metadata.tables) - set(FOR_ANALYSTS))


def filled(workspace: Workspace) -> None:
    with Ledger.open(workspace) as ledger:
        record_release(ledger, release(1), [item("p1", "a"), item("p2", "b")])


@pytest.fixture
def server(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database of this test's own, with the register of a workspace in it; its roles go again."""
    admin = create_engine(make_url(postgres), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS access_test WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE access_test"))
    url = make_url(postgres).set(drivername="postgresql", database="access_test")
    address = url.render_as_string(hide_password=False)
    monkeypatch.setenv("SLUICE_REGISTER_URL", address)
    yield address
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE access_test WITH (FORCE)"))
        for role in ("eve", "boss", "helper", "plain"):
            connection.execute(text(f"DROP ROLE IF EXISTS {role}"))
    admin.dispose()


def signed_in(server: str, name: str, password: str) -> Engine:
    return create_engine(make_url(server).set(drivername="postgresql+psycopg", username=name, password=password))


def refused(engine: Engine, statement: str) -> bool:
    """Whether the server says no for want of a right, and for no other reason."""
    try:
        with engine.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))  # the role's default is no wall: the rights are
            connection.execute(text(statement))
    except DBAPIError as error:
        return "permission denied" in str(error.orig) or "must be owner" in str(error.orig)
    return False


@pytest.mark.postgres
def test_the_role_reads_what_is_for_analysts_and_writes_nothing(workspace: Workspace, server: str) -> None:
    filled(workspace)
    code, out, err = sluice("register", "grant", "eve", "--workspace", str(workspace.root))
    assert code == 0, err
    password = out.split("its password: ")[1].split()[0]
    engine = signed_in(server, "eve", password)
    with engine.connect() as connection:
        for table, columns in FOR_ANALYSTS.items():
            names = ", ".join(f'"{column}"' for column in columns)
            connection.execute(text(f"SELECT {names} FROM {table}"))
        assert connection.execute(text("SELECT count(*) FROM release_item")).scalar() == 2
        assert connection.execute(text("SHOW transaction_read_only")).scalar() == "on"
    for table in PRIVATE:
        assert refused(engine, f"SELECT count(*) FROM {table}"), table
    for table, columns in FOR_ANALYSTS.items():
        for column in set(Base.metadata.tables[table].columns.keys()) - set(columns):
            assert refused(engine, f'SELECT "{column}" FROM {table}'), f"{table}.{column}"
    for table in Base.metadata.tables:
        assert refused(engine, f"DELETE FROM {table}"), table
        assert refused(engine, f"INSERT INTO {table} DEFAULT VALUES"), table
        assert refused(engine, f"DROP TABLE {table}"), table
    assert refused(engine, "UPDATE release SET content = ''")
    assert refused(engine, "CREATE TABLE mine (a int)")
    engine.dispose()
    wrong = signed_in(server, "eve", "wrong")
    with pytest.raises(DBAPIError, match="password authentication failed"), wrong.connect():
        pass
    code, out, err = sluice("register", "grant", "eve", "--workspace", str(workspace.root))
    assert (code, "password" in out) == (0, False), "its password is told once"


@pytest.mark.postgres
def test_a_role_that_could_do_more_by_another_way_is_refused_and_nothing_changes(
    workspace: Workspace, server: str, postgres: str
) -> None:
    filled(workspace)
    with create_engine(make_url(server).set(drivername="postgresql+psycopg")).begin() as connection:
        connection.execute(text("CREATE ROLE boss LOGIN SUPERUSER"))
        connection.execute(text("CREATE ROLE helper LOGIN"))
        connection.execute(text("GRANT pg_write_all_data TO helper"))
        connection.execute(text("CREATE ROLE plain LOGIN"))
    with closing(Database.open(workspace)) as database:
        with pytest.raises(ConfigurationError, match="administers the server"):
            grant(database, "boss")
        with pytest.raises(ConfigurationError, match="belongs to other roles"):
            grant(database, "helper")
        with database.write() as connection:
            connection.execute(text("GRANT SELECT ON lease TO PUBLIC"))
        with pytest.raises(ConfigurationError, match=r"may read lease\."):
            grant(database, "plain")
        with database.write() as connection:
            assert not connection.execute(text("SELECT has_table_privilege('plain', 'release', 'SELECT')")).scalar()
        for name in ("eve; DROP TABLE unit", 'eve"', "Eve", "pg_monitor", "", "a" * 64):
            with pytest.raises(ConfigurationError, match="no name for a role"):
                grant(database, name)


def test_the_copy_holds_what_is_for_analysts_and_nothing_else(workspace: Workspace, tmp_path: Path) -> None:
    filled(workspace)
    target = tmp_path / "copies" / "register.db"
    with closing(Database.open(workspace)) as database:
        assert copy(database, target) == 3
        assert copy(database, target) == 3, "a second one takes its place"
        with pytest.raises(ConfigurationError, match="register copy"):
            grant(database, "eve")
    with closing(sqlite3.connect(f"file:{target}?mode=ro", uri=True)) as database:
        found = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert found == set(FOR_ANALYSTS)
        for table, columns in FOR_ANALYSTS.items():
            assert tuple(row[1] for row in database.execute(f"PRAGMA table_info({table})")) == columns
        assert database.execute("SELECT count(*) FROM release_item").fetchone() == (2,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            database.execute("DELETE FROM release_item")
    code, _, err = sluice("register", "copy", str(workspace.register), "--workspace", str(workspace.root))
    assert (code, "no place for copies" in err) == (2, True)
