"""How the engine reads Parquet files, and which paths it takes for patterns."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from flows.warehouse.sql import literals

_GLOB_CHARACTERS = "*?["


def parquet_rows(*paths: Path) -> str:
    """SQL of the rows of Parquet files; names of their folders are not taken for columns."""
    return f"read_parquet({literals([without_glob(p) for p in paths])}, hive_partitioning = false)"


def rows_in_files(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> dict[Path, int]:
    """Path -> how many rows its end says it has; without files that are not there, or damaged."""
    if not paths:
        return {}
    given = literals([str(path) for path in paths])
    query = f"SELECT file_name, num_rows FROM parquet_file_metadata({given})"
    try:
        rows = connection.execute(query).fetchall()
    except duckdb.Error:  # one of them is not Parquet; which is not said
        each = ([path] for path in paths if len(paths) > 1)
        return {path: n for one in each for path, n in rows_in_files(connection, one).items()}
    return {Path(name): number for name, number in rows}


def is_glob(path: Path) -> bool:
    """Whether DuckDB would treat a path as a glob."""
    return bool(set(_GLOB_CHARACTERS) & set(str(path)))


def nearest_plain_folder(folder: Path) -> Path:
    """The folder, or its nearest parent whose path is not a glob: DuckDB allows folders by text."""
    return next((f for f in (folder, *folder.parents) if not is_glob(f)), folder)


def without_glob(path: Path) -> str:
    """A path with every glob character escaped."""
    return "".join(f"[{c}]" if c in _GLOB_CHARACTERS else c for c in str(path))
