"""Purge: everyone of whom nothing is dated on or after a day leaves the warehouse, with all that stands there about them.

Claims are not purged by their own date: what stays is judged by its person's whole history, and a trial, a dose or a
reversal that had gone would turn into an accusation. What stays is copied into a new file that then takes the
warehouse's place, so that no purged byte is left in it, and a purge that fails leaves the warehouse as it was.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from flows.errors import UsageError
from flows.warehouse.connection import (
    LEDGERS,
    Workbench,
    become_warehouse,
    hold,
    opened,
    upgrade,
    workbench,
    written,
)
from flows.warehouse.sql import day, identifier, one, run
from schemas.tables import TABLES, Kind, Table

_STILL_ENROLLED = "coalesce(t.enrollment_end_date, DATE '9999-12-31')"
_CORRECTED_BY = {
    "eligibility": "coalesce(t.person_id, t.member_id), lower(t.payer), t.enrollment_start_date",
    "authorization": "t.authorization_id",
}
"""Where a later load of a key takes the place of an earlier one, and may close what that left open."""


@dataclass(frozen=True)
class PurgeCounts:
    """What a purge removed, in counts: safe to print."""

    members: int
    rows: int
    exceptions: int
    texts: int


def purge(warehouse: Path, before: date, dry_run: bool = False) -> PurgeCounts:
    """Remove everyone of whom nothing is dated on or after the day, and the texts quarantined on nights before it.

    Raises UsageError where there is no warehouse or no night on or after the day, and WarehouseBusy where a run holds it.
    """
    if not warehouse.is_file():
        raise UsageError(
            "There is no such warehouse. Name the warehouse of a run with --warehouse."
        )
    with hold(warehouse), _empty(workbench(warehouse)) as bench:
        upgrade(warehouse)
        if warehouse.with_name(
            warehouse.name + ".wal"
        ).exists():  # a log of the old file must not outlive it
            with written(warehouse) as connection:
                connection.execute("CHECKPOINT")
        with opened(bench) as connection:
            (last,) = connection.execute("SELECT max(as_of) FROM kept.main.night").fetchall()[0]
            if last is None or before > last:
                raise UsageError(
                    "--before lies after the last night of the warehouse. Give that night's date or an earlier one."
                )
            purged = _find(connection, before)
            if not dry_run:
                _copy_what_stays(connection, before)
        if not dry_run:
            become_warehouse(bench)
    return purged


@contextmanager
def _empty(bench: Workbench) -> Iterator[Workbench]:
    """A workbench without anything on it; afterwards it is gone."""
    shutil.rmtree(bench.scratch, ignore_errors=True)
    bench.scratch.mkdir(mode=0o700)
    try:
        yield bench
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)


def _find(connection: duckdb.DuckDBPyConnection, before: date) -> PurgeCounts:
    """List what goes in temporary tables (sql/warehouse/purge.sql), and count it."""
    dated = " UNION ALL ".join(_dated(t) for t in TABLES.values() if _has_member(t))
    connection.execute(f"CREATE TEMP TABLE purge_dated AS {dated}")
    run(connection, "warehouse/purge", day=day(before))
    rows = sum(
        one(
            connection,
            f"SELECT count(*) FROM kept.main.{t.name} WHERE member_id IN (FROM purged_member)",
        )
        for t in TABLES.values()
        if _has_member(t)
    )
    members, exceptions, texts = (
        one(connection, f"SELECT count(*) FROM {name}")
        for name in ("purged_member", "purged_exception", "purged_text")
    )
    return PurgeCounts(members, rows, exceptions, texts)


def _dated(table: Table) -> str:
    """Members and persons of a table, with the last date on any row of theirs, and the last night one was loaded."""
    dates = [
        f"t.{identifier(n)}"
        for n in table.of_kind(Kind.DATE)
        if n not in ("birth_date", "enrollment_end_date")
    ]
    last = f"greatest({', '.join([*dates, *([_STILL_ENROLLED] if table.name == 'eligibility' else [])])})"
    if table.name in _CORRECTED_BY:
        last = f"CASE WHEN f.load_no = max(f.load_no) OVER (PARTITION BY {_CORRECTED_BY[table.name]}) THEN {last} END"
    return f"""SELECT member_id, person_id, max(last_date) AS last_date, max(night) AS loaded
               FROM (SELECT t.member_id, t.person_id, f.night, {last} AS last_date
                     FROM kept.main.{table.name} t JOIN kept.main.file f USING (file_no)) GROUP BY ALL"""


def _copy_what_stays(connection: duckdb.DuckDBPyConnection, before: date) -> None:
    """Every row of the warehouse that stays, in the workbench; and of every file how many rows went."""
    for name in [*TABLES, *(n for n in LEDGERS if n != "meta")]:
        columns = {
            row[0]
            for row in connection.execute(f"DESCRIBE kept.main.{identifier(name)}").fetchall()
        }
        chosen, stays = "*", ""
        if "member_id" in columns:
            stays = "WHERE member_id NOT IN (FROM purged_member)"
        elif "exception_id" in columns:
            stays = "WHERE exception_id NOT IN (FROM purged_exception)"
        elif name == "quarantine":
            goes = "(file_no, row_number) IN (SELECT (file_no, row_number) FROM purged_text)"
            chosen = f"* REPLACE (CASE WHEN NOT {goes} THEN raw_record END AS raw_record)"
        connection.execute(
            f"INSERT INTO main.{identifier(name)} BY NAME SELECT {chosen} FROM kept.main.{identifier(name)} {stays}"
        )
    went = " UNION ALL ".join(
        f"SELECT file_no FROM kept.main.{t.name} WHERE member_id IN (FROM purged_member)"
        for t in TABLES.values()
        if _has_member(t)
    )
    connection.execute(
        f"""INSERT INTO main.purge SELECT {day(before)}, file_no, count(w.file_no)
            FROM kept.main.file LEFT JOIN ({went}) w USING (file_no) GROUP BY file_no ORDER BY file_no"""
    )


def _has_member(table: Table) -> bool:
    return any(c.name == "member_id" for c in table.columns)
