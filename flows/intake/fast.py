"""SQL of the fast path: what most rows hold is read and proved with few operations.

A value is read as the engine reads it. It is plain if the engine writes it as the text is written,
within the range in which no check has anything to say. Any other value goes the way of the text
(values.py, texts.py), which remains the judge.
"""

from flows.intake.values import PARSED, is_ordinary, is_plain, read, text_of
from flows.warehouse.layout import sql_type
from schemas.table import NAMES, Column, Kind

_TOO_LONG = 10**18  # as a whole number, a text has at most 18 digits


def is_clean_if_tidy(own: dict[str, Column], texts: dict[str, str]) -> list[str]:
    """SQL of tests that hold if every text of a row is its value, in a tidy file (csv_tidy.py)."""
    names = ", ".join(text for name, text in texts.items() if own[name].kind in NAMES)
    nothing = [f"NOT means_nothing({text})" for name, text in texts.items() if own[name].nothing]
    return [f"NOT contains(concat({names or 'NULL'}), '.')", *nothing]


def stages_of_parsing(columns: list[Column]) -> list[list[str]]:
    """SQL of the columns `NAME_read` and `NAME_is_plain` of values that are parsed, in two stages.

    Last comes `is_plain`: whether the row is clean and all of them are plain.
    """
    parsed = [column for column in columns if column.kind in PARSED]
    return [
        [f"TRY_CAST({text_of(c.name)} AS {sql_type(c)}) AS {read(c.name)}" for c in parsed],
        [f"({_is_plain(c)}) AS {is_plain(c.name)}" for c in parsed],
        [f"({' AND '.join(['is_clean', *(is_plain(c.name) for c in parsed)])}) AS is_plain"],
    ]


def _is_plain(column: Column) -> str:
    value = read(column.name)
    tests = [f"is_written({text_of(column.name)}, {value})"]
    if column.kind == Kind.DATE:
        tests.append(f"coalesce({is_ordinary(value)}, true)")
    if column.kind == Kind.INTEGER:
        tests.append(f"coalesce({value} > -{_TOO_LONG} AND {value} < {_TOO_LONG}, true)")
    return " AND ".join(tests)
