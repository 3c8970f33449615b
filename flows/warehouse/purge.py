"""Purge: remove every person whose records all predate a cutoff date.

Claims are not purged by their own date. The rules judge each line by its person's whole history, so
a missing trial, dose or reversal would turn into an accusation. The rows that stay are copied into
a new file, which then replaces the warehouse: no purged byte is left in it, and a purge that fails
leaves the warehouse as it was.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from flows.errors import UsageError
from flows.warehouse.connection import (
    NO_SUCH_WAREHOUSE,
    Workbench,
    opened,
    workbench,
)
from flows.warehouse.files import empty_folder, real_path
from flows.warehouse.journal import FILE, digests, intact, seal, subject
from flows.warehouse.keep import become_warehouse
from flows.warehouse.lake import all_rows
from flows.warehouse.lake_folders import settle_after_commit
from flows.warehouse.layout import LEDGERS, create_ledger_view, drop_run_tables
from flows.warehouse.lock import hold
from flows.warehouse.named_in import Ids
from flows.warehouse.purge_lakes import PERSONAL, purge_lakes, waiting_folders
from flows.warehouse.sql import day, identifier, one, run
from flows.warehouse.upgrade import upgrade
from schemas.table import Kind, Table
from schemas.tables import TABLES

_PURGED_ROWS = " UNION ALL ".join(
    f"SELECT file_no, row_number FROM kept_{name} WHERE member_id IN (FROM purged_member)"
    for name in PERSONAL
)
_GONE = f"""
    SELECT file_no, true AS is_row, concat('row ', row_number) AS what FROM ({_PURGED_ROWS})
    UNION ALL
    SELECT file_no, false, concat('text ', row_number) FROM purged_text"""
"""Everything that is removed from a file: rows, and texts of quarantined records."""
_STILL_ENROLLED = "coalesce(t.enrollment_end_date, DATE '9999-12-31')"
_CORRECTED_BY = {
    "eligibility": "coalesce(t.person_id, t.member_id), lower(t.payer), t.enrollment_start_date",
    "authorization": "t.authorization_id",
}
"""Tables in which a later load of a key replaces an earlier one, and may close an open end."""
_READ = tuple(f"kept.main.{name}" for name in ("ledger_event", "quarantine", "file"))
"""Tables that sql/warehouse/purge.sql reads."""
_BATCH = 10_000  # lines looked through at a time


@dataclass(frozen=True)
class PurgeCounts:
    """What a purge removed, as counts, which are safe to print.

    texts   quarantined records whose raw text was removed.
    left    what the user must know about rows that are left in a lake.
    """

    members: int
    rows: int
    exceptions: int
    texts: int
    left: tuple[str, ...] = ()


def purge(warehouse: Path, before: date, dry_run: bool = False) -> PurgeCounts:
    """Remove every person with no record dated on or after the day, and older quarantined text.

    Raises UsageError if there is no warehouse or the day is after its last as-of date, and
    WarehouseBusy if a run is using it.
    """
    if not warehouse.exists():
        raise UsageError(NO_SUCH_WAREHOUSE)
    warehouse = real_path(warehouse)
    if warehouse.stat().st_nlink > 1 and not dry_run:
        raise UsageError(
            f"{warehouse.name} has another name (a hard link), under which the purged rows would "
            "stay. Remove that name first."
        )
    with hold(warehouse), _empty_workbench(warehouse) as bench:
        upgrade(warehouse)  # applies a log, which must not outlive the old file
        with waiting_folders(warehouse) as lakes, opened(bench, *lakes.values()) as connection:
            (last,) = connection.execute("SELECT max(as_of) FROM kept.main.night").fetchall()[0]
            if last is None or before > last:
                raise UsageError(
                    "--before is after the last as-of date in the warehouse. Give that date or an "
                    "earlier one."
                )
            counts = _list_and_count(connection, before)
            if not dry_run:
                drop_run_tables(connection)
                in_lakes = purge_lakes(connection, lakes, warehouse, f"purged-{before}")
                _copy_what_stays(connection, before, in_lakes.damaged)
                create_ledger_view(connection)
        if not dry_run:
            become_warehouse(bench)
            settle_after_commit(in_lakes.unsettled, warehouse)
            counts = replace(counts, left=in_lakes.left)
    return counts


@contextmanager
def _empty_workbench(warehouse: Path) -> Iterator[Workbench]:
    """An empty workbench, removed afterwards."""
    bench = workbench(warehouse)
    empty_folder(bench.scratch)
    try:
        yield bench
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)


def _list_and_count(connection: duckdb.DuckDBPyConnection, before: date) -> PurgeCounts:
    """List what will be removed in temporary tables (sql/warehouse/purge.sql), and count it."""
    for name in TABLES:
        source = all_rows(connection, "kept.main", name)
        connection.execute(f"CREATE TEMP VIEW kept_{name} AS FROM {source}")
    dated = " UNION ALL ".join(_last_dates(t) for t in PERSONAL.values())
    connection.execute(f"CREATE TEMP TABLE purge_dated AS {dated}")
    run(connection, "warehouse/purge", reads=_READ, day=day(before))
    _list_records(connection)
    rows = one(connection, f"SELECT count(*) FROM ({_PURGED_ROWS})")
    members, exceptions, texts = (
        one(connection, f"SELECT count(*) FROM {name}")
        for name in ("purged_member", "purged_exception", "purged_text")
    )
    return PurgeCounts(members, rows, exceptions, texts)


def _list_records(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the quarantined records that name a purged id to the texts to remove."""
    ids = Ids(row[0] for row in connection.execute("FROM purged_id").fetchall())
    lines = connection.execute("FROM purge_line")
    named: list[tuple[int, int]] = []
    while batch := lines.fetchmany(_BATCH):
        named += [(file_no, number) for file_no, number, line in batch if ids.are_in(line)]
    found = pl.DataFrame(named, schema={"file_no": pl.Int64, "row_number": pl.Int64}, orient="row")
    connection.register("found", found)
    connection.execute("INSERT INTO purged_text SELECT * FROM found")
    connection.unregister("found")


def _last_dates(table: Table) -> str:
    """SQL for a table's members and persons: the last date on their rows, and their last load."""
    dates = [
        f"t.{identifier(n)}"
        for n in table.of_kind(Kind.DATE)
        if n not in ("birth_date", "enrollment_end_date")
    ]
    if table.name == "eligibility":
        dates.append(_STILL_ENROLLED)
    last = f"greatest({', '.join(dates)})"
    if table.name in _CORRECTED_BY:
        latest_load = f"max(f.load_no) OVER (PARTITION BY {_CORRECTED_BY[table.name]})"
        last = f"CASE WHEN f.load_no = {latest_load} THEN {last} END"
    return f"""SELECT member_id, person_id, max(last_date) AS last_date, max(night) AS loaded
               FROM (SELECT t.member_id, t.person_id, f.night, {last} AS last_date
                     FROM kept_{table.name} t JOIN kept.main.file f USING (file_no))
               GROUP BY ALL"""


def _copy_what_stays(
    connection: duckdb.DuckDBPyConnection, before: date, damaged: set[int]
) -> None:
    """Copy every row that stays into the workbench, and record how many rows each file loses.

    damaged   numbers of files whose rows in a lake were changed: that must stay visible.
    """
    for name in [*TABLES, *(n for n in LEDGERS if n not in ("meta", "lake_file"))]:
        source = f"kept.main.{identifier(name)}"
        columns = {row[0] for row in connection.execute(f"DESCRIBE {source}").fetchall()}
        chosen, condition = "*", ""
        if "member_id" in columns:
            condition = "WHERE member_id NOT IN (FROM purged_member)"
        elif "exception_id" in columns:
            condition = "WHERE exception_id NOT IN (FROM purged_exception)"
        elif name == "lake":  # new files are in one already
            condition = "WHERE home NOT IN (FROM main.lake)"
        elif name == "night_total":  # sums that hold what persons who go were paid
            condition = "WHERE NOT EXISTS (FROM purged_member)"
        elif name == "quarantine":
            is_purged = "(file_no, row_number) IN (SELECT (file_no, row_number) FROM purged_text)"
            chosen = f"* REPLACE (CASE WHEN NOT {is_purged} THEN raw_record END AS raw_record)"
        connection.execute(
            f"INSERT INTO main.{identifier(name)} BY NAME SELECT {chosen} FROM {source} {condition}"
        )
    connection.execute(
        f"""INSERT INTO main.purge
            SELECT {day(before)}, file_no, count(*) FILTER (is_row), bit_xor(md5_number_lower(what))
            FROM kept.main.file LEFT JOIN ({_GONE}) USING (file_no)
            GROUP BY file_no ORDER BY file_no"""
    )
    before_it, after_it = (digests(connection, schema) for schema in ("kept.main", "main"))
    changed = [name for name, sha256 in before_it.items() if after_it.get(name) != sha256]
    otherwise = {subject(FILE, number) for number in damaged}
    whole = [name for name in intact(connection, "kept.main", changed) if name not in otherwise]
    seal(connection, "purge", whole)
