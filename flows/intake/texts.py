"""SQL of the text of each value of a row, corrected if a table program or a database spoiled it."""

from collections.abc import Collection

from flows.intake.fast import is_clean_if_tidy, may_be_unclean
from flows.intake.values import means_none, text_of
from flows.warehouse.sql import identifier, literal
from schemas.rows import FLOAT_DUST, UNKNOWN_WORD
from schemas.senders import (
    DIGITS_LOST,
    EXACT,
    MADE_A_NUMBER,
    PLACEHOLDER,
    SENTINEL_DATE,
    TWO_DIGIT_YEAR,
)
from schemas.table import NAMES, Column, Kind

ZONED = "TIMESTAMP WITH TIME ZONE"
"""DuckDB type of a timestamp in UTC; its own zone may follow."""

_BIRTH = "birth_date"
_FREQUENCY = "claim_frequency_code"


def column_text(position: int, types: list[str] | None, column: Column | None = None) -> str:
    """SQL of the text of a source's column at a position; without types all is text."""
    name = f"c{position}"
    return name if types is None else as_text(name, types[position], column)


def as_text(value: str, type_: str, column: Column | None = None) -> str:
    """SQL of the text of a value of a DuckDB type, as a text file would have it.

    column   ours, if the value is that of the column. A float that is the identifier or code of a
             row is null if it is not a number, and has an exponent if it has lost digits.

    Typed values are compared as text only: a file's statistics can be wrong, and ignore NaN.
    """
    if type_ == "VARCHAR":
        return value
    if type_.startswith(ZONED):
        value = _in_zone(value, type_.removeprefix(ZONED).strip())
    text = f"CAST({value} AS VARCHAR)"
    if type_.startswith("TIMESTAMP"):
        return f"CASE WHEN contains({text}, 'BC') THEN {text} ELSE left({text}, 10) END"
    if type_ not in EXACT or not column or column.kind not in NAMES:
        return text
    text = f"nullif({text}, 'nan')"  # how a table program writes null
    number = f"TRY_CAST({text} AS DOUBLE)"
    return (
        f"CASE WHEN abs({number}) >= {EXACT[type_]} THEN format('{{:e}}', {number}) ELSE {text} END"
    )


def _in_zone(name: str, zone: str) -> str:
    """SQL of the local time that a timestamp shows in its own zone; UTC if it has none."""
    return f"timezone({literal(zone or 'UTC')}, {name})"


def is_clean(
    own: dict[str, Column], texts: dict[str, str], is_tidy: bool, as_texts: Collection[str]
) -> str:
    """SQL that is true if every text of a row is its value: cheap tests for most rows.

    is_tidy    what Python has found in a CSV file (csv_tidy.py).
    as_texts   names of columns that a Parquet file stores as text, on the fast path.
    """
    tests = is_clean_if_tidy(own, texts) if is_tidy else [_are_clean(own, texts)]
    if as_texts:
        in_doubt = may_be_unclean(own, {n: t for n, t in texts.items() if n in as_texts})
        others = {n: t for n, t in texts.items() if n not in as_texts}
        in_doubt += [f"NOT {_are_clean(own, others)}"] if others else []
        tests = [
            f"CASE WHEN coalesce({' OR '.join(in_doubt)}, false) THEN {tests[0]} ELSE true END"
        ]
    if _FREQUENCY in texts:
        tests.append(f"coalesce(length({texts[_FREQUENCY]}) < 2, true)")
    return f"({' AND '.join(tests)})"


def _are_clean(own: dict[str, Column], texts: dict[str, str]) -> str:
    sections: tuple[list[str], list[str], list[str]] = ([], [], [])
    for name, text in texts.items():
        column = own[name]
        section = 0 if column.nothing else 1 if column.kind in NAMES else 2
        sections[section].append(text)
    nothing, names, others = sections
    joined = ", ".join(["''", *nothing, "chr(28)", *names, "chr(29)", *others, "''"])
    return f"are_clean(concat_ws(chr(31), {joined}))"


def stages_of_reading(
    own: dict[str, Column], texts: dict[str, str], tidy: Collection[str]
) -> list[list[str]]:
    """SQL of the columns `NAME_text`, the texts as their senders meant them, in three stages.

    Each is made of columns of the stage before, because a macro copies its argument wherever it
    uses it: macros within macros take the engine seconds to plan.
    NAME_cleaned: null if blank or a null word. NAME_named: identifiers and codes only; null if it
    lost digits. NAME_text: null also if the text means no value.

    tidy   names of columns that hold neither whitespace around a text nor null words.
    """
    names = {n: own[n] for n in texts if own[n].kind in NAMES}
    return [
        [
            f"{text if name in tidy else _unless_clean(text, f'cleaned({text})')} AS "
            f"{_cleaned(name) if name in names else text_of(name)}"
            for name, text in texts.items()
        ],
        [
            f"{_unless_clean(_cleaned(n), _identified(c, _cleaned(n)))} AS {_named(n)}"
            for n, c in names.items()
        ],
        [
            f"{_unless_clean(_named(n), f'unless_nothing({_named(n)})')} AS {text_of(n)}"
            if c.nothing
            else f"{_named(n)} AS {text_of(n)}"
            for n, c in names.items()
        ],
    ]


def kept_text(column: Column) -> str:
    """The column of a text that a quarantined row shows."""
    return _cleaned(column.name) if column.kind in NAMES else text_of(column.name)


def _cleaned(name: str) -> str:
    return identifier(name + "_cleaned")


def _named(name: str) -> str:
    return identifier(name + "_named")


def _unless_clean(text: str, corrected: str) -> str:
    return f"CASE WHEN is_clean THEN {text} ELSE {corrected} END"


def _identified(column: Column, text: str) -> str:
    named = f"as_identifier({text})"
    return f"as_frequency({named})" if column.name == _FREQUENCY else named


def notes(stored: list[Column], texts: dict[str, str], is_fast: bool) -> str:
    """SQL for the warnings that only the original text can show."""
    noted, unclean, unknown = [], [], []
    for c in stored:
        if c.name not in texts:
            continue
        text, value = text_of(c.name), identifier(c.name)
        if c.kind == Kind.AMOUNT:
            noted.append(_note(f"is_float_dust({text})", c, FLOAT_DUST))
        if c.kind == Kind.DATE:
            noted.append(_note(means_none(c), c, SENTINEL_DATE))
        if c.name == _BIRTH:
            noted.append(_note(f"has_two_digits({text})", c, TWO_DIGIT_YEAR))
        if c.spellings and not c.strict and not c.is_open:
            unknown.append(_note(f"{text} IS NOT NULL AND {value} IS NULL", c, UNKNOWN_WORD))
            noted += unknown[-1:]
        if c.kind in NAMES:
            unclean += _notes_of_a_name(c)
    if unclean:
        noted.append(f"CASE WHEN NOT is_clean THEN {_joined(unclean)} END")
    if not is_fast:
        return _joined(noted)
    return f"CASE WHEN is_plain THEN {_joined(unknown)} ELSE {_joined(noted)} END"


def _joined(noted: list[str]) -> str:
    return f"nullif(concat_ws(',', {', '.join(noted)}), '')" if noted else "NULL"


def _notes_of_a_name(column: Column) -> list[str]:
    """SQL of the notes on an identifier or code of a row that was not clean."""
    cleaned, named, text = _cleaned(column.name), _named(column.name), text_of(column.name)
    noted = [
        _note(f"{cleaned} IS NOT NULL AND {named} IS NULL", column, DIGITS_LOST),
        _note(f"{named} <> {cleaned} AND {text} IS NOT NULL", column, MADE_A_NUMBER),
    ]
    if column.nothing:
        noted.append(_note(f"{named} IS NOT NULL AND {text} IS NULL", column, PLACEHOLDER))
    return noted


def _note(condition: str, column: Column, check: str) -> str:
    return f"CASE WHEN {condition} THEN '{column.name}|{check}' END"
