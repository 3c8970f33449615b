"""Result tables as Parquet: the same bytes for the same rows, and each column's meaning with it.

An Arrow reader finds description and unit in the metadata of each field. Every other reader finds
the same as JSON under COLUMNS in the key-value metadata of the file.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from flows.results.csv import write_csv
from schemas.describe import GRAINS, meaning
from schemas.results import RESULT_SCHEMA_VERSION

Rows = pl.DataFrame | pl.LazyFrame
_ROW_GROUP = 16_384
"""Rows of a result table that are in memory at a time, if they come from files."""
_PREFIX = "claims_audit."
TABLE, DESCRIPTION, VERSION, COLUMNS = (
    _PREFIX + n for n in ("table", "description", "result_schema_version", "columns")
)


def write_result_tables(folder: Path, tables: Mapping[str, Rows]) -> None:
    """Write each result table into a Parquet file of its name, and the exceptions as CSV too."""
    write_tables(folder, tables)
    write_csv(folder / "exceptions.csv", tables["exceptions"])


def write_tables(folder: Path, tables: Mapping[str, Rows]) -> None:
    """Write each result table into a Parquet file of its name."""
    for name, rows in tables.items():
        write_table(folder / f"{name}.parquet", name, rows)


def write_table(file: Path, table: str, rows: Rows) -> None:
    """Write rows of a result table; columns may be missing, such as one in the folder's name."""
    schema = rows.collect_schema()
    about = {column: _about(table, column) for column in schema}
    rows.lazy().sink_parquet(
        file,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        statistics=True,
        arrow_schema=_arrow_schema(table, schema),
        metadata={
            TABLE: table,
            DESCRIPTION: GRAINS[table],
            VERSION: str(RESULT_SCHEMA_VERSION),
            COLUMNS: json.dumps(about, ensure_ascii=False),
        },
    )


def _about(table: str, column: str) -> dict[str, str]:
    means = meaning(table, column)
    return {"description": means.description} | ({"unit": means.unit} if means.unit else {})


def _arrow_schema(table: str, schema: pl.Schema) -> pa.Schema:
    """The schema in Arrow's types, with metadata for every field, fields of structs included."""
    fields = pl.DataFrame(schema=schema).to_arrow().schema
    return pa.schema([_field(table, field.name, field) for field in fields])


def _field(table: str, name: str, field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_large_list(kind) and pa.types.is_struct(kind.value_type):
        fields = pa.struct([_field(table, f"{name}.{f.name}", f) for f in kind.value_type])
        kind = pa.large_list(kind.value_field.with_type(fields))
    return field.with_type(kind).with_metadata(_about(table, name))
