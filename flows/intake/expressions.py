"""Expressions of the config over a sender's columns, in DuckDB's SQL: which ones are accepted.

An expression is parsed by the engine's own parser, and its tree must consist of what is listed
here: columns, constants, comparisons, CASE, conversions that give null instead of an error, and
functions that compute a value from their arguments alone. So no expression reads a file, a table, a
setting or the clock, and none stops a run at a value. The engine sees it only after that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from flows.warehouse.sql import identifier

_LONGEST_PAD = 1000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TEXT_FUNCTIONS = (
    "|| concat concat_ws replace translate substring substr left right lower upper lcase ucase "
    "trim ltrim rtrim lpad rpad reverse length len char_length strlen strip_accents split_part "
    "contains starts_with prefix suffix ends_with ^@ position strpos instr ~~ !~~ ~~* !~~* "
    "like_escape not_like_escape regexp_matches regexp_full_match regexp_extract regexp_replace"
)
_OTHER_FUNCTIONS = (
    "nullif if greatest least + - * / // % abs round floor ceil ceiling trunc sign "
    "try_strptime strftime date_part year month day last_day date_diff datediff"
)
FUNCTIONS = _words(f"{_TEXT_FUNCTIONS} {_OTHER_FUNCTIONS}")
"""Functions and operators that an expression may use."""
TYPES = _words(
    "VARCHAR TEXT STRING BOOLEAN BOOL TINYINT SMALLINT INTEGER INT BIGINT HUGEINT DECIMAL NUMERIC "
    "FLOAT REAL DOUBLE DATE TIMESTAMP"
)
"""Types that an expression may convert to."""
_TEXT_TYPES = frozenset(["VARCHAR", "TEXT", "STRING"])
_OPERATORS = _words(
    "OPERATOR_NOT OPERATOR_IS_NULL OPERATOR_IS_NOT_NULL OPERATOR_COALESCE COMPARE_IN "
    "COMPARE_NOT_IN ARRAY_EXTRACT ARRAY_SLICE"
)
_PLAIN_TYPES = (
    *("VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL"),
    *("FLOAT", "DOUBLE", "DATE", "TIMESTAMP"),
)
_PARTS = frozenset(["COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "BETWEEN", "CASE"])
_CONSTANT_ARGUMENTS = {
    "try_strptime": slice(1, None),
    "strftime": slice(1, None),
    "date_part": slice(0, 1),
    "date_diff": slice(0, 1),
    "datediff": slice(0, 1),
    "lpad": slice(1, 2),
    "rpad": slice(1, 2),
    "like_escape": slice(1, None),
    "not_like_escape": slice(1, None),
    "regexp_matches": slice(1, None),
    "regexp_full_match": slice(1, None),
    "regexp_extract": slice(1, None),
    "regexp_replace": slice(1, None),
}
"""Arguments that must be written out, because some values of theirs would be an error."""
_WHAT = {
    "SUBQUERY": "it contains a query",
    "WINDOW": "it contains a window function",
    "STAR": "it stands for several columns",
    "LAMBDA": "it contains a lambda function",
    "PARAMETER": "it contains a parameter",
    "POSITIONAL_REFERENCE": "it refers to a column by its position",
}

_OF_SESSION = _words(
    "current_date current_time current_timestamp localtime localtimestamp current_user "
    "current_role session_user user current_catalog current_schema"
)
"""Names that are a function to the engine if no column has them."""


class ExpressionRefused(Exception):
    """Why an expression is refused, in words that end without a full stop."""


@dataclass(frozen=True)
class Expression:
    """An expression that was accepted.

    columns   names of the sender's columns that it uses, as it spells them.
    type      the type of its values in DuckDB.
    """

    sql: str
    columns: frozenset[str]
    type: str


@cache
def parsed_expression(text: str) -> Expression:
    """Parse an expression and check every part of it. Raises ExpressionRefused."""
    if "\0" in text:
        raise ExpressionRefused("it contains a NUL")
    if any(kind == duckdb.token_type.comment for _, kind in duckdb.tokenize(text)):
        raise ExpressionRefused("it contains a comment")
    nodes = list(_nodes(_tree(text)))
    for node in nodes:
        _check(node)
    columns = frozenset(n["column_names"][0] for n in nodes if n["class"] == "COLUMN_REF")
    for name in columns:
        if name.lower() in _OF_SESSION and identifier(name) not in text:
            raise ExpressionRefused(f"it reads {name.lower()}; a column of that name needs quotes")
    sql = f"({text})"
    return Expression(sql, columns, _bound_type(sql, columns))


def engine_reason(message: str) -> str:
    """The engine's reason on one line, without its suggestions: they may repeat a file's header."""
    first = message.strip().split("\n")[0]
    for suggestion in ("Candidate", "Did you mean"):
        first = first.split(suggestion)[0]
    return first.strip().rstrip(".!:")


def _bound_type(sql: str, columns: frozenset[str]) -> str:
    """The type of an expression, bound and computed over one row of nulls.

    Raises ExpressionRefused if the engine refuses it, or its values are not plain ones.
    """
    names = sorted({name.lower() for name in columns})
    row = ", ".join(f"CAST(NULL AS VARCHAR) AS {identifier(name)}" for name in names)
    try:
        bound = _parser().cursor().execute(f"SELECT {sql} AS value FROM (SELECT {row or 1})")
        bound.fetchall()
    except duckdb.Error as error:
        raise ExpressionRefused(engine_reason(str(error))) from None
    type_ = str(bound.description[0][1])
    if not type_.startswith(_PLAIN_TYPES) or type_.endswith("]"):
        raise ExpressionRefused(f"it gives {type_}, not text, a number or a date")
    return type_


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    """An engine of its own, without files, that sees no row."""
    return duckdb.connect(config={"enable_external_access": "false", "threads": "1"})


def _tree(text: str) -> dict[str, Any]:
    """The tree of one expression. Raises ExpressionRefused if it is anything else."""
    try:
        ((serialized,),) = (
            _parser()
            .cursor()
            .execute("SELECT json_serialize_sql(?)", [f"SELECT ({text})"])
            .fetchall()
        )
        parsed = json.loads(serialized)
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
    tree: dict[str, Any] = node["select_list"][0]
    return tree


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every expression in a tree; a type that is converted to belongs to its conversion."""
    left = [tree]
    while left:
        part = left.pop()
        if isinstance(part, list):
            left += part
        elif isinstance(part, dict):
            if "class" in part:
                yield part
            left += [value for key, value in part.items() if key != "type_expr"]


def _check(node: dict[str, Any]) -> None:
    """Raise ExpressionRefused unless the part of an expression is one that is listed above."""
    kind = node["class"]
    if kind == "FUNCTION":
        _check_function(node)
    elif kind == "CAST":
        _check_conversion(node)
    elif kind == "COLUMN_REF":
        if len(node["column_names"]) != 1:
            raise ExpressionRefused("it names a column of something else than the file")
    elif kind == "OPERATOR":
        if node["type"] not in _OPERATORS:
            raise ExpressionRefused(f"{node['type']} is not available here")
    elif kind not in _PARTS:
        raise ExpressionRefused(_WHAT.get(kind, f"{kind} is not available here"))


def _check_function(node: dict[str, Any]) -> None:
    name = node["function_name"]
    is_plain = not any(node[part] for part in ("schema", "filter", "distinct", "export_state"))
    if name not in FUNCTIONS or not is_plain or node.get("catalog") or node["order_bys"]["orders"]:
        hint = "; use try_strptime" if name == "strptime" else ""
        raise ExpressionRefused(f"the function {name} is not available here{hint}")
    arguments = [argument["expression"] for argument in node["arguments"]]
    fixed = arguments[_CONSTANT_ARGUMENTS.get(name, slice(0, 0))]
    if any(argument["class"] != "CONSTANT" for argument in fixed):
        raise ExpressionRefused(f"{name} needs constants for what is not a value")
    if name in ("lpad", "rpad") and not all(_is_small(argument) for argument in fixed):
        raise ExpressionRefused(f"{name} makes at most {_LONGEST_PAD} characters")


def _is_small(constant: dict[str, Any]) -> bool:
    text = str(constant.get("literal", {}).get("text", ""))
    return text.isdigit() and int(text) <= _LONGEST_PAD


def _check_conversion(node: dict[str, Any]) -> None:
    target = node["type_expr"]
    name = str(target.get("type_name", "")).upper()
    if name not in TYPES or target.get("schema") or len(target["qualified_name"]["path"]) > 1:
        raise ExpressionRefused("it converts to a type that is not available here")
    is_safe = node["try_cast"] or name in _TEXT_TYPES or node["child"]["class"] == "CONSTANT"
    if not is_safe:
        raise ExpressionRefused(
            "CAST and :: stop at a value that cannot be converted; use TRY_CAST"
        )
