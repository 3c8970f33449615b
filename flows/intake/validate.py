"""Validate the loaded rows: quarantine those that fail a Pandera model, and count the warnings."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

import duckdb
import polars as pl

from flows.errors import DoesNotBalance, TooManyBadRows
from flows.intake.bad_files import BadFile, failed_in, refusal
from flows.intake.parsing import THEIRS
from flows.warehouse.lake import all_rows
from flows.warehouse.sql import identifier, one
from schemas.rows import (
    FORMAT_CHECKS,
    OFTEN_SPOILED,
    error_model,
    failures,
    warning_checks,
)
from schemas.table import Table
from schemas.tables import TABLES

BATCH_ROWS = 20_000  # failing rows that are in memory at a time
MOST_REFUSED_ROWS = 100_000  # failing rows of a table that are looked at if a file is refused
_COUNTED = [FORMAT_CHECKS[kind] for kind in OFTEN_SPOILED]

_THEIRS = f"json_extract(raw_record, '$.{THEIRS}')"
_OUR_IDS = ", ".join(
    f"""'our {name}', CASE WHEN NOT list_contains(
            map_values(CAST({_THEIRS} AS MAP(VARCHAR, VARCHAR))), raw_record->>'{name}')
        THEN raw_record->>'{name}' END"""
    for name in ("member_id", "person_id", "claim_id", "original_claim_id")
)
_SENDERS_RECORD = f"CAST(json_merge_patch({_THEIRS}, json_object({_OUR_IDS})) AS VARCHAR)"
"""SQL of the sender's record, with those of our ids that only an expression has made: a purge looks
for them in the text."""

Rejects = dict[int, list[int]]
"""Per file, for each record that could not be split: how many readable records precede it."""


def validate(
    connection: duckdb.DuckDBPyConnection,
    max_error_rate: float,
    facts: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> None:
    """Move rows that fail a check into the quarantine, and count the warnings of the others.

    facts   code of clinical evidence that documents declare -> its words; none: a number.

    Raises TooManyBadRows if more than that share of a file's rows is quarantined. Some of the rows
    are in the quarantine then, so that it shows why.
    """
    bad_files = _bad_files(connection)
    rejects = _find_rejects(connection)
    refused = next((file for file in bad_files if file.exceeds(max_error_rate)), None)
    failing = {file.table for file in bad_files}
    for table in TABLES.values():
        if table.name in failing:
            _quarantine(connection, table, rejects, MOST_REFUSED_ROWS if refused else None)
    if refused:
        raise TooManyBadRows(refusal(refused, failed_in(connection, refused), max_error_rate))
    for table in TABLES.values():
        _store_warnings(connection, table, rejects, facts)


def _bad_files(connection: duckdb.DuckDBPyConnection) -> list[BadFile]:
    """The files with rows that cannot be used, by name.

    The rows are counted before they are read: every row of a large file may fail.
    """
    failing = " UNION ALL ".join(
        f"SELECT file_no FROM main.{identifier(name)} WHERE raw_record IS NOT NULL"
        for name in TABLES
    )
    counts = connection.execute(
        f"""SELECT f.table_name, f.name, f.sha256, f.rows_read, count(*)
            FROM main.file f
            JOIN ({failing} UNION ALL SELECT file_no FROM main.quarantine) q USING (file_no)
            GROUP BY ALL ORDER BY f.name"""
    ).fetchall()
    return [BadFile(*row) for row in counts]


def record_number(position: int, rejects: list[int]) -> int:
    """The number of a record in its file, from its position among the readable records."""
    return position + bisect_left(rejects, position)


def _find_rejects(connection: duckdb.DuckDBPyConnection) -> Rejects:
    rows = connection.execute(
        "SELECT file_no, list(row_number ORDER BY row_number) FROM main.quarantine GROUP BY 1"
    ).fetchall()
    return {int(f): [int(n) - i - 1 for i, n in enumerate(numbers)] for f, numbers in rows}


def _quarantine(
    connection: duckdb.DuckDBPyConnection, table: Table, rejects: Rejects, most: int | None
) -> None:
    """Move the rows that kept their raw record into the quarantine, one row per failed check.

    most   if given, only so many rows.
    """
    name = f"main.{identifier(table.name)}"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE suspect AS
            SELECT * EXCLUDE (member_hash, row_hash),
                   CASE WHEN {_THEIRS} IS NULL THEN raw_record ELSE {_SENDERS_RECORD} END
                   AS shown_record
            FROM {name} WHERE raw_record IS NOT NULL ORDER BY file_no, row_number
            {"" if most is None else f"LIMIT {most}"}"""
    )
    for start in range(0, one(connection, "SELECT count(*) FROM suspect"), BATCH_ROWS):
        some = f"rowid >= {start} AND rowid < {start + BATCH_ROWS}"
        suspects = connection.sql(f"FROM suspect WHERE {some} ORDER BY rowid").pl()
        quarantined = _failed_checks(table, suspects, rejects)
        connection.register("quarantined", quarantined)
        connection.execute("INSERT INTO main.quarantine BY NAME SELECT * FROM quarantined")
        connection.unregister("quarantined")
    connection.execute("DROP TABLE suspect")
    connection.execute(f"DELETE FROM {name} WHERE raw_record IS NOT NULL")


def _failed_checks(table: Table, suspects: pl.DataFrame, rejects: Rejects) -> pl.DataFrame:
    """The rows for the quarantine: one per row and failed check."""
    failed = failures(error_model(table), _with_texts(suspects, table))
    if failed["index"].n_unique() != suspects.height:
        raise DoesNotBalance(
            f"{table.name}: a row was set aside although it fails no check. This is a bug; please "
            "report it."
        )
    located = failed.join(
        suspects.with_row_index("index").with_columns(pl.col("index").cast(pl.Int64)), on="index"
    ).select("file_no", "row_number", "check", "shown_record")
    rows = [
        (file_no, record_number(position, rejects.get(file_no, [])), *check.split("|", 1), raw)
        for file_no, position, check, raw in located.iter_rows()
    ]
    return pl.DataFrame(
        rows,
        schema=["file_no", "row_number", "column_name", "check_name", "raw_record"],
        orient="row",
    )


def _with_texts(suspects: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The rows with the text of each value, from their raw record, in columns COLUMN_text."""
    names = [c.name for c in table.columns]
    record = pl.col("raw_record").str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    texts = suspects.select(record.alias("record")).unnest("record")
    return pl.concat([suspects, texts.rename(lambda name: name + "_text")], how="horizontal")


class _WarningCounts:
    """Rows per file, column and check, and the position of the first of them."""

    def __init__(self) -> None:
        self.rows: Counter[tuple[int, str, str]] = Counter()
        self.first: dict[tuple[int, str, str], int] = {}

    def add(self, file_no: int, column: str, check: str, rows: int, position: int) -> None:
        key = (file_no, column, check)
        self.rows[key] += rows
        self.first[key] = min(self.first.get(key, position), position)


def _store_warnings(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    rejects: Rejects,
    facts: Mapping[str, tuple[str, ...]],
) -> None:
    counts = _WarningCounts()
    stored = all_rows(connection, "main", table.name)
    _count_malformed_values(connection, table, stored, counts, facts)
    _count_notes(connection, stored, counts)
    for (file_no, column, check), rows in sorted(counts.rows.items()):
        first = counts.first[file_no, column, check]
        number = record_number(first, rejects.get(file_no, []))
        connection.execute(
            "INSERT INTO main.warning VALUES (?, ?, ?, ?, ?)",
            [file_no, column, check, rows, number],
        )


def _count_malformed_values(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    stored: str,
    counts: _WarningCounts,
    facts: Mapping[str, tuple[str, ...]],
) -> None:
    """Count what the warning models find; each distinct value is checked once."""
    files = connection.execute(
        "SELECT columns FROM main.file WHERE table_name = ?", [table.name]
    ).fetchall()
    supplied = {name for (names,) in files for name in names}
    for columns, check, model in warning_checks(table, facts):
        if not set(columns[:1]) <= supplied:
            continue
        named = [identifier(c) for c in columns]
        rows = f"{stored} WHERE {named[0]} IS NOT NULL"
        distinct = connection.sql(f"SELECT DISTINCT {', '.join(named)} FROM {rows}").pl()
        bad = distinct[failures(model, distinct)["index"].unique().to_list()]
        if bad.is_empty():
            continue
        connection.register("bad_value", bad)
        is_bad = " AND ".join(f"t.{c} IS NOT DISTINCT FROM b.{c}" for c in named)
        found = connection.execute(
            f"""SELECT file_no, count(*), min(row_number)
                FROM (FROM {rows}) t SEMI JOIN bad_value b ON {is_bad} GROUP BY file_no"""
        ).fetchall()
        connection.unregister("bad_value")
        for file_no, count, position in found:
            counts.add(file_no, columns[0], check, count, position)
        if check in _COUNTED:
            files_with_bad = ", ".join(str(file_no) for file_no, _, _ in found)
            connection.execute(
                f"""INSERT INTO main.value_count
                    SELECT file_no, ?, count(*) FROM {rows} AND file_no IN ({files_with_bad})
                    GROUP BY file_no""",
                [columns[0]],
            )


def _count_notes(
    connection: duckdb.DuckDBPyConnection, stored: str, counts: _WarningCounts
) -> None:
    """Count the warnings that were noted while parsing."""
    noted = connection.execute(
        f"""SELECT file_no, notes, count(*), min(row_number)
            FROM {stored}
            WHERE notes IS NOT NULL GROUP BY ALL"""
    ).fetchall()
    for file_no, notes, rows, position in noted:
        for note in notes.split(","):
            column, check = note.split("|")
            counts.add(file_no, column, check, rows, position)
