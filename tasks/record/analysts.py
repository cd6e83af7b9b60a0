"""What analysts may read of the register, and how they get it: a role of PostgreSQL, or a copy in SQLite.

They see what there is, what became of it, and which release and model holds whom, all by pseudonym. Who works on what,
the fingerprints of sources and the events are the flow's own. A new table or column is closed until it is named here.
"""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from sqlalchemy import Connection, MetaData, Table, create_engine, insert, select, text
from sqlalchemy.engine import URL

from tasks.core.errors import ConfigurationError
from tasks.core.files import atomic_path
from tasks.record.database import Database
from tasks.record.schema import Base

FOR_ANALYSTS: dict[str, tuple[str, ...]] = {
    "unit": ("unit", "patient", "study", "modality", "expected", "bytes", "state"),
    "item": ("unit", "item", "state", "reason"),
    "release": ("tag", "name", "number", "content", "dvc", "commit", "flow_run", "key_id", "created"),
    "release_item": ("release", "series", "instance", "study", "patient"),
    "withdrawal": ("number", "release", "at", "series", "instances"),
    "model": ("name", "version", "run_id", "release"),
    "model_patient": ("name", "version", "patient", "split"),
}
"""Tables and their columns."""

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_AT_ONCE = 10_000


def grant(database: Database, name: str) -> str | None:
    """Let the PostgreSQL role `name` read what is for analysts and nothing else; it is made where it is missing.

    Returns the password of a role that was made. All or nothing: raises `ConfigurationError` where the role could do
    more afterwards, by another way than this, or where we may not make it.
    """
    if not _NAME.fullmatch(name) or name.startswith("pg_"):
        raise ConfigurationError(f"{name!r} is no name for a role: use small letters, digits and _")
    with database.write() as connection:
        if connection.dialect.name != "postgresql":
            raise ConfigurationError(
                "SQLite knows no roles: give analysts a copy, `sluice register copy FILE`, or set SLUICE_REGISTER_URL"
            )
        password = None if _exists(connection, name) else _make(connection, name)
        _allow(connection, name)
        if more := _beyond(connection, name):
            raise ConfigurationError(f"the role {name} may do more than read ({more}): choose a name of its own")
    return password


def copy(database: Database, target: Path) -> int:
    """Write what is for analysts to a new SQLite file at `target`; returns how many rows. All of one moment."""
    rows = 0
    with atomic_path(target) as draft:
        engine = create_engine(URL.create("sqlite", database=str(draft)))
        try:
            with database.read() as source, engine.begin() as made:
                for name, columns in FOR_ANALYSTS.items():
                    full = Base.metadata.tables[name]
                    table = Table(name, MetaData(), *(full.c[column]._copy() for column in columns))
                    table.create(made)
                    found = source.execute(select(*(full.c[column] for column in columns))).mappings()
                    for part in found.partitions(_AT_ONCE):
                        made.execute(insert(table), [dict(row) for row in part])
                        rows += len(part)
        finally:
            engine.dispose()
    return rows


def _exists(connection: Connection, name: str) -> bool:
    return connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}).first() is not None


def _make(connection: Connection, name: str) -> str:
    mine = "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    if not connection.execute(text(mine)).scalar():
        raise ConfigurationError(
            f"the user of SLUICE_REGISTER_URL may not make roles: let the administrator `CREATE ROLE {name} LOGIN`, "
            "give it a password, then do this again"
        )
    password = secrets.token_urlsafe(18)
    driver = connection.connection.driver_connection
    assert driver is not None
    # The server gets only the hash: a statement may stand in its log.
    hashed = driver.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    connection.exec_driver_sql(
        f"CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 20 "
        f"PASSWORD '{hashed}'"
    )
    return password


def _allow(connection: Connection, name: str) -> None:
    """`name` went through `_NAME` and the rest is ours, so nothing in these statements comes from outside."""
    quoted = connection.dialect.identifier_preparer.quote_identifier
    schema = quoted(str(connection.execute(text("SELECT current_schema()")).scalar_one()))
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {name}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM {name}, PUBLIC",
        f"GRANT USAGE ON SCHEMA {schema} TO {name}",
        f"ALTER ROLE {name} SET default_transaction_read_only = on",
    ]
    for table, columns in FOR_ANALYSTS.items():
        listed = ", ".join(map(quoted, columns))
        statements.append(f"GRANT SELECT ({listed}) ON {schema}.{quoted(table)} TO {name}")
    for statement in statements:
        connection.exec_driver_sql(statement)


def _beyond(connection: Connection, name: str) -> str:
    """What the role may do beyond reading what is for analysts: by being more, owning, belonging, or through PUBLIC."""
    powers = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = :name"
    if connection.execute(text(powers), {"name": name}).scalar():
        return "it administers the server"
    member = "SELECT count(*) FROM pg_auth_members WHERE member = (SELECT oid FROM pg_roles WHERE rolname = :name)"
    if connection.execute(text(member), {"name": name}).scalar():
        return "it belongs to other roles"
    writes = (
        "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN "
        "('r', 'p', 'v', 'm') AND (has_table_privilege(:name, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') "
        "OR has_any_column_privilege(:name, c.oid, 'INSERT, UPDATE')) LIMIT 1"
    )
    if table := connection.execute(text(writes), {"name": name}).scalar():
        return f"it may write {table}"
    reads = (
        "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 "
        "AND NOT a.attisdropped WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN "
        "('r', 'p', 'v', 'm') AND has_column_privilege(:name, c.oid, a.attnum, 'SELECT')"
    )
    for table, column in connection.execute(text(reads), {"name": name}):
        if column not in FOR_ANALYSTS.get(table, ()):
            return f"it may read {table}.{column}"
    return ""
