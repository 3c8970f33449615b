"""How the engine is told to read a file: the source, in SQL, and where in it each of our columns stands."""

from pathlib import Path

import duckdb

from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.csv_scan import Scan
from flows.intake.landing import Extract
from flows.warehouse.sql import identifier, literal, one
from schemas.tables import Table

LINE, LONG_LINE = (
    1 << 21,
    1 << 26,
)  # bytes; room for long lines makes the engine read on one core only
_BUFFER_LINES = 4  # of the longest a buffer holds: from several row groups of the engine on, it stores them twice
_PATTERN_SIGNS = "*?["


def csv_source(scan: Scan, config: Config, longest_line: int = LINE) -> str:
    """The reading of a plain CSV file, every column as text under its position; lines may be so many bytes long."""
    columns = "{" + ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(scan.header))) + "}"
    return (
        f"read_csv({literal(_no_glob(scan.plain))}, auto_detect = false, header = true, skip = {scan.blank_head}, "
        f"store_rejects = true, rejects_limit = 0, delim = {literal(config.delimiter)}, quote = '\"', escape = '\"', "
        f"encoding = 'utf-8', max_line_size = {longest_line}, buffer_size = {_BUFFER_LINES * longest_line}, "
        f"hive_partitioning = false, columns = {columns})"
    )


def parquet_source(
    connection: duckdb.DuckDBPyConnection, extract: Extract
) -> tuple[str, tuple[str, ...], list[str], int]:
    """Source, header, types and number of rows of a Parquet file; its folders' names are no columns."""
    path = literal(_no_glob(extract.path))
    source = f"read_parquet({path}, hive_partitioning = false)"
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        schema = connection.execute(
            f"SELECT name, num_children FROM parquet_schema({path})"
        ).fetchall()
        rows = one(connection, f"SELECT num_rows FROM parquet_file_metadata({path})")
    except duckdb.Error:
        raise InputRefused(
            f"{extract.name}: not a readable Parquet file. Export or transfer it again."
        ) from None
    numbered = ", ".join(f"{identifier(str(row[0]))} AS c{i}" for i, row in enumerate(described))
    return (
        f"(SELECT {numbered} FROM {source})",
        _top_level(schema),
        [str(row[1]) for row in described],
        rows,
    )


def match_header(
    table: Table, header: tuple[str, ...], mapping: dict[str, str], file_name: str
) -> tuple[dict[str, int], list[str]]:
    """Where each of our columns stands in a header, in any order and case; and the columns nobody knows.

    Raises InputRefused where a required column is missing (the header itself is not repeated: a file without
    its header has a member's row there) or one column stands twice.
    """
    theirs_to_ours = {k.strip().lower(): v for k, v in mapping.items()}
    names = [theirs_to_ours.get(h.strip().lower(), h.strip().lower()) for h in header]
    ours = {c.name for c in table.columns}
    twice = sorted({n for n in names if n in ours and names.count(n) > 1})
    if twice:
        raise InputRefused(
            f"{file_name}: column {twice[0]} stands twice in the header. Remove or rename one."
        )
    positions = {n: i for i, n in enumerate(names) if n in ours}
    needed = [(c.name,) for c in table.columns if c.required] + list(table.one_of)
    missing = [" or ".join(group) for group in needed if not set(group) & set(positions)]
    if missing:
        raise InputRefused(
            f"{file_name}: no column {missing[0]}, which {table.name} needs. Add it, or map its name in the config "
            f"([columns.{table.name}])."
        )
    return positions, [
        h.strip() for h, n in zip(header, names, strict=True) if n not in ours and h.strip()
    ]


def has_pattern(path: Path) -> bool:
    """Whether the engine would take a path for a pattern."""
    return bool(set(_PATTERN_SIGNS) & set(str(path)))


def without_pattern(folder: Path) -> Path:
    """The folder, or the nearest above it whose path the engine does not take for a pattern: it compares paths as text."""
    return next((f for f in (folder, *folder.parents) if not has_pattern(f)), folder)


def _no_glob(path: Path) -> str:
    """A path in which the engine sees no pattern."""
    return "".join(f"[{c}]" if c in _PATTERN_SIGNS else c for c in str(path))


def _top_level(schema: list[tuple[str, int | None]]) -> tuple[str, ...]:
    """Names of a Parquet file's columns as they stand: the engine renames the second of two that are equal."""
    names, inner = [], 0
    for name, children in schema[1:]:
        if not inner:
            names.append(name)
        inner += (children or 0) - (inner > 0)
    return tuple(names)
