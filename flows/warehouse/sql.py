"""SQL files by name, and the quoting of the few identifiers and literals that cannot be bound.

Each SQL file begins with a header that names the tables it reads and makes:

    -- reads: every_diagnosis, run.new_file
    -- makes: run.undated_diagnosis

Whoever runs the file names the same run tables, as the declarations it has imported. It names
tables of the warehouse too, above all what that remembers of a run table (RunTable.remembered).
"""

import re
from collections.abc import Iterable
from datetime import date
from functools import cache
from string import Template

import duckdb
import polars as pl

from flows.provenance import sql_folder

_TABLE = re.compile(r"\b(?:run|kept(?:\.main)?)\.\w+")
"""A table of this run, or of the warehouse."""
_HEADER = re.compile(r"\A(?:--[^\n]*\n)*")


@cache
def text(name: str) -> str:
    """The text of sql/NAME.sql."""
    return (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")


def header(name: str) -> dict[str, str]:
    """The parts of the header of sql/NAME.sql: `reads`, `makes` and `words`; empty if not there."""
    found = _HEADER.match(text(name))
    lines = found[0].replace("--", " ") if found else ""
    parts = re.split(r"\b(reads|makes|words):", lines)
    return {"reads": "", "makes": "", "words": ""} | dict(
        zip(parts[1::2], parts[2::2], strict=True)
    )


def statements(name: str) -> list[str]:
    """The statements of sql/NAME.sql, in order, without comments."""
    bare = re.sub(r"--[^\n]*", "", text(name))
    return [s.strip() for s in bare.split(";\n") if s.strip()]


def run(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    *,
    reads: Iterable[object] = (),
    makes: Iterable[object] = (),
    **words: str,
) -> None:
    """Run sql/NAME.sql; `$word` and `${word}` in it are replaced by the (already safe) SQL given.

    reads, makes   the tables of the run and of the warehouse that the file reads and makes, as its
                   header names them.
    """
    _compare(name, reads, makes, words)
    for statement in statements(name):
        connection.execute(Template(statement).substitute(words))


def fetched_from(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    *,
    reads: Iterable[object] = (),
    **words: str,
) -> pl.DataFrame:
    """The rows of sql/NAME.sql, which is one query, in a total order of their content."""
    _compare(name, reads, (), words)
    (query,) = statements(name)
    return fetched(connection, Template(query).substitute(words))


def _compare(
    name: str, reads: Iterable[object], makes: Iterable[object], words: dict[str, str]
) -> None:
    """Raise ValueError unless the header of a file names just these tables.

    It names a table that a word reads as well: `run.new_file (in $looked_at)`.
    """
    filled = {p: Template(header(name)[p]).safe_substitute(words) for p in ("reads", "makes")}
    for part, tables in (("reads", reads), ("makes", makes)):
        named = set(_TABLE.findall(filled[part]))
        given = {str(table) for table in tables}
        if named != given:
            differing = ", ".join(sorted(named ^ given))
            raise ValueError(f"sql/{name}.sql: its header and its caller differ on {differing}")
    for word, value in words.items():
        for table in set(_TABLE.findall(value)) - set(_TABLE.findall(str(filled))):
            raise ValueError(f"sql/{name}.sql: ${word} reads {table}; its header does not say so")


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
    """The rows of a query in a total order of their content: no query plan shows in results."""
    frame: pl.DataFrame = connection.sql(f"SELECT * FROM ({query}) ORDER BY ALL").pl()
    return frame
