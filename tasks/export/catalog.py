"""SQL over the tables of a release: the one adapter of DuckDB. A query reads these tables and can do nothing else.

The tables are copied into a database in memory before the query is looked at; then files, network, extensions and
settings are closed for good (duckdb.org/docs, Securing DuckDB). Where tables come from belongs into `shelf`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

import duckdb

from tasks.core.errors import ConfigurationError
from tasks.export.shelf import Arrow
from tasks.record.releases.cohorts import COLUMN, Level, SavedCohort

MEMORY = "2GB"
THREADS = 2

_CLOSED = (
    f"SET memory_limit = '{MEMORY}'",
    f"SET threads = {THREADS}",
    "SET temp_directory = ''",  # what doesn't fit is refused, not written to a disk
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET allow_persistent_secrets = false",
    "SET python_enable_replacements = false",  # else a table that is not there is looked for among our variables
)
_LOCKED = ("SET enable_external_access = false", "SET lock_configuration = true")
_TABLE = re.compile(r"Table with name (\S+) does not exist")
_FIELD = re.compile(r'(?:column(?: named)?|Table) "?([^\s"]+)"? (?:not found|referenced)|column named "([^"]+)"')


def query(tables: Mapping[str, Arrow], sql: str, limit: int | None = None) -> Arrow:
    """The answer to one SELECT (or SHOW, DESCRIBE, EXPLAIN) as an Arrow table, its first `limit` rows.

    Raises `ConfigurationError` in one line, with the nearest table or column where a name is wrong.
    """
    connection = duckdb.connect(":memory:")
    try:
        for setting in _CLOSED:
            connection.execute(setting)
        for name, table in tables.items():
            connection.register("handed_in", table)
            connection.execute(f'CREATE TABLE "{name}" AS FROM handed_in')
            connection.unregister("handed_in")
        for setting in _LOCKED:
            connection.execute(setting)
        return _answer(connection, sql, limit)
    except duckdb.Error as error:
        raise ConfigurationError(_in_words(error, tables)) from None
    finally:
        connection.close()


def with_cohorts(tables: Mapping[str, Arrow], cohorts: Mapping[str, SavedCohort]) -> dict[str, Arrow]:
    """The tables, and each saved cohort as one more with the one column that its ids are in."""
    import pyarrow as pa

    more = {name: pa.table({one.column: pa.array(one.ids, pa.string())}) for name, one in cohorts.items()}
    return {**more, **tables}


def ids_of(answer: Arrow, by: Level | None = None) -> tuple[Level, tuple[str, ...]]:
    """The level and the sorted ids that an answer selects: of its finest id column, or of the level asked for."""
    levels: Sequence[Level] = [by] if by else ["instance", "series", "study", "patient"]
    for level in levels:
        if COLUMN[level] in answer.column_names:
            found = answer.column(COLUMN[level]).to_pylist()
            return level, tuple(sorted({str(name) for name in found if name is not None}))
    wanted = COLUMN[by] if by else "patient, study, unit or instance"
    raise ConfigurationError(f"the query must select the column {wanted}: that is what the cohort is made of")


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, limit: int | None) -> Arrow:
    statements = connection.extract_statements(sql)
    kinds = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
    if len(statements) != 1 or statements[0].type not in kinds:
        raise ConfigurationError("a query is one SELECT: the tables of a release are read, never changed")
    answer = connection.sql(statements[0].query)
    if limit is not None and statements[0].type == duckdb.StatementType.SELECT:
        answer = answer.limit(limit)
    return answer.to_arrow_table()


def _in_words(error: duckdb.Error, tables: Mapping[str, Arrow]) -> str:
    first = next(iter(str(error).splitlines()), "").strip()
    if isinstance(error, duckdb.PermissionException | duckdb.IOException):
        return "a query reads the tables of the release alone: no file, network, extension or other database"
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"the query needs more than {MEMORY} of memory: select fewer rows or columns"
    if unknown := _TABLE.search(first):
        return f"no table {unknown[1]}; {_near(unknown[1].strip('!'), tables)}"
    if isinstance(error, duckdb.BinderException) and (unknown := _FIELD.search(first)):
        name = unknown[1] or unknown[2]
        columns = {str(column): one for one in reversed(list(tables)) for column in tables[one].column_names}
        near = difflib.get_close_matches(name, columns, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]} (of {columns[near[0]]})?" if near else "`DESCRIBE TABLE` lists those of a table"
        return f"no column {name}; {hint}"
    return f"in the query: {first.partition('Error: ')[2] or first}"


def _near(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
