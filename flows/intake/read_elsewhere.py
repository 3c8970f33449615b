"""Files read by the workers of a cluster, each in a database of its own.

A worker reads a file as the run would, and leaves what it has read in the lake (worker_files.py). A
large file is read in parts by several workers (file_parts.py). A file that a worker does not see as
this machine does is read here.
"""

import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from tempfile import mkdtemp

import polars as pl

from flows.cluster.ask import Cluster, asked_of, refuse_stale
from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.csv_part import scan_part
from flows.intake.file_parts import FilePart, NotInParts, parts_of
from flows.intake.landing import ExtractFile, stamp_of
from flows.intake.load_file import FileEntry, load_file
from flows.intake.preparing import Macros, make_narrow_tables
from flows.intake.scan_ahead import FileScan, scan_file
from flows.intake.worker_files import (
    digests_of,
    has_unread,
    rows_read,
    write_files,
)
from flows.provenance import sha256_of
from flows.warehouse.connection import Workbench, opened
from flows.warehouse.parquet import nearest_plain_folder

NOT_SEEN = (
    "Read by this machine, because a worker does not see the same file there: {names}. Give "
    "--input a path under which every worker sees the extracts."
)
IN_ONE_PIECE = (
    "Read by one worker in one piece, because its parts cannot be read by themselves: {names}."
)
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

    def scan_of(extract: ExtractFile, read: list[FileScan | None]) -> FileScan:
        said = None
        if None in read and len(read) > 1:
            with asked_of(cluster, read_file, [(str(job_file), extract, None, folder)]) as whole:
                read, said = list(whole), IN_ONE_PIECE
        seen = [found for found in read if found]
        if len(seen) < len(read):
            has_changed = stamp_of(extract.path) != extract.stamp  # here as well, so that is why
            said = None if has_changed else NOT_SEEN
            return replace(scan_file(extract, job.known, job.config, scratch), said=said)
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
) -> FileScan | None:
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
        if part:
            return _read_part(job, uncontrolled, part, own, scratch)
        scan = scan_file(uncontrolled, job.known, job.config, scratch)
        if scan.refusal or extract.content(scan.sha256) in job.known:
            return scan
        return _read(job, uncontrolled, scan, own, scratch)
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
    if found.refusal or has_unread(own):
        raise NotInParts
    if scan.csv and rows_read(own, extract.table) != scan.csv.records:
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
        write_files(connection, extract.table, own)
    return replace(scan, csv=None, part=None, apart={own: digests_of(own)})


def _put_together(read: Sequence[FileScan], sha256: str | None) -> FileScan:
    """What was found in all parts of a file, whose folders are as the workers left them; `sha256`
    of a file that may be read in parts: if it is known, it was not read."""
    apart = {folder: digests for part in read for folder, digests in part.apart.items()}
    for folder, digests in apart.items():
        refuse_stale(digests_of(folder) == digests)
    scan = read[0] if read else FileScan("")
    return replace(scan, sha256=sha256 or scan.sha256, apart=apart)
