"""Load every new file of the landing folder into its table, typed, with its file and row number.

A file that the warehouse has is passed over, unless it was read under another config: then it is
read again, and its rows replace the earlier ones.

DuckDB reads each file in one pass: it parses every value, and keeps the raw record only of rows in
which something is wrong. Meanwhile Python scans the next file (scan_ahead.py). The Pandera models
decide later which of these rows are quarantined (validate.py).
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import duckdb

from flows.cluster.ask import Cluster
from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.control import check_hash
from flows.intake.known_files import KnownFiles
from flows.intake.landing import ExtractFile, FileStamp, stamp_of
from flows.intake.load_file import load_file, undo_file
from flows.intake.preparing import Macros, make_narrow_tables
from flows.intake.read_elsewhere import ReadJob, read_on_cluster
from flows.intake.reading import Reading
from flows.intake.scan_ahead import FileScan, scan_ahead
from flows.intake.worker_files import add_file
from flows.warehouse.columns import add_columns
from flows.warehouse.connection import Workbench
from flows.warehouse.layout import note_given_again, note_read_again
from flows.warehouse.sql import literals, one
from schemas.tables import CLAIM_TABLES, TABLES


@dataclass
class LoadResult:
    """How many rows were read, and the names of the extracts that were not loaded.

    passed_over      the warehouse already has their content.
    read_again       it has, but had read them under another config.
    growing          they were still growing.
    read_otherwise   how many files were read under another config and were not given.
    purged           how many were, and cannot be read again because of a purge.
    said             what the user should know about how files were read -> their names.
    """

    passed_over: list[str] = field(default_factory=list)
    read_again: list[str] = field(default_factory=list)
    growing: list[str] = field(default_factory=list)
    read_otherwise: int = 0
    purged: int = 0
    rows: int = 0
    said: dict[str, list[str]] = field(default_factory=dict)


def load(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extracts: list[ExtractFile],
    config: Config,
    step: Callable[[str], None],
    cluster: Cluster | None = None,
) -> LoadResult:
    """Load every extract with new content; one that is still growing is left for the next run.

    cluster   whose workers read the files, if this process does not.

    Raises InputRefused for a file that is not a table of the contract, and OSError if the disk
    fails.
    """
    macros = Macros(connection)
    make_narrow_tables(connection)
    result = LoadResult()
    loaded: dict[int, ExtractFile] = {}
    known = KnownFiles(connection, bench, Reading(config))
    with _scans(extracts, known, config, bench, cluster) as scans:
        for extract, scan in zip(extracts, scans, strict=True):
            check_hash(extract, scan.sha256)
            if scan.said:
                result.said.setdefault(scan.said, []).append(extract.name)
            content = extract.content(scan.sha256)
            entry = known.place(content, extract.name)
            if entry is None:
                result.passed_over.append(extract.name)
                note_given_again(connection, *content)
            else:
                is_again = known.is_kept(content)
                if is_again:
                    result.read_again.append(extract.name)
                    note_read_again(connection, entry.file_no)
                loaded[entry.file_no] = extract
                settings = config.of(extract.table)
                try:
                    if cluster and scan.apart:
                        add_file(connection, bench, extract, scan, entry, cluster.rows)
                    else:
                        macros.use(settings)
                        load_file(connection, bench, extract, scan, entry, settings)
                except InputRefused as refusal:
                    if not _has_grown(extract.stamp, stamp_of(extract.path)):
                        raise _refusal(refusal, is_again) from None
                    undo_file(connection, TABLES[extract.table], entry.file_no)
            step(extract.name)
    result.growing = _undo_growing(connection, loaded)
    result.read_again = [name for name in result.read_again if name not in result.growing]
    result.read_otherwise, result.purged = known.read_otherwise()
    for table in TABLES.values():
        add_columns(connection, table, [c.name for c in table.columns], bench.memory)
    result.rows = one(connection, "SELECT coalesce(sum(rows_read), 0) FROM main.file")
    if result.growing and not _has_claims(connection):
        raise _changed(result.growing[0])
    return result


def _scans(
    extracts: list[ExtractFile],
    known: KnownFiles,
    config: Config,
    bench: Workbench,
    cluster: Cluster | None,
) -> AbstractContextManager[Iterator[FileScan]]:
    """What is found in each file, in order, before it is loaded."""
    unchanged = known.unchanged()
    if not cluster or not extracts:
        return scan_ahead(extracts, unchanged, config, bench.scratch)
    job = ReadJob(config, unchanged, bench.memory)
    return read_on_cluster(extracts, job, cluster, bench.scratch)


def _refusal(refusal: InputRefused, is_again: bool) -> InputRefused:
    """The refusal of a file; of one that is read again, with what the user can do about it."""
    if not is_again:
        return refusal
    return InputRefused(
        f"{refusal} The file was loaded before, under another config. To keep its rows as they "
        "were read, move it out of the input folder."
    )


def _undo_growing(
    connection: duckdb.DuckDBPyConnection, loaded: dict[int, ExtractFile]
) -> list[str]:
    """Undo the files that have grown since they were found; returns their names.

    Raises InputRefused if a file changed in any other way.
    """
    growing = []
    for file_no, extract in loaded.items():
        now = stamp_of(extract.path)
        if _has_grown(extract.stamp, now):
            growing.append(extract.name)
            undo_file(connection, TABLES[extract.table], file_no)
        elif now != extract.stamp:
            raise _changed(extract.name)
    return growing


def _has_grown(found: FileStamp | None, now: FileStamp | None) -> bool:
    """Whether a file is the same but longer than it was found: its sender is still writing."""
    return found is not None and now is not None and found[0] == now[0] and found[1] < now[1]


def _has_claims(connection: duckdb.DuckDBPyConnection) -> bool:
    tables = literals(list(CLAIM_TABLES))
    return one(connection, f"SELECT count(*) FROM every_file WHERE table_name IN {tables}") > 0


def _changed(name: str) -> InputRefused:
    return InputRefused(
        f"{name}: the file changed while it was read. Run again when it is complete."
    )
