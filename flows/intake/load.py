"""Load: every file of the landing folder into its table, typed, each row with its file and row number.

One pass per file: DuckDB reads the text, parses each value, and keeps the raw record only of rows in which
something does not hold. Meanwhile Python takes its own first look at the next file (scan.py). Which rows are
quarantined is decided afterwards, by the Pandera models (validate.py).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from flows.errors import DoesNotBalance, InputRefused, UsageError, mentions_disk_failure
from flows.intake.config import Config
from flows.intake.control import check_hash, check_rows
from flows.intake.csv_records import count_exactly, number_lines
from flows.intake.csv_scan import CsvScan, scan_csv
from flows.intake.landing import ExtractFile, FileStamp, sha256_of, stamp_of
from flows.intake.parsing import insert_statement
from flows.intake.readers import (
    LONG_LINE_BYTES,
    csv_source,
    is_glob,
    match_header,
    parquet_source,
)
from flows.warehouse.connection import Workbench, add_columns, create_table
from flows.warehouse.sql import identifier, literals, one, run
from schemas.tables import CLAIM_TABLES, TABLES, Table

_NESTED = ("[", "STRUCT", "MAP", "UNION", "BLOB")
_CHANGED = "the file changed while it was read. Run again when it is complete."


@dataclass
class LoadResult:
    """Rows of the extracts that were loaded, and names of those that were not.

    passed_over   their content is in the warehouse already.
    growing       they were still growing.
    """

    passed_over: list[str] = field(default_factory=list)
    growing: list[str] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True)
class FileScan:
    """What Python finds in a file before the engine reads it: its hash, and of a new CSV file a scan or why it is refused."""

    sha256: str
    scan: CsvScan | InputRefused | None = None


def load(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extracts: list[ExtractFile],
    config: Config,
    step: Callable[[str], None],
) -> LoadResult:
    """Load every extract whose content is not in the warehouse yet; one that is still growing is left for the next run.

    Raises InputRefused for a file that is not a table of the contract, and OSError where the disk fails.
    """
    loaded, fresh = LoadResult(), {}
    formats = list(config.date_formats)
    run(
        connection,
        "intake/parse",
        listed_format=f"CAST(try_strptime(v, {literals(formats)}) AS DATE)"
        if formats
        else "CAST(NULL AS DATE)",
    )
    for table in TABLES.values():
        connection.execute(f"DROP TABLE main.{identifier(table.name)}")
        create_table(connection, table, [c.name for c in table.columns if c.required])
    known = _known(connection, bench)
    file_no, load_no = (max((k[i] for k in known.values()), default=0) for i in (0, 1))
    with _looks(extracts, set(known), config, bench.scratch) as looks:
        for extract, waiting in zip(extracts, looks, strict=True):
            look = waiting.result()
            check_hash(extract, look.sha256)
            if (extract.table, look.sha256) in known:
                loaded.passed_over.append(extract.name)
                connection.execute(
                    "INSERT INTO run.again VALUES (?, ?)", [extract.table, look.sha256]
                )
                step(extract.name)
                continue
            file_no += 1
            known[extract.table, look.sha256] = (file_no, load_no + 1)
            fresh[file_no] = extract
            try:
                _load_file(connection, bench, extract, look, file_no, load_no + 1, config)
            except InputRefused:
                if not _has_grown(extract.stamp, stamp_of(extract.path)):
                    raise
                _forget_file(connection, TABLES[extract.table], file_no)
            step(extract.name)
    for number, extract in fresh.items():
        now = stamp_of(extract.path)
        if _has_grown(extract.stamp, now):
            loaded.growing.append(extract.name)
            _forget_file(connection, TABLES[extract.table], number)
        elif now != extract.stamp:
            raise InputRefused(f"{extract.name}: {_CHANGED}")
    connection.execute("BEGIN")  # together they cost a third
    for table in TABLES.values():
        add_columns(connection, table, [c.name for c in table.columns])
    connection.execute("COMMIT")
    loaded.rows = one(connection, "SELECT coalesce(sum(rows_read), 0) FROM main.file")
    claims = one(
        connection,
        f"SELECT count(*) FROM every_file WHERE table_name IN {literals(list(CLAIM_TABLES))}",
    )
    if loaded.growing and not claims:
        raise InputRefused(f"{loaded.growing[0]}: {_CHANGED}")
    return loaded


def _known(
    connection: duckdb.DuckDBPyConnection, bench: Workbench
) -> dict[tuple[str, str], tuple[int, int]]:
    """Table and hash of every file of the warehouse, whatever night it was loaded -> its numbers of file and load."""
    if not bench.warehouse.exists():
        return {}
    rows = connection.execute(
        "SELECT table_name, sha256, file_no, load_no FROM kept.main.file"
    ).fetchall()
    return {(table, sha256): (file_no, load_no) for table, sha256, file_no, load_no in rows}


@contextmanager
def _looks(
    extracts: list[ExtractFile], known: set[tuple[str, str]], config: Config, scratch: Path
) -> Iterator[list[Future[FileScan]]]:
    """A first look at every file, in order and aside of the engine."""
    aside = ThreadPoolExecutor(max_workers=1)
    try:
        yield [aside.submit(_look, extract, known, config, scratch) for extract in extracts]
    finally:
        aside.shutdown(cancel_futures=True)


def _look(
    extract: ExtractFile, known: set[tuple[str, str]], config: Config, scratch: Path
) -> FileScan:
    try:
        sha256 = sha256_of(extract.path)
    except (FileNotFoundError, PermissionError):
        raise InputRefused(
            f"{extract.name}: the file is gone or may not be read. Mend that, then run again."
        ) from None
    if extract.is_parquet or (extract.table, sha256) in known:
        return FileScan(sha256)
    try:
        return FileScan(sha256, scan_csv(extract, config.delimiter, config.encoding, scratch))
    except InputRefused as refusal:
        return FileScan(sha256, refusal)


def _has_grown(found: FileStamp | None, now: FileStamp | None) -> bool:
    """Whether a file is the same as it was found, only longer: its sender is not done."""
    return found is not None and now is not None and found[0] == now[0] and found[1] < now[1]


def _load_file(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extract: ExtractFile,
    look: FileScan,
    file_no: int,
    load_no: int,
    config: Config,
) -> None:
    table, scan = TABLES[extract.table], look.scan
    if isinstance(scan, InputRefused):
        raise scan
    if scan:
        header, types, expected = scan.header, None, scan.records
        if scan.plain != extract.path and is_glob(bench.scratch):
            raise UsageError(
                "The path of the warehouse holds a * ? or [, the engine's signs of a pattern. Choose another --output."
            )
        source = csv_source(scan, config)
    else:
        parquet = parquet_source(connection, extract)
        source, header, types, expected = parquet.sql, parquet.header, parquet.types, parquet.rows
    positions, unknown = match_header(
        table, header, config.columns.get(table.name, {}), extract.name
    )
    if types and any(word in types[i] for i in positions.values() for word in _NESTED):
        raise InputRefused(
            f"{extract.name}: a column of the table holds lists, structures or bytes. Export it as plain values."
        )
    add_columns(connection, table, [*positions, *(c.name for c in table.columns if c.default)])
    try:
        connection.execute(insert_statement(table, positions, source, file_no, types))
        if scan and _has_long_lines(connection, table, file_no, scan.records):
            _forget(connection, table, file_no)
            connection.execute(
                insert_statement(
                    table, positions, csv_source(scan, config, LONG_LINE_BYTES), file_no, types
                )
            )
    except duckdb.Error as error:
        _blame_file(error, extract)
        raise
    rejected = _keep_rejects(connection, file_no, extract, scan, config.delimiter) if scan else 0
    loaded = _number_rows(connection, table, file_no)
    if scan and loaded + rejected != expected:
        expected = count_exactly(extract, scan.plain, config.delimiter)
    if loaded + rejected != expected:
        raise InputRefused(
            f"{extract.name}: {expected} records were counted but {loaded + rejected} read, so the file is damaged (in a CSV "
            "file its quotes or line breaks). Export it again."
        )
    check_rows(extract, loaded + rejected)
    connection.execute(
        "INSERT INTO main.file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            file_no,
            table.name,
            extract.name,
            look.sha256,
            loaded + rejected,
            sorted(positions),
            sorted(unknown),
            bench.night,
            load_no,
        ],
    )


def _has_long_lines(
    connection: duckdb.DuckDBPyConnection, table: Table, file_no: int, records: int
) -> bool:
    """Whether a line was too long for a reading: rejected as such, or (far longer) left out without a word."""
    rejected = one(connection, "SELECT count(DISTINCT line) FROM reject_errors")
    too_long = one(
        connection, "SELECT count(*) FROM reject_errors WHERE error_type = 'LINE SIZE OVER MAXIMUM'"
    )
    return too_long > 0 or _loaded(connection, table, file_no) + rejected != records


def _loaded(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> int:
    return one(
        connection, f"SELECT count(*) FROM main.{identifier(table.name)} WHERE file_no = ?", file_no
    )


def _number_rows(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> int:
    """Number the rows of a file as they stand in it, from 1; returns how many.

    The engine keeps the order of insertion and numbers physical rows by `rowid`: counting while reading would take one core.
    """
    name = identifier(table.name)
    rows, first, last = connection.execute(
        f"SELECT count(*), coalesce(min(rowid), 1), coalesce(max(rowid), 0) FROM main.{name} WHERE file_no = ?",
        [file_no],
    ).fetchall()[0]
    if last - first + 1 != rows:
        raise DoesNotBalance(
            f"{table.name}: {rows} rows were loaded, but not side by side. This is a bug; please report it."
        )
    connection.execute(
        f"UPDATE main.{name} SET row_number = rowid - {int(first) - 1} WHERE file_no = ?", [file_no]
    )
    return int(rows)


def _forget(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> None:
    """Undo the reading of a file, to read it again."""
    connection.execute(f"DELETE FROM main.{identifier(table.name)} WHERE file_no = ?", [file_no])
    _drop_rejects(connection)


def _forget_file(connection: duckdb.DuckDBPyConnection, table: Table, file_no: int) -> None:
    """Undo the loading of a file altogether."""
    for name in (table.name, "quarantine", "file"):
        connection.execute(f"DELETE FROM main.{identifier(name)} WHERE file_no = ?", [file_no])
    _drop_rejects(connection)


def _drop_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")


def _keep_rejects(
    connection: duckdb.DuckDBPyConnection,
    file_no: int,
    extract: ExtractFile,
    scan: CsvScan,
    delimiter: str,
) -> int:
    """Quarantine the rows that the CSV reader could not split into columns; returns how many.

    The reader counts blank lines as well: where there are any, the record's number is looked up.
    """
    rejected = one(connection, "SELECT count(DISTINCT line) FROM reject_errors")
    numbers = (
        number_lines(extract, scan.plain, delimiter) if rejected and scan.has_blank_lines else []
    )
    connection.execute(
        """INSERT INTO main.quarantine
           SELECT ?, coalesce(CAST(? AS BIGINT[])[CAST(line AS BIGINT)], line - 1), NULL,
                  lower(replace(CAST(any_value(error_type) AS VARCHAR), ' ', '_')), ltrim(any_value(csv_line), chr(10) || chr(13))
           FROM reject_errors GROUP BY line ORDER BY line""",
        [file_no, numbers],
    )
    _drop_rejects(connection)
    return rejected


def _blame_file(error: duckdb.Error, extract: ExtractFile) -> None:
    """Raise InputRefused where the engine failed over the file's bytes, not over the disk or for want of memory."""
    is_of_file = extract.is_parquet or isinstance(
        error, (duckdb.InvalidInputException, duckdb.IOException)
    )
    if (
        is_of_file
        and not isinstance(error, duckdb.OutOfMemoryException)
        and not mentions_disk_failure(error)
    ):
        raise InputRefused(
            f"{extract.name}: the file is damaged and cannot be read to its end. Export or transfer it again."
        ) from None
