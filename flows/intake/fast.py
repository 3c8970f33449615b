"""SQL of the fast path: what most rows hold is read and proved with few operations.

A value is read as the engine reads it. It is plain if the engine writes it as the text is written,
or if it has a type of which every value is what its text would say, and lies within the range in
which no check has anything to say. Any other value goes the way of the text (values.py, texts.py),
which remains the judge.
"""

import re
from collections.abc import Collection

from flows.intake.values import PARSED, is_ordinary, is_plain, read, text_of
from flows.warehouse.columns import DECIMAL_DIGITS, sql_type
from schemas.table import NAMES, Column, Kind

_DIGITS = re.compile(
    r"(?P<name>DATE|U?(TINY|SMALL)INT|U?INTEGER|BIGINT|DECIMAL\(\d+,(?P<decimals>\d+)\))\Z"
)
"""Types of which every value is what its text would say."""
_IDENTIFIERS = "identifiers"
_TOO_LONG = 10**18  # as a whole number, a text has at most 18 digits


def is_clean_if_tidy(own: dict[str, Column], texts: dict[str, str]) -> list[str]:
    """SQL of tests that hold if every text of a row is its value, in a tidy file (csv_tidy.py)."""
    names = ", ".join(text for name, text in texts.items() if own[name].kind in NAMES)
    nothing = [f"NOT means_nothing({text})" for name, text in texts.items() if own[name].nothing]
    return [f"NOT contains(concat({names or 'NULL'}), '.')", *nothing]


def stored_as_text(positions: dict[str, int], types: list[str] | None) -> set[str]:
    """Names of the columns of a Parquet file that are text there."""
    return {name for name, i in positions.items() if types and types[i] == "VARCHAR"}


def identifiers(own: dict[str, Column], texts: dict[str, str], names: Collection[str]) -> str:
    """SQL of a column: the identifiers among some columns put together, to be tested at once.

    There are nearly as many of them as rows, so a look at their dictionary would not pay.
    """
    found = [texts[n] for n in texts if n in names and own[n].kind == Kind.IDENTIFIER]
    return f"concat({', '.join(found) or 'NULL'}) AS {_IDENTIFIERS}"


def may_be_unclean(own: dict[str, Column], texts: dict[str, str]) -> list[str]:
    """SQL of tests of which none holds if every one of these texts of a Parquet file is its value.

    Each is null or false if its text is null.
    """
    tests = [f"names_may_be_unclean({_IDENTIFIERS})"]
    for name, text in texts.items():
        if own[name].kind == Kind.IDENTIFIER:
            tests.append(f"{text} = ''")
        else:
            of_name = "name_" if own[name].kind in NAMES else ""
            tests.append(f"{of_name}may_be_unclean({text})")
        if own[name].nothing:
            tests.append(f"means_nothing({text})")
    return tests


def typed(own: dict[str, Column], positions: dict[str, int], types: list[str] | None) -> set[str]:
    """Names of the columns of a Parquet file whose values are used as the types they have."""
    return {
        name
        for name, i in positions.items()
        if types and _has_type(own[name].kind, _DIGITS.match(types[i]))
    }


def _has_type(kind: Kind, type_: re.Match[str] | None) -> bool:
    if not type_ or kind not in PARSED:
        return False
    if kind == Kind.DATE or type_["name"] == "DATE":
        return kind == Kind.DATE and type_["name"] == "DATE"
    _, decimals = DECIMAL_DIGITS.get(kind, (0, 0))
    return int(type_["decimals"] or 0) <= decimals


def stages_of_values(columns: dict[str, Column], sources: dict[str, str]) -> list[list[str]]:
    """SQL of the columns `NAME_read` and `NAME_is_plain` of values that are parsed, in two stages.

    sources   name of a typed column -> its column of the source; the others are read from texts.
    """
    source = {name: sources.get(name) or text_of(name) for name in columns}
    return [
        [f"TRY_CAST({source[n]} AS {sql_type(c)}) AS {read(n)}" for n, c in columns.items()],
        [f"({_is_plain(c, source[n], n in sources)}) AS {is_plain(n)}" for n, c in columns.items()],
    ]


def row_is_plain(names: list[str]) -> str:
    """SQL of the column `is_plain`: whether a row is clean and all that is parsed is plain."""
    return f"({' AND '.join(['is_clean', *map(is_plain, names)])}) AS is_plain"


def _is_plain(column: Column, source: str, has_type: bool) -> str:
    value = read(column.name)
    is_read = f"({source} IS NULL OR {value} IS NOT NULL)"
    tests = [is_read if has_type else f"is_written({source}, {value})"]
    if column.kind == Kind.DATE:
        tests.append(f"coalesce({is_ordinary(value)}, true)")
    if column.kind == Kind.INTEGER:
        tests.append(f"coalesce({value} > -{_TOO_LONG} AND {value} < {_TOO_LONG}, true)")
    return " AND ".join(tests)
