"""Files read by the workers of a cluster, each in a database of its own.

A worker reads a file as the run would, and leaves its rows in the lake as Parquet; the run only
adds them to its tables. A file that a worker does not see as this machine does is read here.
"""

import pickle
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import polars as pl

from flows.cluster.ask import Cluster, asked_of, refuse_stale
from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.landing import ExtractFile, sha256_of, stamp_of
from flows.intake.load_file import FileEntry, load_file
from flows.intake.preparing import Macros, make_narrow_tables
from flows.intake.readers import nearest_plain_folder
from flows.intake.scan_ahead import FileScan, scan_file
from flows.warehouse.connection import Workbench, opened
from flows.warehouse.layout import BOOKKEEPING, add_columns
from flows.warehouse.sql import identifier, literal
from schemas.tables import TABLES

_ALONE = FileEntry(file_no=0, name="", night=None, load_no=0, read_under=None)
"""How a database with one file knows it; the run gives it a number."""


@dataclass(frozen=True)
class ReadJob:
    """How every file of a run is read.

    known    table and hash of the files that need not be read.
    memory   bytes that the engine of a worker may take.
    """

    config: Config
    known: frozenset[tuple[str, str]]
    memory: int


@dataclass(frozen=True)
class ReadFile:
    """What a worker found in a file.

    digests   name -> SHA-256 of the files that it left in the folder of the scan.
    """

    scan: FileScan
    digests: Mapping[str, str]


@contextmanager
def read_on_cluster(
    extracts: list[ExtractFile], job: ReadJob, cluster: Cluster, scratch: Path
) -> Iterator[Iterator[FileScan]]:
    """Read every file on a cluster; the scans come in order."""
    job_file = cluster.folder / "read"
    job_file.write_bytes(pickle.dumps(job))
    asked = [(str(job_file), extract, str(cluster.folder)) for extract in extracts]
    with asked_of(cluster, read_file, asked) as found:
        yield (
            _as_left(read) if read else scan_file(extract, job.known, job.config, scratch)
            for extract, read in zip(extracts, found, strict=True)
        )


def add_file(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extract: ExtractFile,
    folder: Path,
    entry: FileEntry,
) -> None:
    """Add what a worker has left of a file in a folder to the tables of this run."""
    table = TABLES[extract.table]
    rows, quarantine, file = (
        f"read_parquet({literal(str(_file(folder, name)))})"
        for name in (table.name, "quarantine", "file")
    )
    present = [str(row[0]) for row in connection.execute(f"DESCRIBE FROM {rows}").fetchall()]
    add_columns(connection, table, [n for n in present if n not in BOOKKEEPING], bench.memory)
    for name, source in ((table.name, rows), ("quarantine", quarantine)):
        connection.execute(
            f"""INSERT INTO main.{identifier(name)} BY NAME
                SELECT * REPLACE ({entry.file_no} AS file_no) FROM {source}"""
        )
    connection.execute(
        f"""INSERT INTO main.file BY NAME
            SELECT * REPLACE ($file_no AS file_no, $name AS name, $night AS night,
                              $load_no AS load_no, $read_under AS read_under) FROM {file}""",
        asdict(entry),
    )


def read_file(job_file: str, extract: ExtractFile, folder: str) -> ReadFile | None:
    """Read a file on a worker, into a new folder; None if it is not there as the run sees it."""
    now = stamp_of(extract.path)
    if now is None or extract.stamp is None or now[1:] != extract.stamp[1:]:
        return None
    job: ReadJob = pickle.loads(Path(job_file).read_bytes())
    own = Path(mkdtemp(dir=folder))  # a lost worker may be reading it as well
    scratch = own / "scratch"
    scratch.mkdir()
    try:
        scan = _read(job, extract, own, scratch)
    finally:
        shutil.rmtree(scratch)
    return ReadFile(scan, _digests_of(own))


def _read(job: ReadJob, extract: ExtractFile, own: Path, scratch: Path) -> FileScan:
    scan = scan_file(extract, job.known, job.config, scratch)
    if scan.refusal or extract.content(scan.sha256) in job.known:
        return scan
    bench = Workbench(
        scratch / "bench.duckdb",
        scratch / "none.duckdb",
        scratch,
        memory=job.memory,
        threads=pl.thread_pool_size(),
    )
    settings, table = job.config.of(extract.table), TABLES[extract.table]
    with opened(bench, nearest_plain_folder(extract.path.parent), own) as connection:
        Macros(connection).use(settings)
        make_narrow_tables(connection)
        try:
            load_file(connection, bench, extract, scan, _ALONE, settings)
        except InputRefused as refusal:
            return replace(scan, refusal=refusal)
        for name in (table.name, "quarantine", "file"):
            connection.execute(
                f"""COPY main.{identifier(name)} TO {literal(str(_file(own, name)))}
                    (FORMAT parquet, COMPRESSION lz4)"""
            )
    return replace(scan, csv=None, apart=own)


def _as_left(read: ReadFile) -> FileScan:
    """A scan whose folder is as the worker left it. Raises ClusterTrouble if it is not."""
    if read.scan.apart:
        refuse_stale(_digests_of(read.scan.apart) == read.digests)
    return read.scan


def _digests_of(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in sorted(folder.glob("*.parquet"))}


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"
