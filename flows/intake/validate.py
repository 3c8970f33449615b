"""Validate: the Pandera models decide which rows are quarantined, and count the warnings, file by file."""

from bisect import bisect_left
from collections import Counter

import duckdb
import polars as pl

from flows.errors import DoesNotBalance, TooManyBadRows
from flows.warehouse.sql import identifier
from schemas.rows import error_model, failures, warning_checks
from schemas.tables import TABLES, Table


def validate(connection: duckdb.DuckDBPyConnection, max_error_rate: float) -> None:
    """Move rows that do not hold into the quarantine, and group the warnings of the others.

    Raises TooManyBadRows where more than that share of a file's rows is quarantined.
    """
    rejects = _structural_rejects(connection)
    for table in TABLES.values():
        _quarantine(connection, table, rejects)
        _warn(connection, table, rejects)
    counts = connection.execute(
        """SELECT f.name, f.rows_read, count(DISTINCT q.row_number)
           FROM main.file f JOIN main.quarantine q USING (file_no) GROUP BY ALL ORDER BY f.name"""
    ).fetchall()
    for name, rows_read, quarantined in counts:
        check_rate(name, rows_read, quarantined, max_error_rate)


def _structural_rejects(connection: duckdb.DuckDBPyConnection) -> dict[int, list[int]]:
    """Per file, for each record that could not be split into columns: how many readable records stand before it."""
    rows = connection.execute(
        "SELECT file_no, list(row_number ORDER BY row_number) FROM main.quarantine GROUP BY 1"
    ).fetchall()
    return {int(f): [int(n) - i - 1 for i, n in enumerate(numbers)] for f, numbers in rows}


def record_number(position: int, rejects: list[int]) -> int:
    """The record's number in its file, from its position among the readable records."""
    return position + bisect_left(rejects, position)


def _quarantine(
    connection: duckdb.DuckDBPyConnection, table: Table, rejects: dict[int, list[int]]
) -> None:
    suspects = connection.sql(
        f"SELECT * EXCLUDE (member_hash, row_hash, notes) FROM main.{identifier(table.name)} WHERE raw_record IS NOT NULL"
    ).pl()
    if suspects.is_empty():
        return
    names = [c.name for c in table.columns]
    record = pl.col("raw_record").str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    texts = (
        suspects.select(record.alias("record"))
        .unnest("record")
        .rename({n: n + "_text" for n in names})
    )
    failed = failures(error_model(table), pl.concat([suspects, texts], how="horizontal"))
    if failed["index"].n_unique() != suspects.height:
        raise DoesNotBalance(
            f"{table.name}: a row was set aside that no check refuses. This is a bug; please report it."
        )
    located = failed.join(
        suspects.with_row_index("index").with_columns(pl.col("index").cast(pl.Int64)), on="index"
    )
    rows = [
        (f, record_number(n, rejects.get(f, [])), *check.split("|", 1), raw)
        for f, n, check, raw in located.select(
            "file_no", "row_number", "check", "raw_record"
        ).iter_rows()
    ]
    quarantined = pl.DataFrame(
        rows,
        schema=["file_no", "row_number", "column_name", "check_name", "raw_record"],
        orient="row",
    )
    connection.register("quarantined", quarantined)
    connection.execute("INSERT INTO main.quarantine BY NAME SELECT * FROM quarantined")
    connection.unregister("quarantined")
    connection.execute(f"DELETE FROM main.{identifier(table.name)} WHERE raw_record IS NOT NULL")


def _warn(
    connection: duckdb.DuckDBPyConnection, table: Table, rejects: dict[int, list[int]]
) -> None:
    found: Counter[tuple[int, str, str]] = Counter()
    first: dict[tuple[int, str, str], int] = {}

    def add(file_no: int, column: str, check: str, rows: int, position: int) -> None:
        key = (file_no, column, check)
        found[key] += rows
        first[key] = min(first.get(key, position), position)

    supplied = {
        n
        for row in connection.execute(
            "SELECT columns FROM main.file WHERE table_name = ?", [table.name]
        ).fetchall()
        for n in row[0]
    }
    for columns, check, model in warning_checks(table):
        if not set(columns[:1]) <= supplied:
            continue
        keys = ", ".join(identifier(c) for c in columns)
        distinct = connection.sql(
            f"SELECT {keys}, file_no, count(*) AS rows, min(row_number) AS first_row FROM main.{identifier(table.name)} "
            f"WHERE {identifier(columns[0])} IS NOT NULL GROUP BY {keys}, file_no"
        ).pl()
        bad = failures(model, distinct)["index"].unique().to_list()
        for file_no, rows, position in (
            distinct[bad].select("file_no", "rows", "first_row").iter_rows()
        ):
            add(file_no, columns[0], check, rows, position)
    noted = connection.execute(
        f"SELECT file_no, notes, count(*), min(row_number) FROM main.{identifier(table.name)} "
        "WHERE notes IS NOT NULL GROUP BY ALL"
    ).fetchall()
    for file_no, notes, rows, position in noted:
        for note in notes.split(","):
            column, check = note.split("|")
            add(file_no, column, check, rows, position)
    for (file_no, column, check), rows in sorted(found.items()):
        number = record_number(first[file_no, column, check], rejects.get(file_no, []))
        connection.execute(
            "INSERT INTO main.warning VALUES (?, ?, ?, ?, ?)",
            [file_no, column, check, rows, number],
        )


def check_rate(file_name: str, rows_read: int, quarantined: int, max_error_rate: float) -> None:
    """Raise TooManyBadRows where more than that share of a file's rows is quarantined."""
    if quarantined > max_error_rate * rows_read:
        raise TooManyBadRows(
            f"{file_name}: {quarantined} of {rows_read} rows cannot be used, more than the {max_error_rate:.1%} allowed. "
            "Mend the extract, or raise max_error_rate in the config."
        )
