"""Load one file: read it into its table, number its rows, check its counts, record it."""

from dataclasses import dataclass
from datetime import date

import duckdb

from flows.errors import DoesNotBalance, InputRefused, UsageError, mentions_disk_failure
from flows.intake.config import Config
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
from flows.intake.parsing import insert_statement
from flows.intake.readers import (
    ParquetSource,
    csv_source,
    is_glob,
    match_header,
    parquet_source,
)
from flows.intake.scan_ahead import FileScan
from flows.warehouse.connection import Workbench
from flows.warehouse.layout import add_columns, note_not_read_again
from flows.warehouse.sql import identifier, one
from schemas.tables import TABLES, Table

_NESTED_TYPES = ("[", "STRUCT", "MAP", "UNION", "BLOB")


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
    config: Config,
) -> None:
    """Load a file whose content is new, or that is read again.

    Raises InputRefused if it cannot be read as a table of the contract, or its counts differ.
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
    source = csv or parquet_source(connection, extract)
    mapping = config.columns.get(table.name, {})
    positions, unknown = match_header(table, source.header, mapping, extract.name)
    if isinstance(source, ParquetSource):
        _refuse_nested(extract, [source.types[i] for i in positions.values()])
    add_columns(connection, table, [*positions, *(c.name for c in table.columns if c.default)])
    try:
        if isinstance(source, ParquetSource):
            connection.execute(
                insert_statement(table, positions, source.sql, file_no, source.types)
            )
        else:
            _insert_csv(connection, table, positions, source, config, file_no)
    except duckdb.Error as error:
        _blame_file(error, extract)
        raise
    rejected = quarantine_rejects(connection, file_no, extract, csv, config.delimiter) if csv else 0
    rows_read = _number_rows(connection, table, file_no) + rejected
    expected = source.records
    if csv and rows_read != expected:
        expected = count_exactly(extract, csv.plain, config.delimiter)
    if rows_read != expected:
        raise InputRefused(
            f"{extract.name}: {expected} records were counted but {rows_read} were read, so the "
            "file is damaged (in a CSV file: its quotes or line breaks). Export it again."
        )
    check_rows(extract, rows_read)
    connection.execute(
        "INSERT INTO main.file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            *(file_no, table.name, entry.name, scan.sha256, rows_read),
            *(sorted(positions), sorted(unknown), entry.night, entry.load_no, entry.read_under),
        ],
    )


def undo_file(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> None:
    """Remove everything that was loaded from a file."""
    for name in (table.name, "quarantine", "file"):
        connection.execute(f"DELETE FROM main.{identifier(name)} WHERE file_no = ?", [file_no])
    note_not_read_again(connection, file_no)
    drop_rejects(connection)


def _refuse_nested(extract: ExtractFile, types: list[str]) -> None:
    if any(nested in type_ for type_ in types for nested in _NESTED_TYPES):
        raise InputRefused(
            f"{extract.name}: a column of the table contains lists, structures or bytes. Export it "
            "as plain values."
        )


def _insert_csv(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    positions: dict[str, int],
    scan: CsvScan,
    config: Config,
    file_no: int,
) -> None:
    """Read a CSV file; again with room for longer lines if some were too long.

    DuckDB rejects such a line, or skips it silently if it is far too long.
    """
    connection.execute(insert_statement(table, positions, csv_source(scan, config), file_no, None))
    name = f"main.{identifier(table.name)}"
    stored = one(connection, f"SELECT count(*) FROM {name} WHERE file_no = ?", file_no)
    if has_overlong_line(connection) or stored + count_rejects(connection) != scan.records:
        connection.execute(f"DELETE FROM {name} WHERE file_no = ?", [file_no])
        drop_rejects(connection)
        source = csv_source(scan, config, LONGEST_LINE)  # bytes here: reading slows to one core
        connection.execute(insert_statement(table, positions, source, file_no, None))


def _number_rows(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> int:
    """Number the rows of a file in their order, from 1; returns how many there are.

    DuckDB keeps the order of insertion and numbers physical rows as `rowid`; counting rows while
    reading would limit it to one core.
    """
    name = f"main.{identifier(table.name)}"
    rows, first, last = connection.execute(
        f"""SELECT count(*), coalesce(min(rowid), 1), coalesce(max(rowid), 0)
            FROM {name} WHERE file_no = ?""",
        [file_no],
    ).fetchall()[0]
    if last - first + 1 != rows:
        raise DoesNotBalance(
            f"{table.name}: the {rows} rows loaded are not contiguous. This is a bug; please "
            "report it."
        )
    connection.execute(
        f"UPDATE {name} SET row_number = rowid - {int(first) - 1} WHERE file_no = ?", [file_no]
    )
    return int(rows)


def _blame_file(error: duckdb.Error, extract: ExtractFile) -> None:
    """Raise InputRefused if DuckDB failed because of the file's bytes, not for disk or memory."""
    is_of_file = extract.is_parquet or isinstance(
        error, (duckdb.InvalidInputException, duckdb.IOException)
    )
    is_of_machine = isinstance(error, duckdb.OutOfMemoryException) or mentions_disk_failure(error)
    if is_of_file and not is_of_machine:
        raise InputRefused(
            f"{extract.name}: the file is damaged and cannot be read to its end. Export or "
            "transfer it again."
        ) from None
