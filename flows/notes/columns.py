"""Optional columns that files of earlier nights had and files of this night lack."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from datetime import date

import duckdb

from flows.warehouse.sql import day
from schemas.notes import COLUMN_MISSING, Note, counted
from schemas.table import Table
from schemas.tables import TABLES

Night = list[Set[str]]
"""The columns of each file of a table that was loaded on a night."""


def missing_columns(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[Note]:
    """One note per optional column that this night's files of a table lack.

    Senders may share a table, and one may never send a column: if no earlier night had the column
    in every file, it is missing only if no file of this night has it.
    """
    nights: dict[str, dict[date, Night]] = defaultdict(lambda: defaultdict(list))
    files = connection.execute(
        f"SELECT table_name, least(night, {day(as_of)}), columns FROM every_file"
    ).fetchall()
    for table, night, columns in files:
        nights[table][night].append(frozenset(columns))
    return [
        note
        for table in TABLES.values()
        for note in _missing(table, nights[table.name].pop(as_of, []), nights[table.name].values())
    ]


def _missing(table: Table, tonight: Night, earlier: Iterable[Night]) -> Iterator[Note]:
    for column in table.columns:
        name = column.name
        without = sum(name not in columns for columns in tonight)
        if column.required or not without:
            continue
        had = [[name in columns for columns in night] for night in earlier]
        is_missing = any(map(all, had)) or (without == len(tonight) and any(map(any, had)))
        if is_missing:
            files = counted(without, "file")
            yield Note(COLUMN_MISSING, {"table": table.name, "column": name, "files": files})
