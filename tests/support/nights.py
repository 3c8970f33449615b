"""Whole runs without Prefect, and what they leave on disk."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from flows import run_folders, stages
from flows.errors import redacted_errors
from flows.plan import plan
from flows.request import RunRequest
from flows.results.manifest import FOR_EDITING
from flows.results.timings import TIMINGS
from flows.summary import Summary
from flows.warehouse.files import make_folder
from flows.warehouse.lake import all_rows
from flows.warehouse.lock import hold
from schemas.results import LEDGER
from schemas.tables import TABLES


def remove_failed_checks(output: Path) -> None:
    """Remove what a run leaves that ended because too many rows cannot be used."""
    (output / "quarantine.parquet").unlink()
    for path in output.glob(".failed-checks*"):
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path)


def night(request: RunRequest) -> Summary:
    """Run every stage as the flow does: locked, errors redacted, the workbench removed."""
    with redacted_errors(request.output):
        made = plan(request)
        make_folder(request.output)
        with hold(request.warehouse_file):
            try:
                run_folders.begin(made)
                return stages.run_stages(made)
            finally:
                run_folders.clear_away(made)


_WITH_TIMES = ("journal", "run_record")
"""Tables of a warehouse whose rows say when they were written."""


def content(warehouse: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of a warehouse, sorted; empty if there is no warehouse.

    Without the tables of _WITH_TIMES, which differ between two runs of the same input.
    """
    if not warehouse.exists():
        return {}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        names = [
            n
            for (n,) in connection.execute(
                "SELECT table_name FROM duckdb_tables() ORDER BY ALL"
            ).fetchall()
        ]
        return {
            name: connection.execute(f"{_rows(connection, name)} ORDER BY ALL").fetchall()
            for name in names
            if name not in _WITH_TIMES
        }


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """SQL of the rows of a table of an open warehouse, wherever they are."""
    if table not in TABLES:
        return f'FROM main."{table}"'
    return f"SELECT * EXCLUDE (place) FROM {all_rows(connection, 'main', table)}"


def published(output: Path) -> dict[str, bytes]:
    """Name -> bytes of every published file, except the timings and the warehouse."""
    files = (
        p
        for p in output.rglob("*")
        if p.is_file() and not any(part.startswith(".") for part in p.relative_to(output).parts)
    )
    return {
        p.relative_to(output).as_posix(): p.read_bytes()
        for p in files
        if p.name != TIMINGS and p.suffix not in (".duckdb", ".wal")
    }


def purged_files(warehouse: Path) -> set[tuple[str, str]]:
    """Table and hash of the files that lost rows or texts to a purge."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            """SELECT table_name, sha256 FROM main.file JOIN main.purge USING (file_no)
               WHERE rows > 0 OR gone IS NOT NULL"""
        )
        return {(table, sha256) for table, sha256 in rows.fetchall()}


def members(warehouse: Path) -> set[str]:
    """The members of whom a warehouse holds a row."""
    tables = ("medical_claim", "pharmacy_claim", "diagnosis", "eligibility", "authorization")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        union = " UNION ".join(
            f"SELECT member_id FROM ({_rows(connection, name)})"
            for name in (*tables, "clinical_evidence")
        )
        return {member for (member,) in connection.execute(union).fetchall()}


def rerun_equals_standing(request: RunRequest) -> Summary:
    """Run a night once more into an empty folder, and compare every byte with what is published."""
    with TemporaryDirectory(dir=request.output.parent) as empty:
        warehouse = request.warehouse_file.absolute()
        again = night(replace(request, output=Path(empty), warehouse=warehouse))
        fresh = published(again.folder)
    standing = published(request.output / again.folder.name)
    results = {name for name in standing if name.endswith((".parquet", ".csv", ".json", ".html"))}
    names = (fresh.keys() | results) - {*FOR_EDITING}
    differing = sorted(name for name in names if fresh.get(name) != standing.get(name))
    assert differing == [], f"{again.folder.name} differs from what a rerun finds"
    return again


def in_clear(folder: Path) -> str:
    """The content of every file in a folder, with tables and work-papers decoded to text."""
    books = [zipfile.ZipFile(p) for p in sorted(folder.rglob("*.xlsx"))]
    sheets = [book.read(name).decode() for book in books for name in book.namelist()]
    tables = [
        json.dumps(pl.read_parquet(p).to_dicts(), default=str)
        for p in sorted(folder.rglob("*.parquet"))
    ]
    return "\n".join(
        [
            *sheets,
            *(
                p.read_bytes().decode("utf-8", "replace")
                for p in sorted(folder.rglob("*"))
                if p.is_file()
            ),
            *tables,
        ]
    )


def notes_but_of_collecting(summary: Summary) -> tuple[str, ...]:
    """The notes of a run whose config says nothing of collecting, but the one that says so."""
    return tuple(note for note in summary.notes if "(payers_without_place)" not in note)


def without_ledger(file: Path) -> pl.DataFrame:
    """A result table without what the ledger knows, which says when an exception was found."""
    return pl.read_parquet(file).drop(LEDGER, strict=False)
