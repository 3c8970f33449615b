"""Forget: take the last night of a warehouse back, as if it had never been run."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from flows import ending
from flows.errors import UsageError
from flows.warehouse.connection import NO_SUCH_WAREHOUSE
from flows.warehouse.files import real_path
from flows.warehouse.journal import DECISION, FILE, NIGHT, memory_subject, seal, subject
from flows.warehouse.lake import checked_files, files_in_lake
from flows.warehouse.lake_folders import Listed, left_alone, listed, mark, settle_after_commit
from flows.warehouse.layout import OF_A_NIGHT, remove_files
from flows.warehouse.lock import hold
from flows.warehouse.sql import day, one
from flows.warehouse.upgrade import opened_up_to_date


@dataclass(frozen=True)
class NightContents:
    """What a night brought: names of files, numbers of rows and events, and decisions after it.

    decisions   the action, exception id and author of each.
    left        what the user must know about rows that are left in a lake.
    """

    files: tuple[str, ...]
    rows: int
    events: int
    decisions: tuple[tuple[str, str, str], ...]
    left: tuple[str, ...] = ()


def forget_night(warehouse: Path, night: date, dry_run: bool = True) -> NightContents:
    """Remove the files loaded as of a night, its ledger events, and the decisions made after it.

    The next run looks at everyone. Raises UsageError unless it is the last night, and WarehouseBusy
    if a run is using the warehouse.
    """
    warehouse = real_path(warehouse)
    if not warehouse.exists():
        raise UsageError(NO_SUCH_WAREHOUSE)
    unsettled: Listed = {}
    with hold(warehouse):
        with opened_up_to_date(warehouse) as connection:
            _refuse_unless_last(connection, night)
            found = _found(connection, night)
            if not dry_run:
                left, unsettled = _remove(connection, warehouse, night)
                found = replace(found, left=left)
        settle_after_commit(unsettled, warehouse)
    return found


def _refuse_unless_last(connection: duckdb.DuckDBPyConnection, night: date) -> None:
    """Raise UsageError unless this is the last night that the warehouse knows."""
    known = {
        value
        for (value,) in connection.execute(
            "SELECT as_of FROM main.night UNION SELECT night FROM main.file"
        ).fetchall()
    }
    if night not in known:
        last = f"Its last one is {max(known)}." if known else "It holds none yet."
        raise UsageError(f"The warehouse holds no night {night}. {last}")
    if night != max(known):
        raise UsageError(
            f"{max(known)} is a later night of this warehouse, and builds on {night}. "
            "Forget the later one first."
        )


def _found(connection: duckdb.DuckDBPyConnection, night: date) -> NightContents:
    files = connection.execute(
        f"SELECT name, rows_read FROM main.file WHERE night = {day(night)} ORDER BY ALL"
    ).fetchall()
    decisions = connection.execute(
        f"""SELECT action, exception_id, decided_by FROM main.decision
            WHERE after_night = {day(night)} ORDER BY decision_no"""
    ).fetchall()
    return NightContents(
        files=tuple(name for name, _ in files),
        rows=sum(rows for _, rows in files),
        events=one(
            connection, f"SELECT count(*) FROM main.ledger_event WHERE night = {day(night)}"
        ),
        decisions=tuple(decisions),
    )


def _remove(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, night: date
) -> tuple[tuple[str, ...], Listed]:
    """Remove a night in one transaction, with all that was remembered of the last run.

    Returns what the user must know about rows that are left in a lake, and what is still listed in
    the folders there from which files are to go.
    """
    checked_files(connection, "main")  # all are there
    connection.execute("BEGIN")
    forgotten = [*_subjects(connection, night), *memory_subject(connection)]
    loaded = connection.execute(f"SELECT file_no FROM main.file WHERE night = {day(night)}")
    file_nos = [file_no for (file_no,) in loaded.fetchall()]
    gone = [f for f in files_in_lake(connection, "main") if f.file_no in file_nos]
    left = mark(connection, gone, warehouse)
    remove_files(connection, file_nos)
    connection.execute(
        "DELETE FROM main.purge WHERE file_no IN (SELECT unnest(?::INTEGER[]))", [file_nos]
    )
    for name, column in {**OF_A_NIGHT, "decision": "after_night"}.items():
        connection.execute(f"DELETE FROM main.{name} WHERE {column} = {day(night)}")
    seal(connection, "forget", forgotten)
    unsettled = listed(connection, left.own)
    ending.commits()
    connection.execute("COMMIT")
    return left_alone(left.others), unsettled


def _subjects(connection: duckdb.DuckDBPyConnection, night: date) -> list[str]:
    """What is removed, as the journal names it."""
    of_the_night = (
        (FILE, "file_no", "file WHERE night"),
        (DECISION, "decision_no", "decision WHERE after_night"),
    )
    return [
        subject(NIGHT, night),
        *(
            subject(kind, key)
            for kind, column, rows in of_the_night
            for (key,) in connection.execute(
                f"SELECT {column} FROM main.{rows} = {day(night)}"
            ).fetchall()
        ),
    ]
