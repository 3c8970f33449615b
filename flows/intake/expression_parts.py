"""What an expression of the config may consist of.

The parts are those of the engine's own tree of an expression. Each must be listed here; none can
stop a run at a value, or make a text without end.
"""

from collections.abc import Iterator
from typing import Any

_LONGEST_PAD = 1000
_MOST_GROWTH = 1000  # how much longer nested replacements may make a text


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
PLAIN_TYPES = (
    *("VARCHAR", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL"),
    *("FLOAT", "DOUBLE", "DATE", "TIMESTAMP"),
)
"""How the types begin that an expression may give."""
OF_SESSION = _words(
    "current_date current_time current_timestamp localtime localtimestamp current_user "
    "current_role session_user user current_catalog current_schema"
)
"""Names that are a function to the engine if no column has them."""
_PARTS = frozenset(["COLUMN_REF", "CONSTANT", "COMPARISON", "CONJUNCTION", "BETWEEN", "CASE"])
_CONSTANT_ARGUMENTS = {
    "try_strptime": slice(1, None),
    "strftime": slice(1, None),
    "date_part": slice(0, 1),
    "date_diff": slice(0, 1),
    "datediff": slice(0, 1),
    "lpad": slice(1, 2),
    "rpad": slice(1, 2),
    "replace": slice(2, 3),
    "like_escape": slice(1, None),
    "not_like_escape": slice(1, None),
    "regexp_matches": slice(1, None),
    "regexp_full_match": slice(1, None),
    "regexp_extract": slice(1, None),
    "regexp_replace": slice(1, None),
}
"""Arguments that must be written out: some values would be an error, or a text without end."""
_WHAT = {
    "SUBQUERY": "it contains a query",
    "WINDOW": "it contains a window function",
    "STAR": "it stands for several columns",
    "LAMBDA": "it contains a lambda function",
    "PARAMETER": "it contains a parameter",
    "POSITIONAL_REFERENCE": "it refers to a column by its position",
}


class ExpressionRefused(Exception):
    """Why an expression is refused, in words that end without a full stop."""


def parts_of(tree: object) -> Iterator[dict[str, Any]]:
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


def check_part(node: dict[str, Any]) -> None:
    """Raise ExpressionRefused unless the part of an expression is one that is listed above."""
    kind = node["class"]
    if kind == "FUNCTION":
        _check_function(node)
    elif kind == "CAST":
        _check_conversion(node)
    elif kind == "COLUMN_REF":
        if len(node["column_names"]) != 1:
            raise ExpressionRefused("it names a column of something other than the file")
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
    if name.endswith("like_escape") and len(_constant(arguments[2])) > 1:
        raise ExpressionRefused("ESCAPE needs one character")


def check_growth(tree: object) -> None:
    """Raise ExpressionRefused if replacements within replacements make a text far too long."""
    left = [(tree, 1)]
    while left:
        part, growth = left.pop()
        if isinstance(part, dict):
            growth *= _own_growth(part)
            if growth > _MOST_GROWTH:
                raise ExpressionRefused(
                    f"its replacements make a text more than {_MOST_GROWTH} times as long"
                )
            left += [(value, growth) for value in part.values()]
        elif isinstance(part, list):
            left += [(value, growth) for value in part]


def _own_growth(node: dict[str, Any]) -> int:
    """How many times as long a replacement can make a text; 1 for anything else."""
    name = node.get("function_name")
    if name not in ("replace", "regexp_replace"):
        return 1
    pattern, new = (len(_constant(a["expression"])) for a in node["arguments"][1:3])
    return new + 1 if name == "regexp_replace" else max(1, -(-new // max(1, pattern)))


def _constant(node: dict[str, Any]) -> str:
    """The text of a constant; empty for anything else."""
    return str(node.get("literal", {}).get("text", ""))


def _is_small(constant: dict[str, Any]) -> bool:
    text = _constant(constant)
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
