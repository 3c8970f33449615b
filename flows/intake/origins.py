"""Where each of our columns came from in the files read, and what the config names in vain.

Both are made from what the warehouse keeps of each file, so a run that is repeated finds the same.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from flows.intake.config import Config
from flows.intake.mapping import EXPRESSION, FOLDER, RENAMED
from flows.intake.table_names import is_like
from flows.warehouse.sql import identifier
from schemas.notes import CONFIG_COLUMN, CONFIG_EXPRESSION, CONFIG_FILES, Note
from schemas.table import Table
from schemas.tables import TABLES

ABSENT = "absent"
_MISSING = "value_missing"


@dataclass(frozen=True)
class ColumnOrigin:
    """One of our columns in the files of this run.

    origins    where it came from -> in how many files.
    nulls      accepted rows without a value.
    unparsed   rows that were quarantined because its value could not be used.
    """

    table: str
    column: str
    origins: dict[str, int]
    nulls: int
    unparsed: int


def column_origins(connection: duckdb.DuckDBPyConnection) -> list[ColumnOrigin]:
    """Every column of every table that this run has read a file of."""
    files = connection.execute("SELECT table_name, origins FROM main.file").fetchall()
    unparsed = connection.execute(
        """SELECT f.table_name, q.column_name, count(DISTINCT (q.file_no, q.row_number))
           FROM main.quarantine q JOIN main.file f USING (file_no)
           WHERE q.check_name <> ? GROUP BY ALL""",
        [_MISSING],
    ).fetchall()
    by_column = {(table, column): rows for table, column, rows in unparsed}
    return [
        ColumnOrigin(
            table.name,
            column,
            dict(Counter(json.loads(o).get(column, ABSENT) for t, o in files if t == table.name)),
            nulls,
            by_column.get((table.name, column), 0),
        )
        for table in TABLES.values()
        if any(t == table.name for t, _ in files)
        for column, nulls in _nulls(connection, table).items()
    ]


def unmatched_entries(connection: duckdb.DuckDBPyConnection, config: Config) -> tuple[Note, ...]:
    """Notes on entries that match nothing in any file of the warehouse and of this run.

    How an earlier version of the program read a file is not known: it counts as matching.
    """
    files = connection.execute("SELECT table_name, name, origins FROM every_file").fetchall()
    return tuple(
        note
        for table in TABLES
        for note in _unmatched(
            table,
            config,
            [name for t, name, _ in files if t == table],
            [None if o is None else json.loads(o) for t, _, o in files if t == table],
        )
    )


def _unmatched(
    table: str, config: Config, names: list[str], origins: list[dict[str, str] | None]
) -> Iterator[Note]:
    for ours in config.of(table).renamed.values():
        if not any(o is None or o.get(ours) in (RENAMED, FOLDER) for o in origins):
            yield Note(CONFIG_COLUMN, {"table": table, "column": ours})
    for ours in config.of(table).expressions:
        if not any(o is None or o.get(ours) == EXPRESSION for o in origins):
            yield Note(CONFIG_EXPRESSION, {"table": table, "column": ours})
    for pattern in config.patterns().get(table, ()):
        if not any(is_like(name, pattern) for name in names):
            yield Note(CONFIG_FILES, {"table": table, "pattern": pattern})


def _nulls(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, int]:
    """Column -> accepted rows of this run without a value."""
    counts = ", ".join(f"count(*) - count({identifier(c.name)})" for c in table.columns)
    (row,) = connection.execute(f"SELECT {counts} FROM main.{identifier(table.name)}").fetchall()
    return dict(zip((c.name for c in table.columns), row, strict=True))
