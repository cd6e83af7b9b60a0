"""Opening the register: SQLite or PostgreSQL, its migrations, and its failures told in one line without a password.

What is written into it belongs into `ledger` and `register`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from tasks.core.errors import ConfigurationError, SluiceError, TransientSourceError
from tasks.core.workspace import Workspace
from tasks.record.schema import HEAD

VARIABLE = "SLUICE_REGISTER_URL"
BUSY_SECONDS = 60
_MIGRATIONS = Path(__file__).with_name("migrations")
_ADVISORY_LOCK = 0x51_01_CE  # any number that no other program takes in this database
_LASTING = ("disk is full", "readonly database", "unable to open", "not a database", "malformed", "permission denied")


class Database:
    """An engine and how to write and read with it; every SQLAlchemy error leaves as one of ours."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._place = place_of(url)
        self._engine = _engine(url)
        self._reading = self._engine.execution_options(sluice_reading=True)

    @classmethod
    def open(cls, workspace: Workspace) -> Database:
        """The register of `workspace` ($SLUICE_REGISTER_URL, else SQLite in data/register), at the newest schema."""
        try:
            url = _url(workspace)
        except (ArgumentError, ValueError):
            raise ConfigurationError(
                f"{VARIABLE} is no database URL: write postgresql://user:password@host:5432/name"
            ) from None
        try:
            database = cls(url)
        except (NoSuchModuleError, ModuleNotFoundError):
            raise ConfigurationError(f"{VARIABLE} names an unknown database: use sqlite:// or postgresql://") from None
        try:
            with database._told(opening=True):
                _migrate(database._engine, database._reading)
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that may write; on SQLite it holds the write lock from the start, so it cannot deadlock."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that only reads and waits for nobody."""
        with self._told(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection outside of any transaction, for what can be in none (VACUUM)."""
        self._engine.dispose()
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT", sluice_alone=True)
        with self._told(), engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    @contextmanager
    def _told(self, *, opening: bool = False) -> Iterator[None]:
        try:
            yield
        except SluiceError:
            raise
        except SQLAlchemyError as error:
            raise _explained(error, self._place, opening) from None


def place_of(url: URL) -> str:
    """Where a database is, without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or 'localhost'}{port}/{url.database or ''}"


def _url(workspace: Workspace) -> URL:
    given = os.environ.get(VARIABLE)
    if not given:
        workspace.register.parent.mkdir(parents=True, exist_ok=True)
        return URL.create("sqlite", database=str(workspace.register))
    url = make_url(given)
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        waiting = {"connect_timeout": 10} if "connect_timeout" not in url.query else {}
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=waiting)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves, so that DDL and reads are in the transaction too
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for other openers in this one statement, so we do."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("sluice_alone"):
        return
    reading = connection.get_execution_options().get("sluice_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _migrate(engine: Engine, reading: Engine) -> None:
    with reading.begin() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
        if _revision(connection) == HEAD:  # another process was faster
            return
        _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: Any = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic import command  # takes a moment to import, and is needed once
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise ConfigurationError(
            "the register was written by a newer Sluice: update Sluice, or set another register"
        ) from None


def _explained(error: SQLAlchemyError, place: str, opening: bool) -> SluiceError:
    """What the user can do; the driver's own words stay out, since they may quote values and passwords."""
    words = str(error.orig).lower() if isinstance(error, DBAPIError) else ""
    if "disk is full" in words:
        return ConfigurationError(f"the disk of the register {place} is full: free some space and run again")
    if "not a database" in words or "malformed" in words:
        return ConfigurationError(f"the register {place} is damaged: restore its backup, or move it away to start anew")
    if "readonly" in words or "permission denied" in words:
        return ConfigurationError(f"the register {place} cannot be written: check its owner and permissions")
    if any(word in words for word in ("password", "authentication", "role ", "no pg_hba")):
        return ConfigurationError(f"the register {place} refuses the user or password: correct {VARIABLE}")
    if opening or any(word in words for word in _LASTING):
        return ConfigurationError(f"the register {place} cannot be opened: start its server, or correct {VARIABLE}")
    if isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return TransientSourceError(f"the register {place} does not answer: it is tried again; check its server")
    return ConfigurationError(f"the register {place} refused a statement ({type(error).__name__}): report this")
