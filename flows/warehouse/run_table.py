"""Tables that a run derives. Each is declared once, by the module that makes it.

A module that reads a table imports its declaration, so the direction of imports is the direction of
the data. tests/warehouse/test_run_tables.py compares every SQL statement with the declarations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import duckdb
import polars as pl
from polars.datatypes import DataType, DataTypeClass

PolarsDataType = DataType | DataTypeClass
Columns = Mapping[str, str]
"""Name of a column -> its SQL type."""
_ELEMENTARY = {
    pl.String: "VARCHAR",
    pl.Date: "DATE",
    pl.Boolean: "BOOLEAN",
    pl.Int64: "BIGINT",
    pl.Float64: "DOUBLE",
    pl.UInt32: "UINTEGER",
}


class Reuse(Enum):
    """What the next run may reuse of a table, besides ChangedRows."""

    NOTHING = "nothing: it is not remembered"
    WHOLE = "the whole table, which each run replaces"
    ADDED = "all of it: a run holds only rows that earlier runs did not have"


@dataclass(frozen=True, eq=False)
class ChangedRows:
    """Rows whose key another table of the run lists: the run replaces those, and keeps the rest."""

    key: tuple[str, ...]
    listed_in: "RunTable"
    listed_as: tuple[str, ...]

    def condition(self, schema: str) -> str:
        """SQL that is true for a changed row; `schema` holds the tables of the run."""
        key, listed = ", ".join(self.key), ", ".join(self.listed_as)
        return f"({key}) IN (SELECT {listed} FROM {schema}.{self.listed_in.name})"


@dataclass(frozen=True, eq=False)
class RunTable:
    """A table or view that a run derives. As text it is its qualified SQL name.

    grain    what one row is.
    reuse    what the next run may reuse of it.
    """

    name: str
    grain: str
    columns: Columns
    reuse: Reuse | ChangedRows = Reuse.NOTHING

    def __str__(self) -> str:
        """Return the qualified SQL name."""
        return f"run.{self.name}"

    @property
    def remembered(self) -> str:
        """SQL of the table as the warehouse remembers it from earlier runs."""
        return f"kept.main.{self.name}"

    @property
    def empty(self) -> str:
        """SQL of a subquery with these columns and no rows."""
        nulls = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in self.columns.items())
        return f"(SELECT {nulls} WHERE false)"

    def create(self, connection: duckdb.DuckDBPyConnection, query: str | None = None) -> None:
        """Create or replace the table with the rows of a query; without one it is empty."""
        connection.execute(f"CREATE OR REPLACE TABLE {self} AS FROM ({query or self.empty})")

    def store_frame(self, connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> None:
        """Create or replace the table with the rows of a frame."""
        self.create(connection)
        self.add_frame(connection, frame)

    def add_frame(self, connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame) -> None:
        """Add the rows of a frame to the table."""
        connection.register("added_frame", frame.select(list(self.columns)))
        connection.execute(f"INSERT INTO {self} FROM added_frame")
        connection.unregister("added_frame")


@dataclass(frozen=True, eq=False)
class RunMacro:
    """A scalar SQL macro of a run. As text it is its qualified name."""

    name: str
    meaning: str

    def __str__(self) -> str:
        """Return the qualified SQL name."""
        return f"run.{self.name}"


def sql_columns(schema: Mapping[str, PolarsDataType]) -> dict[str, str]:
    """The columns of a frame as SQL types."""
    return {name: _sql_type(dtype) for name, dtype in schema.items()}


def _sql_type(dtype: PolarsDataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"{_sql_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Struct):
        fields = ", ".join(f"{f.name} {_sql_type(f.dtype)}" for f in dtype.fields)
        return f"STRUCT({fields})"
    return next(sql for kind, sql in _ELEMENTARY.items() if dtype == kind)
