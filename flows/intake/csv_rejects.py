"""Rows that DuckDB's CSV reader rejects because it cannot split them into columns."""

import duckdb

from flows.intake.csv_records import number_lines
from flows.intake.csv_scan import CsvScan
from flows.intake.landing import ExtractFile
from flows.warehouse.sql import one


def count_rejects(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows of the file just read were rejected."""
    return one(connection, "SELECT count(DISTINCT line) FROM reject_errors")


def has_overlong_line(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a row of the file just read was rejected for its length."""
    overlong = "error_type = 'LINE SIZE OVER MAXIMUM'"
    return one(connection, f"SELECT count(*) FROM reject_errors WHERE {overlong}") > 0


def quarantine_rejects(
    connection: duckdb.DuckDBPyConnection,
    file_no: int,
    extract: ExtractFile,
    scan: CsvScan,
    delimiter: str,
) -> int:
    """Move the rejected rows into the quarantine; returns how many.

    DuckDB counts blank lines as well; if there are any, the number of the record is looked up.
    """
    rejected = count_rejects(connection)
    numbers = (
        number_lines(extract, scan.plain, delimiter) if rejected and scan.has_blank_lines else []
    )
    connection.execute(
        """INSERT INTO main.quarantine
           SELECT ?, coalesce(CAST(? AS BIGINT[])[CAST(line AS BIGINT)], line - 1), NULL,
                  lower(replace(CAST(any_value(error_type) AS VARCHAR), ' ', '_')),
                  ltrim(any_value(csv_line), chr(10) || chr(13))
           FROM reject_errors GROUP BY line ORDER BY line""",
        [file_no, numbers],
    )
    drop_rejects(connection)
    return rejected


def drop_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop DuckDB's tables of rejected rows, before it reads another file."""
    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")
