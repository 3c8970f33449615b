"""The folders of a lake with rows of a warehouse: one for each night, named when it is complete.

While a warehouse begins or ceases to list files, their folder has a mark with the warehouse's
origin. From a folder with its mark, the next writer removes what the warehouse does not list; so
nothing is left behind for good by one that was killed.
"""

import json
import os
import shutil
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb

from flows.errors import DiskTrouble
from flows.provenance import digest
from flows.warehouse.files import make_durable, make_folder, path_digest, write_whole
from flows.warehouse.lake import LakeFile, files_in_lake, list_files
from schemas.notes import counted

MANIFEST = "manifest.json"
Listed = Mapping[Path, Collection[LakeFile]]
"""Folder -> the files in it that a warehouse lists."""


def name_in_lake(warehouse: Path) -> str:
    """What tells a warehouse from all others in a lake: other machines may have that path too."""
    return digest(socket.gethostname(), path_digest(warehouse))[:16]


def passing_name(warehouse: Path) -> str:
    """How the folders in a lake begin that are removed with their run, or by the next one."""
    return f".run-{name_in_lake(warehouse)}-"


def home_of(lake: Path, warehouse: Path) -> Path:
    """The folder in a lake that holds a folder for each night of a warehouse."""
    return lake / _home_name(warehouse)


def _home_name(warehouse: Path) -> str:
    return f"warehouse-{path_digest(warehouse)}"


def _mark_of(warehouse: Path) -> str:
    return f".unsettled-{name_in_lake(warehouse)}"


def _mark(folder: Path, warehouse: Path, origin: str) -> None:
    write_whole(folder / _mark_of(warehouse), origin.encode())


def origin_of(connection: duckdb.DuckDBPyConnection) -> str:
    """What tells the warehouse that is open from one made later under its path; '' if it is new."""
    rows = connection.execute("SELECT link FROM main.journal ORDER BY entry_no LIMIT 1").fetchall()
    return str(rows[0][0]) if rows else ""


def move_in(
    connection: duckdb.DuckDBPyConnection,
    files: Collection[LakeFile],
    home: Path,
    warehouse: Path,
    name: str,
) -> dict[Path, list[LakeFile]]:
    """Move a folder with files to its place, with a manifest and a mark, and list them there.

    home   the folder of the warehouse in the lake; the open database notes it.
    name   how the folder is called, followed by a number if there is one of that name.

    Returns the files as they are listed from now on, by their folder: one, or none without files.
    """
    if not files:
        return {}
    ((folder,),) = {(Path(file.folder),) for file in files}
    make_folder(home)
    number = 1
    while os.path.lexists(target := home / (name if number == 1 else f"{name}-{number}")):
        number += 1
    moved = [file._replace(folder=str(target)) for file in files]
    _remove_others(folder, moved)
    for file in files:
        make_durable(file.path)
    _write_manifest(folder, moved)
    _mark(folder, warehouse, origin_of(connection))
    folder.rename(target)
    make_durable(home)
    connection.execute("DELETE FROM main.lake WHERE home = ?", [str(home)])
    connection.execute("INSERT INTO main.lake VALUES (?)", [str(home)])
    connection.execute("DELETE FROM main.lake_file WHERE folder = ?", [str(folder)])
    list_files(connection, moved)
    return {target: moved}


class Marked(NamedTuple):
    """The folders that lose files which a warehouse ceases to list, and those left alone."""

    own: list[Path]
    others: list[Path]


def mark(
    connection: duckdb.DuckDBPyConnection, files: Iterable[LakeFile], warehouse: Path
) -> Marked:
    """Mark the folders of files that a warehouse ceases to list.

    Folders of a warehouse with another path are left alone: this one may be a copy of it.
    """
    folders = sorted({Path(file.folder) for file in files})
    own = [folder for folder in folders if folder.parent.name == _home_name(warehouse)]
    others = [folder for folder in folders if folder not in own]
    origin = origin_of(connection)
    for folder in own:
        _mark(folder, warehouse, origin)
    return Marked(own, others)


def left_alone(folders: Sequence[Path]) -> tuple[str, ...]:
    """What the user must know about folders that `mark` has left alone."""
    if not folders:
        return ()
    names = ", ".join(folder.name for folder in folders)
    return (
        f"Rows that this warehouse no longer lists are still in {counted(len(folders), 'folder')} "
        f"of a lake ({names}). Another warehouse, or this one under an earlier path, has put them "
        "there: remove them there, or remove the folders if no warehouse lists them.",
    )


def listed(
    connection: duckdb.DuckDBPyConnection, folders: Iterable[Path]
) -> dict[Path, list[LakeFile]]:
    """The files in some folders that the open warehouse lists, whatever path they are listed by."""
    files: dict[Path, list[LakeFile]] = {}
    for file in files_in_lake(connection, "main"):
        files.setdefault(Path(file.folder).resolve(), []).append(file)
    return {folder: files.get(folder.resolve(), []) for folder in folders}


def settle_folders(found: Listed, warehouse: Path) -> None:
    """Remove what is not listed from folders with a mark, then the mark."""
    for folder, files in found.items():
        _remove_others(folder, files)
        if files:
            _write_manifest(folder, files)
            (folder / _mark_of(warehouse)).unlink(missing_ok=True)
        else:
            shutil.rmtree(folder)


def settle_after_commit(found: Listed, warehouse: Path) -> None:
    """Settle folders when the warehouse is changed already. Raises DiskTrouble that says so."""
    try:
        settle_folders(found, warehouse)
    except OSError as error:
        raise DiskTrouble(
            "The warehouse is changed, but files that it no longer lists could not be removed from "
            f"the lake ({error.strerror}): their rows are left there. The next run or purge with a "
            "lake that can be written removes them."
        ) from None


def settle_after_a_kill(
    connection: duckdb.DuckDBPyConnection | None, warehouse: Path, lake: Path | None = None
) -> None:
    """Settle the folders that a writer of a warehouse, on this machine, has left with a mark.

    connection   to the warehouse, nothing in it changed yet; None if there is none.
    lake         that this run uses.
    """
    homes = {home_of(lake, warehouse)} if lake else set()
    origin = ""
    if connection:
        homes |= {Path(home) for (home,) in connection.execute("FROM main.lake").fetchall()}
        origin = origin_of(connection)
    marks = [path for home in sorted(homes) for path in home.glob(f"*/{_mark_of(warehouse)}")]
    own = [path.parent for path in marks if path.read_text(encoding="utf-8") in ("", origin)]
    settle_folders(listed(connection, own) if connection else dict.fromkeys(own, ()), warehouse)


def _remove_others(folder: Path, files: Collection[LakeFile]) -> None:
    """Remove the Parquet files of a folder that are not among some."""
    for path in {*folder.glob("*.parquet")} - {folder / file.name for file in files}:
        path.unlink()


def _write_manifest(folder: Path, files: Iterable[LakeFile]) -> None:
    entries = [
        {name: value for name, value in file._asdict().items() if name != "folder"}
        for file in files
    ]
    write_whole(folder / MANIFEST, (json.dumps({"files": entries}, indent=1) + "\n").encode())
