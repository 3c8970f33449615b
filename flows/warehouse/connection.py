"""Open a warehouse, and the workbench on which one run adds to it.

A run never writes into the warehouse while it works. It loads into a workbench file of its own,
with the warehouse attached read-only, and `keep` adds the new rows in one transaction at the end;
the first run's workbench simply becomes the warehouse. So a run that fails or is killed leaves the
warehouse as it was.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from flows.errors import FileDamaged, TooManyBadRows, UsageError, WarehouseBusy
from flows.memory_limits import engine_bytes
from flows.warehouse.files import log_of, real_path, refuse_unusable, scratch_of
from flows.warehouse.journal import hashed_otherwise
from flows.warehouse.lake import LakeFile, blaming_files, checked_files
from flows.warehouse.layout import SCHEMA_VERSION, lay_out
from flows.warehouse.rescue import checkpoint, put_back, was_cut_short
from flows.warehouse.sql import literal, literals
from flows.warehouse.trouble import RESTORE, opening

_USUAL = engine_bytes()
"""Bytes that the engine may take, if no other memory is asked for."""
SPILL_LIMIT = "200GB"
NO_SUCH_WAREHOUSE = "There is no such warehouse. Name the warehouse of a run with --warehouse."
_NO_LIMIT = "1000 TB"
_READERS = "v1.5.0"  # the oldest DuckDB that opens a new warehouse; an existing file stays as it is


@dataclass(frozen=True)
class Workbench:
    """Paths of one run: its own database file, the warehouse it adds to, a folder for scratch
    files.

    night    the as-of date: files loaded as of a later one are not seen; without it all are.
    memory   bytes that the engine may take.
    threads  how many it may use; without it as many as there are processors.
    """

    database: Path
    warehouse: Path
    scratch: Path
    night: date | None = None
    memory: int = _USUAL
    threads: int | None = None


def workbench(warehouse: Path, night: date | None = None, memory: int = _USUAL) -> Workbench:
    """Where a run on a warehouse works: a folder next to it, on the same file system.

    memory   bytes that the engine may take.
    """
    refuse_unusable(warehouse)
    work = scratch_of(warehouse)
    return Workbench(work / "bench.duckdb", real_path(warehouse), work, night, memory)


@contextmanager
def opened(bench: Workbench, *readable: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the workbench, with the warehouse (if there is one) attached read-only as `kept`.

    The engine is locked down: no network, no extensions, and no files but the workbench, the
    warehouse and `readable` (such as the landing folder). Raises WarehouseBusy if the warehouse
    cannot be opened.

    The workbench is attached as `run`: `run.NAME` is a table that the run derives, `main.NAME` one
    of those that last. It has no log, as nobody reads what a run that failed has left in it. What
    the block has written is on disk when it ends; if it cannot be written, that raises.
    """
    connection = duckdb.connect()
    try:
        connection.execute(
            f"""ATTACH {literal(str(bench.database))} AS run
                (RECOVERY_MODE no_wal_writes, STORAGE_VERSION {literal(_READERS)})"""
        )
        connection.execute("USE run")
        has_kept = bench.warehouse.exists()
        if has_kept:
            attach(connection, bench.warehouse, "kept")
            _refuse_other_hashes(connection, bench.warehouse.name)
        limit_memory(connection, bench.memory, bench.scratch)
        if bench.threads:
            connection.execute(f"SET threads = {bench.threads}")
        in_lakes = _in_lakes(connection, "run", *(["kept"] if has_kept else []))
        _lock_down(connection, [bench.scratch, *readable, *_folders(in_lakes)])
        lay_out(connection, has_kept, bench.night)
        try:
            with blaming_files(in_lakes):
                yield connection
        except TooManyBadRows:  # whose quarantine is read from here
            connection.execute("CHECKPOINT")
            raise
        connection.execute("CHECKPOINT")  # closing alone would pass over an error in silence
    finally:
        connection.close()


def _in_lakes(connection: duckdb.DuckDBPyConnection, *databases: str) -> list[LakeFile]:
    """The files in lakes with rows of some open databases, as far as they are laid out."""
    rows = connection.execute(
        "SELECT database_name FROM duckdb_tables() WHERE table_name = 'lake_file' ORDER BY ALL"
    ).fetchall()
    there = [name for (name,) in rows if name in databases]
    return [f for name in there for f in checked_files(connection, f"{name}.main")]


def _folders(files: list[LakeFile]) -> list[Path]:
    return sorted({Path(file.folder) for file in files})


def limit_memory(connection: duckdb.DuckDBPyConnection, memory: int, spills: Path | None) -> None:
    """Leave the engine so many bytes; what needs more goes into a folder, if there is one."""
    connection.execute(f"SET memory_limit = '{memory}B'")
    connection.execute(f"SET temp_directory = {literal(str(spills or ''))}")


def write_rows(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the rows of a query as Parquet, in their order."""
    connection.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION lz4)")


def _lock_down(connection: duckdb.DuckDBPyConnection, folders: list[Path]) -> None:
    """Leave the engine no network, no extensions, and no files but those of some folders."""
    for setting in (
        f"max_temp_directory_size = {literal(SPILL_LIMIT)}",
        "preserve_insertion_order = true",
        "disabled_optimizers = 'type_pushdown'",  # else a failed cast can drop rows
        "enable_progress_bar = false",
        "TimeZone = 'UTC'",
        f"allowed_directories = {literals([str(f) + '/' for f in folders])}",
        "enable_external_access = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "python_enable_replacements = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def refuse_missing(warehouse: Path) -> None:
    """Raise UsageError if there is no such warehouse."""
    if not warehouse.exists():
        raise UsageError(
            f"There is no warehouse {warehouse.name}. "
            "Name, with --warehouse, one that a run has made."
        )


@contextmanager
def read_only(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse as `kept`, to read it and nothing else.

    It is attached to an empty database, so that nothing another program has put into the file, such
    as a macro with a known name, has any effect. Raises WarehouseBusy and UsageError.
    """
    connection = duckdb.connect()
    try:
        attach(connection, real_path(warehouse), "kept")
        limit_memory(connection, _USUAL, None)
        in_lakes = _in_lakes(connection, "kept")
        _lock_down(connection, _folders(in_lakes))
        with blaming_files(in_lakes):
            yield connection
    finally:
        connection.close()


def attach(connection: duckdb.DuckDBPyConnection, database: Path, name: str) -> None:
    """Attach a warehouse or workbench read-only.

    Raises WarehouseBusy, DiskTrouble and UsageError.
    """
    with opening(database):
        connection.execute(f"ATTACH {literal(str(database))} AS {name} (READ_ONLY)")
        refuse_other_version(connection, f"{name}.main", database)


def refuse_other_version(
    connection: duckdb.DuckDBPyConnection, schema: str, database: Path
) -> None:
    """Raise UsageError or FileDamaged unless an open file is a warehouse of this version."""
    try:
        versions = connection.execute(f"SELECT schema_version FROM {schema}.meta").fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):
        raise UsageError(
            f"{database.name} is a DuckDB file, but not a warehouse of this program. "
            "Name another with --warehouse."
        ) from None
    if len(versions) != 1:
        raise FileDamaged(
            f"The warehouse {database.name} has {len(versions)} schema versions instead of one: "
            f"another program has changed it. {RESTORE}"
        )
    ((version,),) = versions
    if version != SCHEMA_VERSION:
        older = "An earlier version wrote it: the next run, or decide, brings it up to date."
        raise UsageError(
            f"{database.name} has schema version {version}; this program reads {SCHEMA_VERSION}. "
            + (older if version < SCHEMA_VERSION else "Name another warehouse.")
        )


def _refuse_other_hashes(connection: duckdb.DuckDBPyConnection, warehouse: str) -> None:
    """Raise UsageError if rows cannot be found by their hashes: another engine made these."""
    if hashed_otherwise(connection, "kept.main"):
        raise UsageError(
            f"{warehouse} was written with a version of DuckDB that hashes otherwise. "
            "Run the next night on it first: that brings it up to date."
        )


@contextmanager
def opened_for_writing(
    warehouse: Path, memory: int = _USUAL
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for writing, as its writer; what the block commits is stored at its end.

    memory   as `workbench` takes it.

    If the block fails, or what it committed cannot be written, that raises and the warehouse is as
    it was; what was written in part is put back. Only if the last steps fail, waiting for the new
    root to be on disk and removing the log, it may be stored all the same: doing it again is right.

    Nothing is committed to a log: it would lie beside one name of the warehouse, and be missed by
    whoever opens the file under another (a hard link). A log that another program or an earlier
    version has left is applied first.

    Raises WarehouseBusy and DiskTrouble if it cannot be opened, or if a write that was cut short
    has not been put right, because another program had the file open until now.
    """
    real = real_path(warehouse)
    log = log_of(real)
    while True:
        had_log = log.exists()
        with _opened(warehouse, real, memory) as (connection, file):
            if had_log or log.exists():  # going on with it, the engine may crash at its checkpoint
                with opening(warehouse):
                    checkpoint(connection, real, file)
                log.unlink(missing_ok=True)  # while no other program can begin another
                continue
            try:
                yield connection
                checkpoint(connection, real, file)
            except BaseException:
                log.unlink(missing_ok=True)  # it only says that a checkpoint had begun
                raise
            return


@contextmanager
def _opened(
    warehouse: Path, real: Path, memory: int
) -> Iterator[tuple[duckdb.DuckDBPyConnection, int]]:
    """The warehouse, open for writing, and a descriptor of its file."""
    connection, file = duckdb.connect(), None
    try:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute(f"SET checkpoint_threshold = '{_NO_LIMIT}'")  # nor at a commit
        limit_memory(connection, memory, scratch_of(real))
        with opening(warehouse):
            connection.execute(
                f"ATTACH {literal(str(real))} AS warehouse (RECOVERY_MODE no_wal_writes)"
            )
            connection.execute("USE warehouse")
            if was_cut_short(real):  # what is torn may be seen late, and only this copy has it
                raise WarehouseBusy(
                    f"A write into the warehouse {real.name} was cut short, and could not be put "
                    "right while another program had it open. Run again."
                )
            file = os.open(real, os.O_RDONLY | os.O_CLOEXEC)
        yield connection, file
    finally:
        connection.close()
        if file is not None:
            os.close(file)
        put_back(real)
