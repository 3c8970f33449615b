"""Find the extracts in the landing folder, and the table each one belongs to."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from flows.errors import InputRefused
from schemas.tables import CLAIM_TABLES, TABLES

SUFFIXES = (".csv", ".csv.gz", ".parquet")
CONTROL_SUFFIX = ".done"
_LONGEST_NAME = 255  # bytes, on every common file system

FileStamp = tuple[int, int, int]
"""Inode, size and modification time of a file: they differ once the file has changed."""


@dataclass(frozen=True)
class ExtractFile:
    """One file of one table.

    name    its path relative to the landing folder, with forward slashes.
    stamp   the file's stamp when it was found; a different one later means it was still growing.
    """

    table: str
    path: Path
    name: str
    stamp: FileStamp | None = None

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet; otherwise it is CSV, perhaps gzipped."""
        return is_parquet(self.name)

    @property
    def is_gzipped(self) -> bool:
        """Whether the file is a gzipped CSV."""
        return self.name.lower().endswith(".gz")


def is_parquet(name: str) -> bool:
    """Whether the name of an extract is that of a Parquet file; otherwise it is CSV."""
    return name.lower().endswith(".parquet")


def stamp_of(path: Path) -> FileStamp | None:
    """The stamp of a file as it is now; None if the file is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_extracts(folder: Path, may_add: bool = False) -> list[ExtractFile]:
    """All extracts in the folder, sorted by name. Hidden files are ignored.

    With `may_add` a warehouse already exists, so the folder need not contain a claim table.
    Raises InputRefused if the folder is missing, a file belongs to no table or is not a regular
    file, or there is no claim table.
    """
    if not folder.is_dir() or not _is_readable(folder):
        raise InputRefused(
            f"Input {folder.name!r} is not a readable folder. Give the folder that holds the "
            "extracts."
        )
    found = [p for p in sorted(folder.rglob("*")) if not _is_hidden(p, folder)]
    for path in found:
        _refuse_unfit(path, path.relative_to(folder).as_posix())
    paths = [p for p in found if p.is_file()]
    extracts = [_as_extract(folder, p) for p in paths if p.suffix != CONTROL_SUFFIX]
    _refuse_stray_control_files(paths, extracts)
    if not may_add and not any(e.table in CLAIM_TABLES for e in extracts):
        raise InputRefused(
            "No claim table in the input folder. "
            f"Add {' or '.join(t + '.csv' for t in CLAIM_TABLES)}."
        )
    return sorted(extracts, key=lambda e: e.name)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_readable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _refuse_unfit(path: Path, name: str) -> None:
    """Refuse what a walk through the folder would skip silently, and names no message can show."""
    if len(os.fsencode(path.name + CONTROL_SUFFIX)) > _LONGEST_NAME:
        raise InputRefused(
            f"A file name in the input folder is too long: with {CONTROL_SUFFIX} it would have "
            f"more than {_LONGEST_NAME} bytes. Shorten it."
        )
    if not name.isprintable():
        raise InputRefused(f"File {name!r} has unprintable characters in its name. Rename it.")
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise InputRefused(
            f"File {name!r} is a link or not a regular file. Put the file itself into the input "
            "folder."
        )
    if path.is_dir() and not _is_readable(path):
        raise InputRefused(
            f"Folder {name!r} cannot be read. Give the user who runs this program read access."
        )


def _refuse_stray_control_files(paths: Iterable[Path], extracts: list[ExtractFile]) -> None:
    expected = {Path(f"{e.path}{CONTROL_SUFFIX}") for e in extracts}
    for path in paths:
        if path.suffix == CONTROL_SUFFIX and path not in expected:
            raise InputRefused(
                f"Control file {path.name!r} has no extract. Add the extract or remove the control "
                "file."
            )


def _as_extract(folder: Path, path: Path) -> ExtractFile:
    relative = path.relative_to(folder)
    name = relative.as_posix()
    suffix = next((s for s in SUFFIXES if path.name.lower().endswith(s)), None)
    stem = path.name[: -len(suffix)] if suffix else ""
    if suffix and len(relative.parts) == 1:
        for table in TABLES:
            if stem == table or stem.startswith(table + "_"):
                return ExtractFile(table, path, name, stamp_of(path))
    if suffix and len(relative.parts) == 2 and relative.parts[0] in TABLES:
        return ExtractFile(relative.parts[0], path, name, stamp_of(path))
    raise InputRefused(
        f"File {name!r} does not belong to a table. Name it TABLE.csv, TABLE_*.csv, .csv.gz or "
        f".parquet, or put it in a folder named TABLE; the tables are {', '.join(TABLES)}."
    )
