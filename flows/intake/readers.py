"""How DuckDB reads a file: the source in SQL, with its columns named after their position."""

from dataclasses import dataclass
from itertools import accumulate

import duckdb
import polars as pl

from flows.errors import InputRefused
from flows.intake.csv_scan import CsvScan
from flows.intake.file_parts import FilePart, NotInParts
from flows.intake.landing import ExtractFile
from flows.intake.texts import ZONED
from flows.warehouse.parquet import parquet_rows, without_glob
from flows.warehouse.sql import identifier, literal, one

LINE_BYTES = 1 << 21
_BUFFER_LINES = 4  # longest lines per buffer; DuckDB writes buffers that span row groups twice
_POSITION = "file_row_number"  # DuckDB's, from 0, unless the file has a column of that name


@dataclass(frozen=True)
class ParquetSource:
    """A Parquet file: its source in SQL, the name and DuckDB type of each column; its records.

    is_numbered   whether the source has a column `row_number`, from 1.
    """

    sql: str
    header: tuple[str, ...]
    types: list[str]
    records: int
    is_numbered: bool
    head: str = ""


def csv_source(scan: CsvScan, delimiter: str, longest_line: int = LINE_BYTES) -> str:
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
        "delim": literal(delimiter),
        "quote": "'\"'",
        "escape": "'\"'",
        "encoding": "'utf-8'",
        "max_line_size": longest_line,
        "buffer_size": _BUFFER_LINES * longest_line,
        "hive_partitioning": "false",
        "columns": columns,
    }
    written = ", ".join(f"{name} = {value}" for name, value in options.items())
    return f"read_csv({literal(without_glob(scan.plain))}, {written})"


def parquet_source(
    connection: duckdb.DuckDBPyConnection, extract: ExtractFile, part: FilePart | None = None
) -> ParquetSource:
    """The source of a Parquet file, or of the row groups of a part of it.

    Raises InputRefused if the file is not readable Parquet, and NotInParts if it is not certain
    which rows are those of the part.
    """
    path = literal(without_glob(extract.path))
    source = parquet_rows(extract.path)
    try:
        described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        schema = connection.execute(
            f"SELECT name, num_children FROM parquet_schema({path})"
        ).fetchall()
        records = one(connection, f"SELECT num_rows FROM parquet_file_metadata({path})")
        rows = _rows_of(connection, path, part, records) if part else range(records)
    except duckdb.Error:
        raise InputRefused(
            f"{extract.name}: not a readable Parquet file. Export or transfer it again."
        ) from None
    columns = [f"{identifier(str(row[0]))} AS c{i}" for i, row in enumerate(described)]
    header = _top_level_names(schema)
    is_numbered = _POSITION not in map(str.lower, header)
    if part:
        if not is_numbered:
            raise NotInParts
        source += f" WHERE {_POSITION} BETWEEN {rows.start} AND {rows.stop - 1}"
    if is_numbered:
        columns.append(f"{_POSITION} + {1 - rows.start} AS row_number")
    return ParquetSource(
        sql=f"(SELECT {', '.join(columns)} FROM {source})",
        header=header,
        types=_with_zones(extract, [str(row[1]) for row in described]),
        records=len(rows),
        is_numbered=is_numbered,
    )


def _rows_of(
    connection: duckdb.DuckDBPyConnection, path: str, part: FilePart, records: int
) -> range:
    """The positions of the rows in the row groups of a part; `path` is an SQL text.

    Raises NotInParts if all row groups have not as many rows as the file's end says.
    """
    groups = connection.execute(
        f"""SELECT DISTINCT row_group_id, row_group_num_rows
            FROM parquet_metadata({path}) ORDER BY row_group_id"""
    ).fetchall()
    ends = [0, *accumulate(rows for _, rows in groups)]
    if ends[-1] != records:
        raise NotInParts
    own = part.share(len(groups))
    return range(ends[own.start], ends[own.stop])


def _with_zones(extract: ExtractFile, types: list[str]) -> list[str]:
    """The types of a Parquet file's columns; a timestamp's with its own zone, if it names one.

    DuckDB reads every such timestamp as UTC. Raises InputRefused if Polars does not know a zone.
    """
    if ZONED not in types:
        return types
    try:
        columns = pl.read_parquet_schema(extract.path).values()
    except pl.exceptions.PanicException:
        raise InputRefused(
            f"{extract.name}: the time zone of a column is not known. Export its timestamps in "
            "UTC, in a zone of the IANA database, or as dates."
        ) from None
    except pl.exceptions.PolarsError:
        return types
    zones = [getattr(dtype, "time_zone", None) or "" for dtype in columns]
    if len(zones) != len(types):
        return types
    return [f"{t} {z}" if t == ZONED and z else t for t, z in zip(types, zones, strict=True)]


def _top_level_names(schema: list[tuple[str, int | None]]) -> tuple[str, ...]:
    """Names of a Parquet file's columns as written: DuckDB renames the second of two equal ones."""
    names, nested = [], 0
    for name, children in schema[1:]:
        if not nested:
            names.append(name)
        nested += (children or 0) - (nested > 0)
    return tuple(names)
