"""How the engine reads Parquet files, and which paths it takes for patterns."""

from pathlib import Path

from flows.warehouse.sql import literals

_GLOB_CHARACTERS = "*?["


def parquet_rows(*paths: Path) -> str:
    """SQL of the rows of Parquet files; names of their folders are not taken for columns."""
    return f"read_parquet({literals([without_glob(p) for p in paths])}, hive_partitioning = false)"


def is_glob(path: Path) -> bool:
    """Whether DuckDB would treat a path as a glob."""
    return bool(set(_GLOB_CHARACTERS) & set(str(path)))


def nearest_plain_folder(folder: Path) -> Path:
    """The folder, or its nearest parent whose path is not a glob: DuckDB allows folders by text."""
    return next((f for f in (folder, *folder.parents) if not is_glob(f)), folder)


def without_glob(path: Path) -> str:
    """A path with every glob character escaped."""
    return "".join(f"[{c}]" if c in _GLOB_CHARACTERS else c for c in str(path))
