"""Files read by the workers of a cluster, each in a database of its own.

A worker reads a file as the run would, and leaves its rows in the lake as Parquet, where they stay:
the run only lists them. A large file is read in parts by several workers (file_parts.py). A file
that a worker does not see as this machine does is read here.
"""

import os
import pickle
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from pathlib import Path
from tempfile import mkdtemp

import duckdb
import polars as pl

from flows.cluster.ask import Cluster, asked_of, refuse_stale
from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.control import check_rows
from flows.intake.csv_part import scan_part
from flows.intake.file_parts import FilePart, NotInParts, parts_of
from flows.intake.landing import ExtractFile, stamp_of
from flows.intake.load_file import FileEntry, load_file
from flows.intake.preparing import Macros, make_narrow_tables
from flows.intake.scan_ahead import FileScan, scan_file
from flows.provenance import sha256_of
from flows.warehouse.columns import BOOKKEEPING, add_columns, stored_columns
from flows.warehouse.connection import Workbench, opened, write_rows
from flows.warehouse.lake import LakeFile, list_files
from flows.warehouse.parquet import nearest_plain_folder, parquet_rows
from flows.warehouse.sql import identifier, one
from schemas.tables import TABLES

NOT_SEEN = (
    "Read by this machine, because a worker does not see the same file there: {names}. Give "
    "--input a path under which every worker sees the extracts."
)
IN_ONE_PIECE = (
    "Read by one worker in one piece, because its parts cannot be read by themselves: {names}."
)
_REFUSED = "refused"
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
    """What a worker found in a file or a part of it.

    digests   name -> SHA-256 of the files that it left in the folder of the scan.
    """

    scan: FileScan
    digests: Mapping[str, str]


@contextmanager
def read_on_cluster(
    extracts: Sequence[ExtractFile], job: ReadJob, cluster: Cluster, scratch: Path
) -> Iterator[Iterator[FileScan]]:
    """Read every file on a cluster; the scans come in order."""
    extracts = [replace(e, path=e.path.absolute()) for e in extracts]  # workers are elsewhere
    cluster.rows.mkdir(mode=0o700)
    job_file, folder = cluster.folder / "read", str(cluster.folder)
    job_file.write_bytes(pickle.dumps(job))
    hashes = _hashes_of_large_files(extracts, job.config, cluster)

    def asked_for(extract: ExtractFile) -> list[tuple[object, ...]]:
        parts: Sequence[FilePart | None] = [None]
        if sha256 := hashes.get(extract.name):
            is_known = extract.content(sha256) in job.known
            parts = [] if is_known else parts_of(extract, job.config.of(extract.table))
        return [(str(job_file), extract, part, folder) for part in parts]

    def scan_of(extract: ExtractFile, read: list[ReadFile | None]) -> FileScan:
        said = None
        if None in read and len(read) > 1:
            with asked_of(cluster, read_file, [(str(job_file), extract, None, folder)]) as whole:
                read, said = list(whole), IN_ONE_PIECE
        seen = [found for found in read if found]
        if len(seen) < len(read):
            return replace(scan_file(extract, job.known, job.config, scratch), said=NOT_SEEN)
        return replace(_put_together(seen, hashes.get(extract.name)), said=said)

    asked = [asked_for(extract) for extract in extracts]
    with asked_of(cluster, read_file, list(chain.from_iterable(asked))) as found:
        yield (
            scan_of(extract, list(islice(found, len(own))))
            for extract, own in zip(extracts, asked, strict=True)
        )


def _hashes_of_large_files(
    extracts: Sequence[ExtractFile], config: Config, cluster: Cluster
) -> dict[str, str | None]:
    """Name -> SHA-256 of the files that may be read in parts; None: a worker does not see it."""
    large = [e for e in extracts if parts_of(e, config.of(e.table))]
    if not large:
        return {}
    with asked_of(cluster, hash_file, [(extract,) for extract in large]) as hashes:
        return dict(zip((extract.name for extract in large), hashes, strict=True))


def hash_file(extract: ExtractFile) -> str | None:
    """The SHA-256 of a file, on a worker; None if it is not there as the run sees it."""
    with suppress(FileNotFoundError):
        return sha256_of(extract.path) if _is_seen(extract) else None
    return None


def read_file(
    job_file: str, extract: ExtractFile, part: FilePart | None, folder: str
) -> ReadFile | None:
    """Read a file or a part of it on a worker, into a new folder.

    None if the file is not there as the run sees it, or the part cannot be read by itself.
    """
    if not _is_seen(extract):
        return None
    job: ReadJob = pickle.loads(Path(job_file).read_bytes())
    own = Path(mkdtemp(dir=folder))  # a lost worker may be reading it as well
    scratch = own / "scratch"
    scratch.mkdir()
    uncontrolled = replace(extract, control=None)  # the run compares the counts of all parts
    try:
        if part is None:
            scan = scan_file(uncontrolled, job.known, job.config, scratch)
            if not scan.refusal and extract.content(scan.sha256) not in job.known:
                scan = _read(job, uncontrolled, scan, own, scratch)
        else:
            scan = _read_part(job, uncontrolled, part, own, scratch)
        return ReadFile(scan, _digests_of(own))
    except NotInParts:
        return None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        _leave_nothing_to_a_run_that_has_ended(Path(job_file), own)


def _leave_nothing_to_a_run_that_has_ended(job_file: Path, own: Path) -> None:
    """Remove a folder if the run has removed its own meanwhile: it does not wait for workers."""
    if not job_file.exists():
        shutil.rmtree(own, ignore_errors=True)
        with suppress(OSError):
            own.parent.rmdir()


def _is_seen(extract: ExtractFile) -> bool:
    """Whether a file can be read, and has the size and the time that the run sees."""
    now = stamp_of(extract.path) if os.access(extract.path, os.R_OK) else None
    return now is not None and extract.stamp is not None and now[1:] == extract.stamp[1:]


def _read_part(
    job: ReadJob, extract: ExtractFile, part: FilePart, own: Path, scratch: Path
) -> FileScan:
    """Read a part of a file. Raises NotInParts if it is not certain that it is one."""
    scan = FileScan("", part=part)
    if not extract.is_parquet:
        extract, csv = scan_part(extract, part, job.config.of(extract.table), scratch)
        scan = FileScan("", csv=csv)
    found = _read(job, extract, scan, own, scratch)
    if found.refusal or _rows(own, "quarantine"):
        raise NotInParts
    if scan.csv and _rows(own, extract.table) + _rows(own, _REFUSED) != scan.csv.records:
        raise NotInParts
    return found


def _read(job: ReadJob, extract: ExtractFile, scan: FileScan, own: Path, scratch: Path) -> FileScan:
    """Load a file into a database of its own, and leave the rows in a folder."""
    bench = Workbench(
        scratch / "bench.duckdb",
        scratch / "none.duckdb",
        scratch,
        memory=job.memory,
        threads=pl.thread_pool_size(),
    )
    settings = job.config.of(extract.table)
    with opened(bench, nearest_plain_folder(extract.path.parent), own) as connection:
        Macros(connection).use(settings)
        make_narrow_tables(connection)
        try:
            load_file(connection, bench, extract, scan, _ALONE, settings)
        except InputRefused as refusal:
            return replace(scan, refusal=refusal)
        for name, query in (
            (extract.table, _rows_for_the_lake(connection, extract.table)),
            (_REFUSED, f"FROM main.{identifier(extract.table)} WHERE raw_record IS NOT NULL"),
            ("quarantine", "FROM main.quarantine"),
            ("file", "FROM main.file"),
        ):
            write_rows(connection, query, _file(own, name))
    return replace(scan, csv=None, part=None, apart={own: sha256_of(_file(own, extract.table))})


def _rows_for_the_lake(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL of the rows of a table that do not wait for the quarantine, as all files of the lake hold
    them: rows of a member lie together, so who asks for few members reads few row groups."""
    described = connection.execute(f"DESCRIBE main.{identifier(table)}").fetchall()
    present = {row[0] for row in described}
    columns = (
        identifier(name) if name in present else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in stored_columns(TABLES[table]).items()
        if name not in ("file_no", "raw_record")
    )
    return f"""SELECT {", ".join(columns)} FROM main.{identifier(table)}
               WHERE raw_record IS NULL ORDER BY member_hash, row_number"""


def add_file(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extract: ExtractFile,
    scan: FileScan,
    entry: FileEntry,
    in_lake: Path,
) -> None:
    """Add what workers have left of a file: its rows stay in the lake, others go into the tables.

    in_lake   the folder in the lake that holds the rows of this run.

    Raises InputRefused if the count of its records is not that of its control file.
    """
    table = TABLES[extract.table]
    rows_before = records = 0
    for number, (folder, sha256) in enumerate(scan.apart.items()):
        refused, quarantine, file = (
            parquet_rows(_file(folder, name)) for name in (_REFUSED, "quarantine", "file")
        )
        rows = _rows(folder, table.name)
        if rows:
            name = f"{table.name}-{entry.file_no}-{number}.parquet"
            _file(folder, table.name).rename(in_lake / name)
            found = LakeFile(
                entry.file_no, table.name, str(in_lake), name, rows_before, rows, sha256
            )
            list_files(connection, [found])
        present = [str(row[0]) for row in connection.execute(f"DESCRIBE FROM {refused}").fetchall()]
        add_columns(connection, table, [n for n in present if n not in BOOKKEEPING], bench.memory)
        connection.execute(
            f"""INSERT INTO main.{identifier(table.name)} BY NAME
                SELECT * REPLACE ({entry.file_no} AS file_no,
                                  row_number + {rows_before} AS row_number) FROM {refused}"""
        )
        connection.execute(
            f"""INSERT INTO main.quarantine BY NAME
                SELECT * REPLACE ({entry.file_no} AS file_no) FROM {quarantine}"""
        )
        rows_before += rows + _rows(folder, _REFUSED)
        records += one(connection, f"SELECT rows_read FROM {file}")
    check_rows(extract, records)
    connection.execute(
        f"""INSERT INTO main.file BY NAME
            SELECT * REPLACE ($file_no AS file_no, $name AS name, $night AS night,
                              $load_no AS load_no, $read_under AS read_under,
                              $sha256 AS sha256, $records AS rows_read) FROM {file}""",
        asdict(entry) | {"sha256": scan.sha256, "records": records},
    )


def _put_together(read: Sequence[ReadFile], sha256: str | None) -> FileScan:
    """What was found in all parts of a file, whose folders are as the workers left them; `sha256`
    of a file that may be read in parts: if it is known, it was not read."""
    for part in read:
        for folder in part.scan.apart:
            refuse_stale(_digests_of(folder) == part.digests)
    scan = read[0].scan if read else FileScan("")
    apart = dict(chain.from_iterable(part.scan.apart.items() for part in read))
    return replace(scan, sha256=sha256 or scan.sha256, apart=apart)


def _digests_of(folder: Path) -> dict[str, str]:
    return {path.name: sha256_of(path) for path in sorted(folder.glob("*.parquet"))}


def _rows(folder: Path, name: str) -> int:
    return int(pl.scan_parquet(_file(folder, name), glob=False).select(pl.len()).collect().item())


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"
