"""What the warehouse remembers of its last run, so that the next one only looks at what changed.

Everything remembered can be derived again from the rows. A run that may not reuse it (its as-of
date is earlier, payer names or the program differ, files are gone or read again) looks at
everything, and what it finds replaces what was remembered. Which tables are remembered, their
makers declare (`RunTable.reuse`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from flows.warehouse.journal import MEMORY, differences, intact, memory_subject
from flows.warehouse.layout import READ_AGAIN, drop_run_tables
from flows.warehouse.run_table import ChangedRows, Reuse, RunTable
from flows.warehouse.sql import day, one

_NO_DAY = date.max
_WRITTEN, _AT_A_TIME = "written_rows", 65_536
"""The name of rows of a file while they are added, and how many of them are in memory."""
REMEMBERED = RunTable(
    "remembered",
    grain="the run: one row",
    columns={
        "as_of": "DATE",
        "settled_under": "VARCHAR",
        "judged_under": "VARCHAR",
        "file_nos": "INTEGER[]",
    },
    reuse=Reuse.WHOLE,
)
"""The run itself: its files, and digests of what its fates and its answers depend on."""
NEW_FILE = RunTable(
    "new_file",
    grain="file to look at row by row: one that the remembered run did not have, else every file",
    columns={"file_no": "INTEGER"},
)
REUSED = RunTable(
    "reused",
    grain="the run: one row",
    columns={
        "settled": "BOOLEAN",  # whether remembered persons and fates are reused
        "answers": "BOOLEAN",  # whether remembered answers are
        "is_latest": "BOOLEAN",  # whether no run as of a later date is remembered
        "is_judged": "BOOLEAN",  # whether this run got as far as judging
        "is_foreign": "BOOLEAN",  # whether another program changed what is remembered
    },
)
TABLES = (REMEMBERED, NEW_FILE, REUSED)


class Memory(NamedTuple):
    """The tables of a run that a warehouse may remember: those of settling, and the answers.

    written   tables whose rows are in Parquet files, and not in the workbench.
    """

    settled: tuple[RunTable, ...]
    answers: tuple[RunTable, ...]
    written: Mapping[RunTable, Sequence[Path]] = {}


class RememberedRun(NamedTuple):
    """The run that a warehouse remembers; columns of REMEMBERED."""

    as_of: date
    settled_under: str
    judged_under: str
    file_nos: list[int]


def start_from_last_run(
    connection: duckdb.DuckDBPyConnection, as_of: date, settled_under: str, whole: bool
) -> date | None:
    """Decide which persons and fates this run may reuse; makes NEW_FILE, REUSED and REMEMBERED.

    Returns the remembered as-of date, or None for a full run.

    settled_under   a digest of all that persons and final action depend on besides rows and date.
    whole           whether a full run is asked for.
    """
    last = _last_run(connection)
    visible = {n for (n,) in connection.execute("SELECT file_no FROM every_file").fetchall()}
    is_latest = last is None or last.as_of <= as_of
    before, seen, is_foreign = None, set[int](), None
    if (
        last
        and is_latest
        and not whole
        and last.settled_under == settled_under
        and visible >= set(last.file_nos)
        and not one(connection, f"SELECT count(*) FROM {READ_AGAIN}")
    ):
        is_foreign = _is_foreign(connection)
    if last and is_foreign is False:
        before, seen = last.as_of, set(last.file_nos)
    NEW_FILE.create(connection)
    connection.execute(f"INSERT INTO {NEW_FILE} SELECT unnest(?)", [sorted(visible - seen)])
    REUSED.create(connection)
    connection.execute(
        f"INSERT INTO {REUSED} VALUES (?, false, ?, false, ?)",
        [before is not None, is_latest, bool(is_foreign)],
    )
    REMEMBERED.create(connection)
    connection.execute(
        f"INSERT INTO {REMEMBERED} VALUES (?, ?, NULL, ?)",
        [as_of, settled_under, sorted(visible)],
    )
    return before


def reuse_last_answers(connection: duckdb.DuckDBPyConnection, judged_under: str) -> date | None:
    """Decide whether answers of the remembered run are valid for everyone not affected since.

    Returns its as-of date if they are, else None.

    judged_under   a digest of all that answers depend on besides rows and date.
    """
    last = _last_run(connection)
    (settled,) = connection.execute(f"SELECT settled FROM {REUSED}").fetchall()[0]
    valid = bool(settled and last and last.judged_under == judged_under)
    connection.execute(f"UPDATE {REUSED} SET answers = ?, is_judged = true", [valid])
    connection.execute(f"UPDATE {REMEMBERED} SET judged_under = ?", [judged_under])
    return last.as_of if last and valid else None


def warn_of_foreign_memory(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """What the user of a run must know if another program changed what is remembered."""
    if not one(connection, f"SELECT count(*) FROM {REUSED} WHERE is_foreign"):
        return ()
    return (
        "What the warehouse remembers of its last run is not as that run left it: another program "
        "changed it. So this run reused nothing of it, and judged everybody again.",
    )


def reuses_answers(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether answers of the remembered run are valid for everyone not affected since."""
    (answers,) = connection.execute(f"SELECT answers FROM {REUSED}").fetchall()[0]
    return bool(answers)


def newly_known_since(before: date | None) -> str:
    """SQL of the day after which rows of files that are not new became known.

    Without a remembered run every file is new, and so it is a day that no row is after.
    """
    return day(before or _NO_DAY)


def remember(connection: duckdb.DuckDBPyConnection, schema: str, memory: Memory) -> list[str]:
    """Remember this run in the warehouse, in the current transaction; `schema` holds its tables.

    A run that did not judge, or that is earlier than the remembered one, leaves that as it is.
    Returns what it changed, as the journal names it.
    """
    if not _is_to_be_remembered(connection, schema):
        return []
    settled, answers = connection.execute(
        f"SELECT settled, answers FROM {schema}.{REUSED.name}"
    ).fetchall()[0]
    for table in memory.settled:
        _remember(connection, table, schema, settled)
    for table in memory.answers:
        _remember(connection, table, schema, answers, memory.written.get(table))
    _remember(connection, REMEMBERED, schema, False)
    return memory_subject(connection)


def remember_in_place(connection: duckdb.DuckDBPyConnection, memory: Memory) -> list[str]:
    """Leave in an open workbench, which becomes the warehouse, what that is to remember.

    Returns what that is, as the journal names it.
    """
    tables = (*memory.settled, *memory.answers, REMEMBERED)
    remembered = [t.name for t in tables if t.reuse is not Reuse.NOTHING]
    is_remembered = _is_to_be_remembered(connection, "main")
    drop_run_tables(connection, remembered if is_remembered else ())
    for table, files in memory.written.items() if is_remembered else ():
        table.create(connection)
        _add_rows(connection, str(table), files)
    return memory_subject(connection)


def _add_rows(connection: duckdb.DuckDBPyConnection, table: str, files: Iterable[Path]) -> None:
    """Add the rows of Parquet files to a table, some at a time."""
    for file in files:
        rows = pl.scan_parquet(file, glob=False)
        for first in range(0, rows.select(pl.len()).collect().item(), _AT_A_TIME):
            connection.register(_WRITTEN, rows.slice(first, _AT_A_TIME).collect())
            connection.execute(f"INSERT INTO {table} BY NAME FROM {_WRITTEN}")
            connection.unregister(_WRITTEN)


def _is_to_be_remembered(connection: duckdb.DuckDBPyConnection, schema: str) -> bool:
    """Whether a run judged, and is not earlier than the remembered one."""
    query = f"SELECT is_latest AND is_judged FROM {schema}.{REUSED.name}"
    return bool(connection.execute(query).fetchall()[0][0])


def _is_foreign(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether what the warehouse remembers is not as its journal says."""
    found = differences(connection, "kept.main", [MEMORY])
    return any(found)


def settle_all_again(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Let the next run reuse no fates, in the current transaction: the order of files changed.

    Returns what it changed, as the journal names it.
    """
    if not _holds(connection, "current_database()"):
        return []
    changed = intact(connection, "main", memory_subject(connection))
    connection.execute(f"UPDATE main.{REMEMBERED.name} SET settled_under = ''")
    return changed


def _remember(
    connection: duckdb.DuckDBPyConnection,
    table: RunTable,
    schema: str,
    reused: bool,
    files: Sequence[Path] | None = None,
) -> None:
    """Bring one remembered table up to date.

    reused   whether this run made only what changed.
    files    Parquet files with what it made; None if that is in its own table.
    """
    kept = f"main.{table.name}"
    fresh = f"{schema}.{table.name}" if files is None else table.empty
    if table.reuse is Reuse.NOTHING:
        return
    if reused and isinstance(table.reuse, ChangedRows):
        changed = table.reuse.condition(schema)
        connection.execute(f"DELETE FROM {kept} WHERE {changed}")
        connection.execute(f"INSERT INTO {kept} BY NAME SELECT * FROM {fresh} WHERE {changed}")
    elif reused and table.reuse is Reuse.ADDED:
        connection.execute(f"INSERT INTO {kept} BY NAME FROM {fresh}")
    else:
        connection.execute(f"CREATE OR REPLACE TABLE {kept} AS FROM {fresh}")
    _add_rows(connection, kept, files or ())


def _last_run(connection: duckdb.DuckDBPyConnection) -> RememberedRun | None:
    if not _holds(connection, "'kept'"):
        return None
    (row,) = connection.execute(
        f"SELECT as_of, settled_under, judged_under, file_nos FROM {REMEMBERED.remembered}"
    ).fetchall()
    return RememberedRun(*row)


def _holds(connection: duckdb.DuckDBPyConnection, database: str) -> bool:
    """Whether a database, an SQL text, remembers a run."""
    query = f"""SELECT 1 FROM duckdb_tables()
                WHERE database_name = {database} AND table_name = '{REMEMBERED.name}'"""
    return bool(connection.execute(query).fetchall())
