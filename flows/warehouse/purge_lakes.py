"""Purge in lakes: a file with rows that go is written again without them, in a new folder."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from flows.provenance import sha256_of
from flows.warehouse.connection import read_only, write_rows
from flows.warehouse.lake import LakeFile, files_in_lake, is_changed, list_files
from flows.warehouse.lake_folders import (
    Listed,
    home_of,
    left_alone,
    listed,
    mark,
    move_in,
    passing_name,
)
from flows.warehouse.parquet import parquet_rows
from flows.warehouse.sql import one
from schemas.tables import TABLES

PERSONAL = {n: t for n, t in TABLES.items() if "member_id" in {c.name for c in t.columns}}
"""The tables with rows of members."""


class InLakes(NamedTuple):
    """What a purge did in lakes.

    unsettled   the folders that it changes, with what is listed in them from now on.
    left        what the user must know about rows that go and are left there.
    damaged     numbers of extracts whose files were changed by somebody else.
    """

    unsettled: Listed
    left: tuple[str, ...]
    damaged: set[int]


@contextmanager
def waiting_folders(warehouse: Path) -> Iterator[dict[Path, Path]]:
    """Lake -> a folder there, not made yet, in which rows that stay wait; it is removed afterwards.

    If this process is killed, the next run with that lake removes it.
    """
    with read_only(warehouse) as connection:
        lakes = {_lake_of(file) for file in files_in_lake(connection, "kept.main")}
    folders = {lake: lake / f"{passing_name(warehouse)}purge" for lake in sorted(lakes)}
    _remove(folders.values())
    try:
        yield folders
    finally:
        _remove(folders.values())


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _lake_of(file: LakeFile) -> Path:
    return Path(file.folder).parent.parent


def purge_lakes(
    connection: duckdb.DuckDBPyConnection, lakes: dict[Path, Path], warehouse: Path, name: str
) -> InLakes:
    """List in the open workbench what stays of the lakes' files, without rows of purged members.

    lakes   as waiting_folders gives them.
    name    how the new folders are called.
    """
    changed, damaged = [], set()
    for file in files_in_lake(connection, "kept.main"):
        rows = parquet_rows(file.path)
        gone = 0
        if file.table_name in PERSONAL:
            of_them = f"FROM {rows} WHERE member_id IN (FROM purged_member)"
            gone = one(connection, f"SELECT count(*) {of_them}")
        if not gone:
            list_files(connection, [file])
            continue
        changed.append(file)
        if is_changed(file):
            damaged.add(file.file_no)
        if gone < file.rows:
            new = lakes[_lake_of(file)] / file.name
            others = f"FROM {rows} WHERE member_id NOT IN (FROM purged_member)"
            new.parent.mkdir(mode=0o700, exist_ok=True)
            write_rows(connection, others, new)
            own = file._replace(
                folder=str(new.parent), rows=file.rows - gone, sha256=sha256_of(new)
            )
            list_files(connection, [own])
    marked = mark(connection, changed, warehouse)
    unsettled = listed(connection, marked.own)
    for lake, folder in lakes.items():
        waiting = listed(connection, [folder])[folder]
        unsettled |= move_in(connection, waiting, home_of(lake, warehouse), warehouse, name)
    return InLakes(unsettled, left_alone(marked.others), damaged)
