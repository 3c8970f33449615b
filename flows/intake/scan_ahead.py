"""Scan the next files in Python while DuckDB reads one: hash them, and count new CSV files."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.csv_scan import CsvScan, scan_csv
from flows.intake.file_parts import FilePart
from flows.intake.landing import ExtractFile
from flows.provenance import sha256_of


@dataclass(frozen=True)
class FileScan:
    """What Python finds in a file before DuckDB reads it.

    csv       the scan of a CSV file whose content is new.
    part      which part of a Parquet file is to be read; None: all of it.
    refusal   why such a file cannot be loaded; raised only if it must be.
    apart     the folders in which other processes have left its rows, in order, with the SHA-256 of
              each file there (worker_files.py).
    said      what the user should know about how it was read.
    """

    sha256: str
    csv: CsvScan | None = None
    refusal: InputRefused | None = None
    apart: Mapping[Path, Mapping[str, str]] = field(default_factory=dict)
    said: str | None = None
    part: FilePart | None = None


@contextmanager
def scan_ahead(
    extracts: list[ExtractFile], known: Collection[tuple[str, str]], config: Config, scratch: Path
) -> Iterator[Iterator[FileScan]]:
    """Scan every file in order, in a thread of its own; `known` are table and hash of old files."""
    known = frozenset(known)
    thread = ThreadPoolExecutor(max_workers=1)
    try:
        yield thread.map(lambda extract: scan_file(extract, known, config, scratch), extracts)
    finally:
        thread.shutdown(cancel_futures=True)


def scan_file(
    extract: ExtractFile, known: Collection[tuple[str, str]], config: Config, scratch: Path
) -> FileScan:
    """Hash a file, and scan it if it is CSV with new content.

    Raises InputRefused if it cannot be read.
    """
    try:
        sha256 = sha256_of(extract.path)
    except (FileNotFoundError, PermissionError):
        raise InputRefused(
            f"{extract.name}: the file is missing or cannot be read. Fix that, then run again."
        ) from None
    if extract.is_parquet or extract.content(sha256) in known:
        return FileScan(sha256)
    try:
        csv = scan_csv(extract, config.of(extract.table), scratch)
    except InputRefused as refusal:
        return FileScan(sha256, refusal=refusal)
    return FileScan(sha256, csv=csv)
