"""From the text of a value to the value, as SQL."""

from datetime import date

from flows.warehouse.sql import identifier, literal
from schemas.senders import OPEN_END, OPEN_STARTS
from schemas.table import Column, Kind, Table
from schemas.tables import EVIDENCE_VALUES, MEASURED_EVIDENCE

_PARSERS = {
    Kind.AMOUNT: "as_amount",
    Kind.QUANTITY: "as_quantity",
    Kind.INTEGER: "as_integer",
    Kind.NDC: "as_ndc",
    Kind.ICD10CM: "as_icd10cm",
    Kind.HCPCS: "upper",
    Kind.MODIFIER: "upper",
    Kind.TAXONOMY: "upper",
}
PARSED = (Kind.DATE, Kind.AMOUNT, Kind.QUANTITY, Kind.INTEGER)
"""Kinds of values that a text may fail to be."""

_FIRST_DAY = "DATE '0001-01-01'"  # DuckDB accepts the year 0000
_NCPDP_REJECTED = "r"


def text_of(name: str) -> str:
    """The column of a text as its sender meant it; null if it means no value."""
    return identifier(name + "_text")


def dates(table: Table, positions: dict[str, int]) -> list[str]:
    """Names of the dates that a file has; its `written_day` of each is made before the values."""
    return [n for n in table.of_kind(Kind.DATE) if n in positions]


def written_day(name: str) -> str:
    """The column of a date as it is written, even if it means none."""
    return identifier(name + "_day")


def read(name: str) -> str:
    """The column of a value as the engine reads it (fast.py)."""
    return identifier(name + "_read")


def is_plain(name: str) -> str:
    """The column that says whether that is the value."""
    return identifier(name + "_is_plain")


def days(table: Table, positions: dict[str, int], is_fast: bool) -> list[str]:
    """SQL of the columns `written_day`."""
    return [
        f"{_fast(n, text) if is_fast else text} AS {written_day(n)}"
        for n in dates(table, positions)
        if (text := f"as_date({text_of(n)})")
    ]


def value(column: Column, table: Table, positions: dict[str, int], is_fast: bool) -> str:
    """SQL of the value of a column; null if its text is not valid."""
    parsed = _parsed(column, table, is_fast)
    if not column.default:
        return parsed
    if column.name not in positions:
        return column.default
    is_missing = f"{text_of(column.name)} IS NULL"
    if is_fast:
        is_missing += f" AND {read(column.name)} IS NULL"
    return f"CASE WHEN {is_missing} THEN {column.default} ELSE {parsed} END"


def _fast(name: str, parsed: str) -> str:
    return f"CASE WHEN {is_plain(name)} THEN {read(name)} ELSE {parsed} END"


def _parsed(column: Column, table: Table, is_fast: bool) -> str:
    text = text_of(column.name)
    if column.spellings:
        words = " ".join(
            f"WHEN {literal(k)} THEN {literal(v)}" for k, v in column.spellings.items()
        )
        other = f"ELSE lower({text})" if column.is_open else ""
        spelled = f"CASE lower({text}) {words} {other} END"
        return _rejected(text, spelled, is_fast) if column.name == "claim_status" else spelled
    if column.kind == Kind.WORD:
        return f"lower({text})"
    if table.name == "clinical_evidence" and column.name == "evidence_value":
        return _evidence_value(text)
    if column.kind == Kind.DATE:
        return _date(column)
    if is_fast and column.kind == Kind.ICD10CM:
        return f"fast_icd10cm({text})"
    parser = _PARSERS.get(column.kind)
    parsed = f"{parser}({text})" if parser else text
    return _fast(column.name, parsed) if is_fast and column.kind in PARSED else parsed


def _rejected(text: str, status: str, is_fast: bool) -> str:
    """SQL of a claim status: an R for which nothing was paid is NCPDP's word for rejected."""
    paid = "as_amount(paid_amount_text)"
    is_unpaid = f"coalesce({_fast('paid_amount', paid) if is_fast else paid}, 0) = 0"
    is_rejected = f"lower({text}) = '{_NCPDP_REJECTED}' AND {is_unpaid}"
    return f"CASE WHEN {is_rejected} THEN 'denied' ELSE {status} END"


def _date(column: Column) -> str:
    """SQL of a date; null if it means none."""
    day = written_day(column.name)
    return f"""CASE WHEN {is_ordinary(day)} THEN {day}
                    WHEN {day} >= {_FIRST_DAY} AND NOT {means_none(column)} THEN {day} END"""


def is_ordinary(day: str) -> str:
    """SQL that is true if a date lies between those that mean none."""
    return f"{day} > {_sql_day(OPEN_STARTS[-1])} AND {day} < {_sql_day(OPEN_END)}"


def means_none(column: Column) -> str:
    """SQL that is true if a date is one that databases write if they know none."""
    none = [
        *(OPEN_STARTS if column.opens != "start" else ()),
        *([OPEN_END] if column.opens != "end" else ()),
    ]
    return f"coalesce({written_day(column.name)} IN ({', '.join(map(_sql_day, none))}), false)"


def _sql_day(day: date) -> str:
    return f"DATE '{day.isoformat()}'"


def _evidence_value(text: str) -> str:
    cases = " ".join(
        f"WHEN {literal(code)} THEN CASE lower({text}) "
        + " ".join(f"WHEN {literal(k)} THEN {literal(v)}" for k, v in words.items())
        + " END"
        for code, words in EVIDENCE_VALUES.items()
    )
    measured = (
        f"WHEN {literal(MEASURED_EVIDENCE)} THEN CASE WHEN as_quantity({text}) > 0 THEN {text} END"
    )
    return f"CASE lower(evidence_code_text) {cases} {measured} ELSE {text} END"


def row_is_valid(table: Table, positions: dict[str, int]) -> str:
    """SQL that is true if a row needs no further check."""
    tests = []
    for c in table.columns:
        if c.name in positions:
            text, value = text_of(c.name), identifier(c.name)
            if not c.nullable:
                tests.append(f"{value} IS NOT NULL")
            elif c.kind == Kind.DATE:
                tests.append(f"({text} IS NULL OR {written_day(c.name)} >= {_FIRST_DAY})")
            elif c.kind in PARSED or c.strict:
                tests.append(f"({text} IS NULL OR {value} IS NOT NULL)")
        elif not c.nullable:
            tests.append("false")
    for group in table.one_of:
        tests.append(
            "(" + " OR ".join(f"{identifier(n)} IS NOT NULL" for n in group if n in positions) + ")"
        )
    for first, last in table.spans:
        if {first, last} <= positions.keys():
            tests.append(f"coalesce({identifier(first)} <= {identifier(last)}, true)")
    return " AND ".join(tests)
