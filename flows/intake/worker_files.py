"""What workers of a cluster have read of an extract: Parquet files, which the run takes over.

A folder for each part of the extract has its rows, those that wait for the quarantine, the records
that the engine could not split into columns, and the entry of the file.
"""

from dataclasses import asdict
from pathlib import Path

import duckdb
import polars as pl

from flows.intake.control import check_rows
from flows.intake.landing import ExtractFile
from flows.intake.load_file import FileEntry
from flows.intake.scan_ahead import FileScan
from flows.provenance import sha256_of
from flows.warehouse.columns import BOOKKEEPING, add_columns, stored_columns
from flows.warehouse.connection import Workbench, write_rows
from flows.warehouse.lake import LakeFile, list_files
from flows.warehouse.parquet import parquet_rows
from flows.warehouse.sql import identifier, one
from schemas.tables import TABLES

FEWEST_IN_LAKE = 1_000_000
"""Rows of an extract that stay in the lake: those of a smaller one come into the warehouse, as each
file of a lake takes milliseconds of every later night."""
_NOT_IN_LAKE = ("file_no", "raw_record")
_REFUSED, _QUARANTINE, _FILE = "refused", "quarantine", "file"


def write_files(connection: duckdb.DuckDBPyConnection, table: str, folder: Path) -> None:
    """Write what the open database has of one file, or of a part of it."""
    for name, query in (
        (table, _rows_for_the_lake(connection, table)),
        (_REFUSED, f"FROM main.{identifier(table)} WHERE raw_record IS NOT NULL"),
        (_QUARANTINE, "FROM main.quarantine"),
        (_FILE, "FROM main.file"),
    ):
        write_rows(connection, query, _path(folder, name))


def _rows_for_the_lake(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL of the rows of a table that do not wait for the quarantine, as all files of the lake hold
    them: rows of a member lie together, so who asks for few members reads few row groups."""
    described = connection.execute(f"DESCRIBE main.{identifier(table)}").fetchall()
    present = {row[0] for row in described}
    columns = (
        identifier(name) if name in present else f"CAST(NULL AS {kind}) AS {identifier(name)}"
        for name, kind in stored_columns(TABLES[table]).items()
        if name not in _NOT_IN_LAKE
    )
    return f"""SELECT {", ".join(columns)} FROM main.{identifier(table)}
               WHERE raw_record IS NULL ORDER BY member_hash, row_number"""


def digests_of(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of each file in a folder."""
    return {path.name: sha256_of(path) for path in sorted(folder.glob("*.parquet"))}


def rows_read(folder: Path, table: str) -> int:
    """How many rows could be read, whether they wait for the quarantine or not."""
    return _count(folder, table) + _count(folder, _REFUSED)


def has_unread(folder: Path) -> bool:
    """Whether there are records that the engine could not split into columns."""
    return _count(folder, _QUARANTINE) > 0


def add_file(
    connection: duckdb.DuckDBPyConnection,
    bench: Workbench,
    extract: ExtractFile,
    scan: FileScan,
    entry: FileEntry,
    in_lake: Path,
) -> None:
    """Add what workers have left of a file: its rows stay in the lake, if they are many; others go
    into the tables.

    in_lake   the folder in the lake that holds the rows of this run.

    Raises InputRefused if the count of its records is not that of its control file.
    """
    table = TABLES[extract.table]
    counts = {folder: _count(folder, table.name) for folder in scan.apart}
    rows_stay = sum(counts.values()) >= FEWEST_IN_LAKE
    rows_before = records = 0
    for number, (folder, digests) in enumerate(scan.apart.items()):
        read, refused, quarantine, file = (
            parquet_rows(_path(folder, name)) for name in (table.name, _REFUSED, _QUARANTINE, _FILE)
        )
        present = [str(row[0]) for row in connection.execute(f"DESCRIBE FROM {refused}").fetchall()]
        add_columns(connection, table, [n for n in present if n not in BOOKKEEPING], bench.memory)
        rows, added = counts[folder], f"FROM {refused}"
        if not rows_stay:
            columns = ", ".join(identifier(n) for n in present if n not in _NOT_IN_LAKE)
            added += f" UNION ALL BY NAME SELECT {columns} FROM {read}"
        elif rows:
            path, name = _path(folder, table.name), f"{table.name}-{entry.file_no}-{number}.parquet"
            place = entry.file_no, table.name, str(in_lake), name
            list_files(connection, [LakeFile(*place, rows_before, rows, digests[path.name])])
            path.rename(in_lake / name)
        connection.execute(
            f"""INSERT INTO main.{identifier(table.name)} BY NAME
                SELECT * REPLACE ({entry.file_no} AS file_no,
                                  row_number + {rows_before} AS row_number) FROM ({added})"""
        )
        connection.execute(
            f"""INSERT INTO main.quarantine BY NAME
                SELECT * REPLACE ({entry.file_no} AS file_no) FROM {quarantine}"""
        )
        rows_before += rows + _count(folder, _REFUSED)
        records += one(connection, f"SELECT rows_read FROM {file}")
    check_rows(extract, records)
    connection.execute(
        f"""INSERT INTO main.file BY NAME
            SELECT * REPLACE ($file_no AS file_no, $name AS name, $night AS night,
                              $load_no AS load_no, $read_under AS read_under,
                              $sha256 AS sha256, $records AS rows_read) FROM {file}""",
        asdict(entry) | {"sha256": scan.sha256, "records": records},
    )


def _count(folder: Path, name: str) -> int:
    return int(pl.scan_parquet(_path(folder, name), glob=False).select(pl.len()).collect().item())


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.parquet"
