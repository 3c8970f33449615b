"""SQL files by name, and the quoting of the few identifiers and literals that cannot be bound."""

import re
from datetime import date
from string import Template

import duckdb
import polars as pl

from flows.provenance import sql_folder


def statements(name: str) -> list[str]:
    """The statements of sql/NAME.sql, in order, comments left out."""
    text = re.sub(r"--[^\n]*", "", (sql_folder() / f"{name}.sql").read_text(encoding="utf-8"))
    return [s.strip() for s in text.split(";\n") if s.strip()]


def run(connection: duckdb.DuckDBPyConnection, name: str, **words: str) -> None:
    """Run sql/NAME.sql; `$word` and `${word}` in it stand for the (already safe) SQL text given for it."""
    for statement in statements(name):
        connection.execute(Template(statement).substitute(words))


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: list[str]) -> str:
    """Texts as an SQL list."""
    return "[" + ", ".join(literal(t) for t in texts) + "]"


def day(value: date) -> str:
    """A date as an SQL literal."""
    return f"DATE {literal(value.isoformat())}"


def one(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> int:
    """The single number that a query gives."""
    rows = connection.execute(query, list(values)).fetchall()
    return int(rows[0][0] or 0)


def fetched(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    """What a query gives, in a total order of its content, so that no plan of the engine shows in a result."""
    frame: pl.DataFrame = connection.sql(f"SELECT * FROM ({query}) ORDER BY ALL").pl()
    return frame
