"""Load one file: read it into its table, number its rows, check its counts, record it."""

import json
from dataclasses import dataclass
from datetime import date

import duckdb

from flows.errors import DoesNotBalance, InputRefused, UsageError, is_of_machine
from flows.intake.control import check_rows
from flows.intake.csv_records import LONGEST_LINE, count_exactly
from flows.intake.csv_rejects import (
    count_rejects,
    drop_rejects,
    has_overlong_line,
    quarantine_rejects,
)
from flows.intake.csv_scan import CsvScan
from flows.intake.landing import ExtractFile
from flows.intake.mapping import FOLDER, FileColumns, map_columns
from flows.intake.parsing import insert_statement
from flows.intake.readers import (
    ParquetSource,
    csv_source,
    parquet_source,
)
from flows.intake.scan_ahead import FileScan
from flows.intake.table_config import TableSettings
from flows.warehouse.columns import add_columns
from flows.warehouse.connection import Workbench
from flows.warehouse.layout import note_not_read_again
from flows.warehouse.parquet import is_glob
from flows.warehouse.sql import identifier, one
from schemas.table import Table
from schemas.tables import TABLES


@dataclass(frozen=True)
class FileEntry:
    """How the warehouse knows a file.

    file_no      its number.
    name         the name under which it was first loaded: it decides ties.
    night        the earliest as-of date of a run that was given it.
    load_no      the number of the load that brought it.
    read_under   a digest of how it was read (reading.py); None: a version loaded it that kept none.
    """

    file_no: int
    name: str
    night: date | None
    load_no: int
    read_under: str | None


def load_file(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extract: ExtractFile,
    scan: FileScan,
    entry: FileEntry,
    settings: TableSettings,
) -> None:
    """Load a file whose content is new, or that is read again.

    Raises InputRefused if it cannot be read as a table of the contract, or its counts differ, and
    NotInParts if one part of it cannot be read by itself.
    """
    file_no = entry.file_no
    if scan.refusal:
        raise scan.refusal
    table, csv = TABLES[extract.table], scan.csv
    if csv and csv.plain != extract.path and is_glob(bench.scratch):
        raise UsageError(
            "The warehouse path contains *, ? or [, which DuckDB treats as a glob. Choose another "
            "--output."
        )
    source = csv or parquet_source(connection, extract, scan.part)
    if isinstance(source, ParquetSource):
        sql = source.sql
    else:
        sql = csv_source(source, settings.delimiter)
    columns = map_columns(table, extract, settings, source, sql)
    given = [*columns.positions, *(c.name for c in table.columns if c.default)]
    add_columns(connection, table, given, bench.memory)
    try:
        is_tidy = bool(csv and csv.is_tidy)
        is_numbered = source.is_numbered and not columns.has_theirs
        connection.execute(_insert(table, columns, file_no, is_tidy, is_numbered))
        if csv and _needs_longer_lines(connection, table, csv, file_no):
            drop_rejects(connection)
            longer = csv_source(csv, settings.delimiter, LONGEST_LINE)  # slows to one core
            columns = map_columns(table, extract, settings, csv, longer)
            connection.execute(_insert(table, columns, file_no, is_tidy=False))
    except duckdb.Error as error:
        _blame_file(error, extract)
        raise
    rejected = 0
    if csv:
        rejected = quarantine_rejects(connection, file_no, extract, csv, settings.delimiter)
    rows_read = _number_rows(connection, table, file_no, is_numbered) + rejected
    expected = source.records
    if csv and rows_read != expected:
        expected = count_exactly(extract, csv.plain, settings.delimiter)
    if rows_read != expected:
        raise InputRefused(
            f"{extract.name}: {expected} records were counted but {rows_read} were read, so the "
            "file is damaged (in a CSV file: its quotes or line breaks). Export it again."
        )
    check_rows(extract, rows_read)
    connection.execute(
        "INSERT INTO main.file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(file_no, table.name, entry.name, scan.sha256, rows_read),
            *(sorted(columns.positions), sorted(columns.unknown), entry.night, entry.load_no),
            *(entry.read_under, extract.given_columns, csv.footer_lines if csv else 0),
            json.dumps(dict(sorted(columns.origins.items()))),
        ],
    )


def undo_file(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> None:
    """Remove everything that was loaded from a file."""
    for name in (table.name, "quarantine", "file", "lake_file"):
        connection.execute(f"DELETE FROM main.{identifier(name)} WHERE file_no = ?", [file_no])
    note_not_read_again(connection, file_no)
    drop_rejects(connection)


def _insert(
    table: Table, columns: FileColumns, file_no: int, is_tidy: bool, is_numbered: bool = False
) -> str:
    as_it_is = is_tidy and not columns.has_theirs and FOLDER not in columns.origins.values()
    return insert_statement(
        table,
        columns.positions,
        columns.sql,
        file_no,
        columns.types,
        columns.has_theirs,
        as_it_is,
        is_numbered=is_numbered,
    )


def _needs_longer_lines(
    connection: duckdb.DuckDBPyConnection, table: Table, scan: CsvScan, file_no: int
) -> bool:
    """Whether lines of a CSV file were too long; then what was read of it is removed.

    DuckDB rejects such a line, or skips it silently if it is far too long.
    """
    name = f"main.{identifier(table.name)}"
    stored = one(connection, f"SELECT count(*) FROM {name} WHERE file_no = ?", file_no)
    if not has_overlong_line(connection) and stored + count_rejects(connection) == scan.records:
        return False
    connection.execute(f"DELETE FROM {name} WHERE file_no = ?", [file_no])
    return True


def _number_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, file_no: int, is_numbered: bool
) -> int:
    """Number the rows of a file in their order, from 1, unless they are; returns how many.

    DuckDB numbers the records of a Parquet file as it reads them. Of others it keeps the order, and
    numbers the physical rows as `rowid`; counting rows while reading would limit it to one core.
    """
    name, number = f"main.{identifier(table.name)}", "row_number" if is_numbered else "rowid"
    rows, first, last = connection.execute(
        f"""SELECT count(*), coalesce(min({number}), 1), coalesce(max({number}), 0)
            FROM {name} WHERE file_no = ?""",
        [file_no],
    ).fetchall()[0]
    if last - first + 1 != rows or (is_numbered and first != 1):
        raise DoesNotBalance(
            f"{table.name}: the {rows} rows loaded are not contiguous. This is a bug; please "
            "report it."
        )
    if not is_numbered:
        connection.execute(
            f"UPDATE {name} SET row_number = rowid - {int(first) - 1} WHERE file_no = ?", [file_no]
        )
    return int(rows)


def _blame_file(error: duckdb.Error, extract: ExtractFile) -> None:
    """Raise InputRefused if DuckDB failed because of the file's bytes, not for disk or memory."""
    is_of_file = extract.is_parquet or isinstance(
        error, (duckdb.InvalidInputException, duckdb.IOException)
    )
    if is_of_file and not is_of_machine(error):
        raise InputRefused(
            f"{extract.name}: the file is damaged and cannot be read to its end. Export or "
            "transfer it again."
        ) from None
