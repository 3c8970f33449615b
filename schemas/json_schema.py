"""The published schema of each result table: a JSON Schema of one row, with units and version.

A row as JSON: decimals are text with all their decimals ("1018.10"), dates are text (YYYY-MM-DD),
lists are arrays.
"""

import hashlib
import json
from typing import Any

import polars as pl

from schemas.describe import GRAINS, meaning
from schemas.results import RESULT_SCHEMA_VERSION, TABLES

_SIMPLE: dict[type[pl.DataType], tuple[dict[str, Any], str]] = {
    pl.String: ({"type": "string"}, "string"),
    pl.Int64: ({"type": "integer"}, "int64"),
    pl.Float64: ({"type": "number"}, "double"),
    pl.Date: ({"type": "string", "format": "date"}, "date"),
}


def json_schema(table: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one row of a result table."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": table,
        "description": GRAINS[table],
        "x-result-schema-version": RESULT_SCHEMA_VERSION,
        **_object(table, pl.Schema(TABLES[table])),
    }


def _object(table: str, columns: pl.Schema, prefix: str = "") -> dict[str, Any]:
    """An object with exactly these columns; `prefix` goes before the names of struct fields."""
    properties = {name: _column(table, prefix + name, dtype) for name, dtype in columns.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(columns),
        "additionalProperties": False,
    }


def _column(table: str, name: str, dtype: pl.DataType) -> dict[str, Any]:
    """One column, or one field of a struct: its type as JSON and in Parquet, and what it means."""
    means = meaning(table, name)
    shape, parquet = _typed(table, name, dtype)
    if means.nullable:
        shape["type"] = [shape["type"], "null"]
    if means.values:
        shape["enum"] = [*means.values, *([None] if means.nullable else [])]
    unit = {"x-unit": means.unit} if means.unit else {}
    return {"description": means.description, **shape, **unit, "x-parquet-type": parquet}


def _typed(table: str, name: str, dtype: pl.DataType) -> tuple[dict[str, Any], str]:
    if isinstance(dtype, pl.Decimal):
        pattern = rf"^-?[0-9]+\.[0-9]{{{dtype.scale}}}$"
        return {"type": "string", "pattern": pattern}, f"decimal({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.List):
        (inner,) = pl.Schema({name: dtype.inner}).values()
        if isinstance(inner, pl.Struct):
            return {
                "type": "array",
                "items": _object(table, pl.Schema(inner.to_schema()), f"{name}."),
            }, "list<struct>"
        shape, parquet = _typed(table, name, inner)
        return {"type": "array", "items": shape}, f"list<{parquet}>"
    shape, parquet = _SIMPLE[type(dtype)]
    return dict(shape), parquet


def fingerprint(table: str) -> str:
    """16 hex digits of what a reader relies on: names, order, types and nulls, but not the
    wording."""
    columns = json_schema(table)["properties"]
    relied_on = [[n, c["type"], c["x-parquet-type"], _fields(c)] for n, c in columns.items()]
    return hashlib.sha256(json.dumps(relied_on).encode()).hexdigest()[:16]


def _fields(column: dict[str, Any]) -> list[list[Any]]:
    """Names, types and Parquet types of the fields of a list's structs."""
    return [
        [n, c["type"], c["x-parquet-type"]]
        for n, c in column.get("items", {}).get("properties", {}).items()
    ]
