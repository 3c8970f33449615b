"""Find the extracts in the landing folder, and the table each one belongs to."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flows.errors import InputRefused, UsageError
from flows.intake.table_names import Patterns, folder_values, nearest_name, tables_of
from schemas.tables import CLAIM_TABLES, TABLES

CONTROL_SUFFIX = ".done"
_LONGEST_NAME = 255  # bytes, on every common file system
_MARKS = ("_success", "_metadata", "_common_metadata", "thumbs.db", "desktop.ini")
_MARK_PREFIXES = (".", "_committed_", "_started_")
_MARK_SUFFIX = ".crc"
_MARK_FOLDERS = ("__macosx",)
_UNFINISHED = "_temporary"
_OF_DATA = (
    *(".csv", ".gz", ".parquet", ".txt", ".tsv", ".psv", ".dat", ".json", ".xml"),
    *(".zip", ".bz2", ".zst", ".xls", ".xlsx"),
)

FileStamp = tuple[int, int, int]
"""Inode, size and modification time of a file: they differ once the file has changed."""


@dataclass(frozen=True)
class ExtractFile:
    """One file of one table.

    name      its path relative to the landing folder, with forward slashes.
    stamp     the file's stamp when it was found; a different one later means it was still growing.
    control   its control file, if there is one.
    folders   columns and values of the folders named `column=value` that it is in.
    """

    table: str
    path: Path
    name: str
    stamp: FileStamp | None = None
    control: Path | None = None
    folders: tuple[tuple[str, str | None], ...] = ()

    @property
    def given_columns(self) -> str | None:
        """The columns and values of its folders as JSON; None if there are none."""
        return json.dumps(self.folders) if self.folders else None

    def content(self, sha256: str) -> tuple[str, str]:
        """What it holds: its table, and its hash with what its folders add, as layout.CONTENT."""
        given = self.given_columns
        return self.table, f"{sha256} {given}" if given else sha256

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


def find_extracts(
    folder: Path, may_add: bool = False, patterns: Patterns | None = None
) -> list[ExtractFile]:
    """All extracts in the folder, sorted by name. Hidden files and other tools' marks are ignored.

    With `may_add` a warehouse already exists, so the folder need not contain a claim table.
    `patterns` of the config name files that have other names than TABLE.*.
    Raises InputRefused if the folder is missing, a file belongs to no table or is not a regular
    file, or there is no claim table; UsageError if a file may belong to two tables.
    """
    if not folder.is_dir() or not _is_readable(folder):
        raise InputRefused(
            f"Input {folder.name!r} is not a readable folder. Give the folder that holds the "
            "extracts."
        )
    names = {p: p.relative_to(folder).as_posix() for p in sorted(folder.rglob("*"))}
    found = {p: name for p, name in names.items() if not _is_ignored(name)}
    for path, name in found.items():
        _refuse_unfit(path, name)
    files = {p: name for p, name in found.items() if p.is_file()}
    controls = {n.lower(): p for p, n in files.items() if n.lower().endswith(CONTROL_SUFFIX)}
    extracts = [
        extract
        for path, name in files.items()
        if name.lower() not in controls
        and (extract := _as_extract(path, name, patterns or {}, controls, list(files.values())))
    ]
    _refuse_stray_control_files(controls.values(), extracts)
    if not may_add and not any(e.table in CLAIM_TABLES for e in extracts):
        raise InputRefused(
            "No claim table in the input folder. "
            f"Add {' or '.join(t + '.csv' for t in CLAIM_TABLES)}."
        )
    return sorted(extracts, key=lambda e: e.name)


def _is_ignored(name: str) -> bool:
    """Whether a path is hidden, or a marker file of another tool."""
    *folders, last = name.lower().split("/")
    return (
        any(part.startswith(".") or part in _MARK_FOLDERS for part in [*folders, last])
        or last in _MARKS
        or last.startswith(_MARK_PREFIXES)
        or last.endswith(_MARK_SUFFIX)
    )


def _is_named_like_data(name: str) -> bool:
    return name.endswith(_OF_DATA) or any(table in name for table in TABLES)


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


def _refuse_stray_control_files(controls: Iterable[Path], extracts: list[ExtractFile]) -> None:
    expected = {e.control for e in extracts}
    for path in controls:
        if path not in expected:
            raise InputRefused(
                f"Control file {path.name!r} has no extract. Add the extract or remove the control "
                "file."
            )


def _as_extract(
    path: Path, name: str, patterns: Patterns, controls: Mapping[str, Path], names: list[str]
) -> ExtractFile | None:
    """The extract that a file is; None for an empty file that only marks something."""
    tables = tables_of(name, patterns)
    if len(tables) > 1:
        raise UsageError(
            f"File {name!r} belongs to {tables[0]} and to {tables[1]} by its name and the files "
            "patterns of the config. Narrow a pattern, or rename the file."
        )
    if any(part.lower() == _UNFINISHED for part in name.split("/")):
        raise InputRefused(
            f"File {name!r} is of an export that has not finished. Run again when it has, or "
            f"remove its folder {_UNFINISHED}."
        )
    if tables:
        control = controls.get(f"{name}{CONTROL_SUFFIX}".lower())
        return ExtractFile(tables[0], path, name, stamp_of(path), control, folder_values(name))
    if not path.stat().st_size and not _is_named_like_data(path.name.lower()):
        return None
    raise InputRefused(
        f"File {name!r} does not belong to a table. The nearest name that would do is "
        f"{nearest_name(name, names)!r}: name it so, TABLE.csv, TABLE_*.csv, .csv.gz or .parquet, "
        "put it in a folder named TABLE, or name it in the config (files in [tables.TABLE]); the "
        f"tables are {', '.join(TABLES)}."
    )
