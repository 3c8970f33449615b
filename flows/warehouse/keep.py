"""Keep: add a run's rows to the warehouse, in one transaction."""

import os
from datetime import date
from pathlib import Path

import duckdb

from flows import ending
from flows.errors import DiskTrouble, WarehouseBusy
from flows.warehouse.connection import (
    Workbench,
    attach,
    opened,
    opened_for_writing,
)
from flows.warehouse.files import PRIVATE, log_of, move_aside, replace_file
from flows.warehouse.journal import FILE, NIGHT, RUN, Sign, intact, memory_subject, seal, subject
from flows.warehouse.lake import LakeFile, files_in_lake
from flows.warehouse.lake_folders import (
    Listed,
    Marked,
    home_of,
    left_alone,
    listed,
    mark,
    move_in,
    settle_after_commit,
)
from flows.warehouse.layout import (
    CONTENT,
    GIVEN_AGAIN,
    LEDGERS,
    NO_STATE,
    OF_A_NIGHT,
    READ_AGAIN,
    READ_STATE,
    create_ledger_view,
    remove_files,
    state_of,
)
from flows.warehouse.memory import Memory, remember, remember_in_place, settle_all_again
from flows.warehouse.rescue import copy_of
from flows.warehouse.sql import identifier
from schemas.tables import TABLES

_RUN = "run"  # the journal's word for what a run does


def keep(
    bench: Workbench, memory: Memory, sign: Sign | None = None, lake: Path | None = None
) -> tuple[str, ...]:
    """Add this run's rows to the warehouse; afterwards the workbench's file may be gone.

    memory   which tables of the run the warehouse is to remember.
    sign     signs the journal, if there is a key.
    lake     where the warehouse lists rows that workers have read.

    Returns what the user must know about it. Raises WarehouseBusy if somebody else has written into
    the warehouse since the run began.
    """
    if not bench.warehouse.exists():
        with opened(bench) as connection:
            _refuse_if_written(
                connection, f"FROM {READ_STATE}", f"SELECT {NO_STATE}", bench.warehouse.name
            )
            remembered = remember_in_place(connection, memory)
            in_lake = _move_in(connection, "main", bench, lake)
            seal(connection, _RUN, [*_subjects(connection, "main"), *remembered], sign)
            create_ledger_view(connection)
        return become_warehouse(bench) + _settled(in_lake, bench.warehouse)
    with opened_for_writing(bench.warehouse, bench.memory) as connection:
        attach(connection, bench.database, "fresh")
        seen, now = f"FROM fresh.{READ_STATE.name}", f"SELECT {state_of('main')}"
        connection.execute("BEGIN")
        _refuse_if_written(connection, seen, now, bench.warehouse.name)
        given_again = intact(connection, "main", _given_again(connection, bench.night))
        redated = connection.execute(
            f"""UPDATE main.file f SET night = a.as_of
                FROM (SELECT table_name, content, ? AS as_of FROM fresh.{GIVEN_AGAIN.name}) a
                WHERE a.table_name = f.table_name AND a.content = {CONTENT}
                      AND f.night > a.as_of""",
            [bench.night],
        )
        changed = settle_all_again(connection) if redated.fetchall() != [(0,)] else []
        read_again = [n for (n,) in connection.execute(f"FROM fresh.{READ_AGAIN.name}").fetchall()]
        left = Marked([], [])
        if read_again:
            changed += memory_subject(connection)
            again = (f for f in files_in_lake(connection, "main") if f.file_no in read_again)
            left = mark(connection, again, bench.warehouse)
            remove_files(connection, read_again)
        in_lake = _move_in(connection, "fresh.main", bench, lake)
        for name, column in OF_A_NIGHT.items():
            connection.execute(
                f"""DELETE FROM main.{name}
                    WHERE {column} IN (SELECT as_of FROM fresh.main.night)"""
            )
        for name in [*TABLES, *(n for n in LEDGERS if n not in ("meta", "lake_file"))]:
            table = f"main.{identifier(name)}"
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM fresh.{table}")
        changed += remember(connection, "fresh.main", memory)
        written_now = [*_subjects(connection, "fresh.main"), *given_again, *changed]
        seal(connection, _RUN, written_now, sign)
        unsettled = in_lake | listed(connection, left.own)
        ending.commits()
        connection.execute("COMMIT")
    return left_alone(left.others) + _settled(unsettled, bench.warehouse)


def _settled(unsettled: Listed, warehouse: Path) -> tuple[str, ...]:
    """Settle folders of a lake; what the user must know if that fails: the night is kept."""
    try:
        settle_after_commit(unsettled, warehouse)
    except DiskTrouble as trouble:
        return (str(trouble),)
    return ()


def _move_in(
    connection: duckdb.DuckDBPyConnection, schema: str, bench: Workbench, lake: Path | None
) -> dict[Path, list[LakeFile]]:
    """Move the files of this run to where the warehouse lists them from now on."""
    files = files_in_lake(connection, schema)
    if lake is None or not files:
        return {}
    home = home_of(lake, bench.warehouse)
    return move_in(connection, files, home, bench.warehouse, str(bench.night))


def _given_again(connection: duckdb.DuckDBPyConnection, night: date | None) -> list[str]:
    """Files of the warehouse that this run brings again, as of an earlier date."""
    rows = connection.execute(
        f"""SELECT DISTINCT file_no
            FROM main.file f JOIN fresh.{GIVEN_AGAIN.name} a
              ON a.table_name = f.table_name AND a.content = {CONTENT}
            WHERE night > ?""",
        [night],
    )
    return [subject(FILE, number) for (number,) in rows.fetchall()]


def _subjects(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """What this run adds: its files, its night and its record."""
    rows = connection.execute(
        f"""SELECT concat('{FILE} ', file_no) FROM {schema}.file
            UNION SELECT concat('{NIGHT} ', as_of) FROM {schema}.night
            UNION SELECT concat('{RUN} ', record_no) FROM {schema}.run_record"""
    )
    return [name for (name,) in rows.fetchall()]


def _refuse_if_written(
    connection: duckdb.DuckDBPyConnection, seen: str, now: str, warehouse: str
) -> None:
    """Raise WarehouseBusy if the warehouse is not as this run read it."""
    states = [connection.execute(f"SELECT state FROM ({q})").fetchall() for q in (seen, now)]
    if states[0] != states[1]:
        raise WarehouseBusy(
            f"The warehouse {warehouse} was changed or removed while this run worked on it. "
            "Nothing was kept; run again."
        )


def become_warehouse(bench: Workbench) -> tuple[str, ...]:
    """Give a complete workbench's file the warehouse's name, in place of any file of that name.

    The file is closed by then. A log that the old file has left behind would keep the engine from
    ever opening the new one: it is moved aside, and so is what was saved of the old file. Returns
    what the user must know about that.
    """
    bench.database.chmod(PRIVATE)
    ending.commits()
    notes = tuple(
        f"{left.name} was left of a warehouse that is gone; it is now {move_aside(left).name}."
        for left in (log_of(bench.warehouse), copy_of(bench.warehouse))
        if os.path.lexists(left)
    )
    replace_file(bench.database, bench.warehouse)
    return notes
