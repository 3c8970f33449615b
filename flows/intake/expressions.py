"""Expressions of the config over a sender's columns, in DuckDB's SQL: which ones are accepted.

An expression is parsed by the engine's own parser, and its tree must consist of what
expression_parts.py lists: columns, constants, comparisons, CASE, conversions that give null instead
of an error, and functions that compute a value from their arguments alone. So no expression reads a
file, a table, a setting or the clock, and none stops a run at a value. The engine sees it only
after that.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from flows.intake.expression_parts import (
    OF_SESSION,
    PLAIN_TYPES,
    ExpressionRefused,
    check_growth,
    check_part,
    parts_of,
)
from flows.warehouse.sql import identifier

_MEMBERSHIP = ("COMPARE_IN", "COMPARE_NOT_IN")
_NULL = '"NULL"'


@dataclass(frozen=True)
class Expression:
    """An expression that was accepted.

    columns     names of the sender's columns that it uses, as it spells them.
    is_column   whether it is one of them as it is.
    type        the type of its values in DuckDB.
    """

    sql: str
    columns: frozenset[str]
    is_column: bool
    type: str


@cache
def parsed_expression(text: str) -> Expression:
    """Parse an expression and check every part of it. Raises ExpressionRefused."""
    if "\0" in text:
        raise ExpressionRefused("it contains a NUL")
    if any(kind == duckdb.token_type.comment for _, kind in duckdb.tokenize(text)):
        raise ExpressionRefused("it contains a comment")
    statement = _statement(text)
    tree = _selected(statement)[0]
    parts = list(parts_of(tree))
    for part in parts:
        check_part(part)
    check_growth(tree)
    columns = frozenset(p["column_names"][0] for p in parts if p["class"] == "COLUMN_REF")
    for name in columns:
        if name.lower() in OF_SESSION and identifier(name) not in text:
            raise ExpressionRefused(f"it reads {name.lower()}; a column of that name needs quotes")
    sql = f"({text})"
    (type_,) = _bound_types(f"SELECT {sql}", columns)
    if not type_.startswith(PLAIN_TYPES) or type_.endswith("]"):
        raise ExpressionRefused(f"it gives {type_}, not text, a number or a date")
    for part in parts:
        if part["type"] in _MEMBERSHIP:
            _check_membership(statement, part["children"], columns)
    return Expression(sql, columns, tree["class"] == "COLUMN_REF", type_)


def engine_reason(message: str) -> str:
    """The engine's reason on one line, without its suggestions: they may repeat a file's header."""
    first = message.strip().split("\n")[0]
    for suggestion in ("Candidate", "Did you mean"):
        first = first.split(suggestion)[0]
    return first.strip().rstrip(".!:")


def _bound_types(query: str, columns: frozenset[str]) -> list[str]:
    """The types that a SELECT without FROM gives, bound and computed over one row of nulls.

    Raises ExpressionRefused if the engine refuses it.
    """
    names = sorted({name.lower() for name in columns})
    row = ", ".join(f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in names)
    try:
        bound = _parser().cursor().execute(f"{query} FROM (SELECT {row or 1})")
        bound.fetchall()
    except duckdb.Error as error:
        raise ExpressionRefused(engine_reason(str(error))) from None
    return [str(column[1]) for column in bound.description]


def _check_membership(
    statement: dict[str, Any], operands: list[dict[str, Any]], columns: frozenset[str]
) -> None:
    """Raise ExpressionRefused if IN compares text with anything else.

    TRY does not catch what the engine then converts.
    """
    _selected(statement)[:] = operands
    ((query,),) = (
        _parser().cursor().execute("SELECT json_deserialize_sql(?)", [json.dumps(statement)])
    ).fetchall()
    types = _bound_types(query, columns)
    if len({type_ == "VARCHAR" for type_ in types if type_ != _NULL}) > 1:
        raise ExpressionRefused("IN compares text with text, or numbers with numbers")


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """An engine of its own, without files, that sees no row."""
    return duckdb.connect(config={"enable_external_access": "false", "threads": "1"})


def _statement(text: str) -> dict[str, Any]:
    """The engine's tree of a SELECT of one expression.

    Raises ExpressionRefused if the text is anything else.
    """
    try:
        ((serialized,),) = (
            _parser()
            .cursor()
            .execute("SELECT json_serialize_sql(?)", [f"SELECT ({text})"])
            .fetchall()
        )
        parsed: dict[str, Any] = json.loads(serialized)
    except (duckdb.Error, RecursionError, ValueError):
        raise ExpressionRefused("it is nested too deeply") from None
    if parsed["error"]:
        raise ExpressionRefused(engine_reason(f"Parser Error: {parsed['error_message']}"))
    statements = parsed["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    is_one = (
        node.get("type") == "SELECT_NODE"
        and len(node["select_list"]) == 1
        and node["from_table"]["type"] == "EMPTY"
        and not node["modifiers"]
        and not node["cte_map"]["map"]
        and not any(
            node[part] for part in ("where_clause", "group_expressions", "having", "qualify")
        )
    )
    if not is_one:
        raise ExpressionRefused("it is more than one expression")
    return parsed


def _selected(statement: dict[str, Any]) -> list[dict[str, Any]]:
    """The expressions that a statement selects."""
    selected: list[dict[str, Any]] = statement["statements"][0]["node"]["select_list"]
    return selected
