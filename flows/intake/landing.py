"""Which files of the landing folder are which table."""

import os
from dataclasses import dataclass
from pathlib import Path

from flows.errors import InputRefused
from schemas.tables import CLAIM_TABLES, TABLES

FORMS = (".csv", ".csv.gz", ".parquet")
CONTROL = ".done"


@dataclass(frozen=True)
class Extract:
    """One file of one table; `name` is its path relative to the landing folder, with forward slashes.

    found   the file's stamp when it was found: where another is there later, the file was still growing.
    """

    table: str
    path: Path
    name: str
    found: "Stamp | None" = None

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet (else CSV, perhaps gzipped)."""
        return self.name.lower().endswith(".parquet")

    @property
    def is_gzipped(self) -> bool:
        """Whether the file is a gzipped CSV."""
        return self.name.lower().endswith(".gz")


Stamp = tuple[int, int, int]
"""What changes when a file does: its inode, size and time."""


def stamp(path: Path) -> Stamp | None:
    """The stamp of a file; None where it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def find_extracts(folder: Path, may_add: bool = False) -> list[Extract]:
    """Every extract of the folder, by name. Hidden files are passed over.

    `may_add`: a warehouse is there to be added to, so that no claim table need be in the folder.
    Raises InputRefused for a missing folder, a file of no table, one that is no plain file, or no claim table.
    """
    if not folder.is_dir() or not _is_open(folder):
        raise InputRefused(
            f"Input {folder.name!r} is not a folder that can be read. Give the folder that holds the extracts."
        )
    found = [p for p in sorted(folder.rglob("*")) if not _hidden(p, folder)]
    for path in found:
        _refuse_unfit(path, path.relative_to(folder).as_posix())
    paths = [p for p in found if p.is_file()]
    extracts = [_extract(folder, p) for p in paths if p.suffix != CONTROL]
    for alone in {p for p in paths if p.suffix == CONTROL} - {
        Path(f"{e.path}{CONTROL}") for e in extracts
    }:
        raise InputRefused(
            f"Control file {alone.name!r} stands without its extract. Add the extract or remove the file."
        )
    if not may_add and not any(e.table in CLAIM_TABLES for e in extracts):
        raise InputRefused(
            f"No claim table in the input folder. Add {' or '.join(t + '.csv' for t in CLAIM_TABLES)}."
        )
    return sorted(extracts, key=lambda e: e.name)


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _is_open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _refuse_unfit(path: Path, name: str) -> None:
    """Refuse what a walk through the folder would pass over without a word, and names that a message cannot show."""
    if not name.isprintable():
        raise InputRefused(
            f"File {name!r}: its name holds characters that cannot be printed. Rename it."
        )
    if path.is_symlink() or not (path.is_file() or path.is_dir()):
        raise InputRefused(
            f"File {name!r} is a link or no plain file. Put the file itself into the input folder."
        )
    if path.is_dir() and not _is_open(path):
        raise InputRefused(
            f"Folder {name!r} cannot be read. Allow the user of this program to read it."
        )


def _extract(folder: Path, path: Path) -> Extract:
    relative = path.relative_to(folder)
    form = next((f for f in FORMS if path.name.lower().endswith(f)), None)
    stem = path.name[: -len(form)] if form else ""
    if form and len(relative.parts) == 1:
        for table in TABLES:
            if stem == table or stem.startswith(table + "_"):
                return Extract(table, path, relative.as_posix(), stamp(path))
    if form and len(relative.parts) == 2 and relative.parts[0] in TABLES:
        return Extract(relative.parts[0], path, relative.as_posix(), stamp(path))
    raise InputRefused(
        f"File {relative.as_posix()!r} is of no table. Name it TABLE.csv, TABLE_*.csv, .csv.gz or .parquet, or put it "
        f"in a folder TABLE; tables are {', '.join(TABLES)}."
    )
