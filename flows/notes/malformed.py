"""Files in which so many codes are malformed that the sender must have spoiled the column."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import duckdb

from flows.warehouse.sql import literals
from schemas.notes import MANY_MALFORMED, MANY_MALFORMED_ELSEWHERE, Note, counted
from schemas.rows import FORMAT_CHECKS, OFTEN_SPOILED

_MOST_PERCENT = 1
_MOST_FILES = 3


class _File(NamedTuple):
    """A file with malformed codes in a column, and how many values it has there."""

    table: str
    column: str
    night: object
    name: str
    malformed: int
    values: int


def malformed_codes(connection: duckdb.DuckDBPyConnection) -> list[Note]:
    """Notes on files with more than one percent of malformed NDCs, HCPCS codes or NPIs in a column.

    The latest of each column are named, the others counted.
    """
    checks = [FORMAT_CHECKS[kind] for kind in OFTEN_SPOILED]
    rows = connection.execute(
        f"""SELECT f.table_name, w.column_name, f.night, f.name, w.rows, v.rows_with_value
            FROM every_warning w
            JOIN every_value_count v USING (file_no, column_name)
            JOIN every_file f USING (file_no)
            WHERE list_contains({literals(checks)}, w.check_name)
              AND w.rows * 100 > v.rows_with_value * {_MOST_PERCENT}
            ORDER BY f.table_name, w.column_name, f.night, f.name, f.sha256"""
    ).fetchall()
    files = [_File(*row) for row in rows]
    return [
        note
        for _, of_column in groupby(files, key=lambda file: (file.table, file.column))
        for note in _notes(list(of_column))
    ]


def _notes(files: list[_File]) -> Iterator[Note]:
    for file in files[-_MOST_FILES:]:
        yield Note(
            MANY_MALFORMED,
            {
                "file": file.name,
                "malformed": f"{file.malformed:,}",
                "values": f"{file.values:,}",
                "column": file.column,
                "share": f"{100 * file.malformed / file.values:.1f}",
            },
        )
    if others := files[:-_MOST_FILES]:
        yield Note(
            MANY_MALFORMED_ELSEWHERE,
            {
                "table": others[0].table,
                "column": others[0].column,
                "share": str(_MOST_PERCENT),
                "files": counted(len(others), "file"),
            },
        )
