"""Rows of a warehouse that lie in a lake: Parquet files, in one folder for each night.

The table `lake_file` lists them, each with its digest; what it does not list does not count. What
happens to the folders is in lake_folders.py.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from flows.errors import DiskTrouble, is_of_machine
from flows.provenance import sha256_of
from flows.warehouse.parquet import parquet_rows, rows_in_files
from flows.warehouse.sql import identifier

_ROWS_OF_A_FILE = 1 << 40  # more than any file has
_INDEX = "CAST(file_index AS BIGINT)"  # of the engine: the number of a file among those read


class LakeFile(NamedTuple):
    """A Parquet file with rows of one extract, or of a part of it; columns of the table.

    rows_before   how many rows of the extract are in the parts before it.
    """

    file_no: int
    table_name: str
    folder: str
    name: str
    rows_before: int
    rows: int
    sha256: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return Path(self.folder, self.name)


def files_in_lake(connection: duckdb.DuckDBPyConnection, schema: str) -> list[LakeFile]:
    """The files that a warehouse or a run lists."""
    rows = connection.execute(f"FROM {schema}.lake_file ORDER BY file_no, rows_before")
    return [LakeFile(*row) for row in rows.fetchall()]


def list_files(connection: duckdb.DuckDBPyConnection, files: Iterable[LakeFile]) -> None:
    """List files in the current database."""
    for file in files:
        connection.execute("INSERT INTO main.lake_file VALUES (?, ?, ?, ?, ?, ?, ?)", file)


def checked_files(connection: duckdb.DuckDBPyConnection, schema: str) -> list[LakeFile]:
    """The files that a warehouse or a run lists.

    Raises DiskTrouble if one is not there, or if its end does not say the rows that are listed.
    """
    files = files_in_lake(connection, schema)
    rows = rows_in_files(connection, [file.path for file in files])
    _refuse([file for file in files if rows.get(file.path) != file.rows], files)
    return files


@contextmanager
def blaming_files(files: Sequence[LakeFile]) -> Iterator[None]:
    """Report an error of the engine as DiskTrouble if any of the files is another by now."""
    try:
        yield
    except duckdb.Error as error:
        if not is_of_machine(error):
            _refuse([file for file in files if is_changed(file)], files)
        raise


def _refuse(wrong: Sequence[LakeFile], files: Sequence[LakeFile]) -> None:
    if wrong:
        raise DiskTrouble(
            f"The lake does not show {len(wrong):,} of the {len(files):,} files with rows of this "
            f"warehouse, or not as they were written; the first is {wrong[0].name} in "
            f"{wrong[0].path.parent.name}. Make the folder of the lake visible under the path that "
            "it had, or restore it from a backup."
        ) from None


def stored_rows(
    schema: str,
    table: str,
    in_lake: Iterable[LakeFile],
    unseen: Collection[int] = (),
    also: str = "",
) -> list[str]:
    """Queries that together give the rows of a table that a warehouse or a run has.

    in_lake   the files that it lists, of any table.
    unseen    numbers of extracts whose rows are left out.
    also      SQL of further columns.

    Each row has its `place`: where the engine stores it, or a negative number in the lake.
    """
    own = f"SELECT *, rowid AS place{also} FROM {schema}.{identifier(table)}{but(unseen)}"
    files = [f for f in in_lake if f.table_name == table and f.file_no not in unseen]
    return [own, *([_rows_of(files, also)] if files else [])]


def but(file_nos: Collection[int]) -> str:
    """SQL that leaves the rows of some files out."""
    return f" WHERE file_no NOT IN ({', '.join(map(str, file_nos))})" if file_nos else ""


def all_rows(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    """SQL of the rows of a table that a warehouse or a run has, for a FROM."""
    rows = stored_rows(schema, table, files_in_lake(connection, schema))
    return f"({' UNION ALL BY NAME '.join(rows)})"


def _rows_of(files: list[LakeFile], also: str) -> str:
    numbers, before = (
        f"CAST([{', '.join(map(str, values))}] AS BIGINT[])[{_INDEX} + 1]"
        for values in ([f.file_no for f in files], [f.rows_before for f in files])
    )
    return f"""SELECT * REPLACE (row_number + {before} AS row_number),
                      CAST({numbers} AS INTEGER) AS file_no,
                      -1 - ({_INDEX} * {_ROWS_OF_A_FILE} + file_row_number) AS place{also}
               FROM {parquet_rows(*(f.path for f in files))}"""


def take_in(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the rows in lakes to the tables of the current database, and list no file any more."""
    files = files_in_lake(connection, "main")
    for table in sorted({file.table_name for file in files}):
        rows = _rows_of([file for file in files if file.table_name == table], "")
        connection.execute(
            f"INSERT INTO main.{identifier(table)} BY NAME SELECT * EXCLUDE (place) FROM ({rows})"
        )
    connection.execute("DELETE FROM main.lake_file")


def changed_files(connection: duckdb.DuckDBPyConnection, schema: str) -> list[LakeFile]:
    """The files in the lake that are not there, or that are others than the listed ones."""
    return [file for file in files_in_lake(connection, schema) if is_changed(file)]


def unlisted_folders(connection: duckdb.DuckDBPyConnection, schema: str) -> list[str]:
    """The names of folders in lakes of which a warehouse lists no file, such as after a restore."""
    listed = {Path(file.folder).resolve() for file in files_in_lake(connection, schema)}
    homes = [Path(home) for (home,) in connection.execute(f"FROM {schema}.lake").fetchall()]
    folders = (folder for home in sorted(homes) if home.is_dir() for folder in home.iterdir())
    return sorted(folder.name for folder in folders if folder.resolve() not in listed)


def is_changed(file: LakeFile) -> bool:
    """Whether a file is not there, or is another one than the warehouse lists."""
    return not file.path.is_file() or sha256_of(file.path) != file.sha256
