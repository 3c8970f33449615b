"""How DuckDB reads a file: the source in SQL, and the position of each of our columns in it."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.errors import InputRefused
from flows.intake.config import Config
from flows.intake.csv_scan import CsvScan
from flows.intake.landing import ExtractFile
from flows.warehouse.sql import identifier, literal, one
from schemas.tables import Table

LINE_BYTES = 1 << 21
_BUFFER_LINES = 4  # longest lines per buffer; DuckDB writes buffers that span row groups twice
_GLOB_CHARACTERS = "*?["


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file: its source in SQL, the name and DuckDB type of each column; its records."""

    sql: str
    header: tuple[str, ...]
    types: list[str]
    records: int


def csv_source(scan: CsvScan, config: Config, longest_line: int = LINE_BYTES) -> str:
    """SQL that reads a plain CSV file, every column as text named after its position: c0, c1, ...

    Lines may be `longest_line` bytes long.
    """
    columns = "{" + ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(scan.header))) + "}"
    options = {
        "auto_detect": "false",
        "header": "true",
        "skip": scan.leading_blank_lines,
        "store_rejects": "true",
        "rejects_limit": 0,
        "delim": literal(config.delimiter),
        "quote": "'\"'",
        "escape": "'\"'",
        "encoding": "'utf-8'",
        "max_line_size": longest_line,
        "buffer_size": _BUFFER_LINES * longest_line,
        "hive_partitioning": "false",
        "columns": columns,
    }
    written = ", ".join(f"{name} = {value}" for name, value in options.items())
    return f"read_csv({literal(_without_glob(scan.plain))}, {written})"


def parquet_source(connection: duckdb.DuckDBPyConnection, extract: ExtractFile) -> ParquetSource:
    """The source of a Parquet file; names of its folders are not taken for columns.

    Raises InputRefused if the file is not readable Parquet.
    """
    path = literal(_without_glob(extract.path))
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
    return ParquetSource(
        sql=f"(SELECT {numbered} FROM {source})",
        header=_top_level_names(schema),
        types=[str(row[1]) for row in described],
        records=rows,
    )


def match_header(
    table: Table, header: tuple[str, ...], mapping: dict[str, str], file_name: str
) -> tuple[dict[str, int], list[str]]:
    """The position of each of our columns in a header, in any order and case; the unknown columns.

    Raises InputRefused if a required column is missing or one of our columns occurs twice. The
    header itself is not repeated: a file without one has a member's row in its place.
    """
    theirs_to_ours = {k.strip().lower(): v for k, v in mapping.items()}
    names = [theirs_to_ours.get(h.strip().lower(), h.strip().lower()) for h in header]
    ours = {c.name for c in table.columns}
    repeated = sorted({n for n in names if n in ours and names.count(n) > 1})
    if repeated:
        raise InputRefused(
            f"{file_name}: column {repeated[0]} appears twice in the header. Remove or rename one."
        )
    positions = {n: i for i, n in enumerate(names) if n in ours}
    needed = [(c.name,) for c in table.columns if c.required] + list(table.one_of)
    missing = [" or ".join(group) for group in needed if not set(group) & set(positions)]
    if missing:
        raise InputRefused(
            f"{file_name}: no column {missing[0]}, which {table.name} needs. Add it, or map its "
            f"name in the config ([columns.{table.name}])."
        )
    unknown = [h.strip() for h, n in zip(header, names, strict=True) if n not in ours and h.strip()]
    return positions, unknown


def is_glob(path: Path) -> bool:
    """Whether DuckDB would treat a path as a glob."""
    return bool(set(_GLOB_CHARACTERS) & set(str(path)))


def nearest_plain_folder(folder: Path) -> Path:
    """The folder, or its nearest parent whose path is not a glob: DuckDB allows folders by text."""
    return next((f for f in (folder, *folder.parents) if not is_glob(f)), folder)


def _without_glob(path: Path) -> str:
    """A path with every glob character escaped."""
    return "".join(f"[{c}]" if c in _GLOB_CHARACTERS else c for c in str(path))


def _top_level_names(schema: list[tuple[str, int | None]]) -> tuple[str, ...]:
    """Names of a Parquet file's columns as written: DuckDB renames the second of two equal ones."""
    names, nested = [], 0
    for name, children in schema[1:]:
        if not nested:
            names.append(name)
        nested += (children or 0) - (nested > 0)
    return tuple(names)
