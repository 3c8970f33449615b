"""The one statement that reads a file: it parses each value and marks rows that need a check.

The statement is generated from the vocabulary in schemas/tables.py; its macros are in
sql/intake/parse.sql.
"""

from collections.abc import Sequence

from flows.intake.fast import (
    identifiers,
    row_is_plain,
    stages_of_values,
    stored_as_text,
    typed,
)
from flows.intake.texts import column_text, is_clean, kept_text, notes, stages_of_reading
from flows.intake.values import PARSED, days, is_plain, row_is_valid, value
from flows.warehouse.hashes import member_hash, row_hash
from flows.warehouse.sql import identifier, literal, literals
from schemas.formats import ICD10CM_CATEGORY, ICD10CM_SUBDIVISION
from schemas.senders import EXACT, PLACEHOLDERS, SCIENTIFIC, TIMESTAMP, WHOLE_NUMBER
from schemas.table import Table

_TWO_DIGITS = "%y"
THEIRS = "theirs"
"""The column of a mapped source, and the entry of a raw record, with the sender's own values."""


def macro_words(date_formats: Sequence[str]) -> dict[str, str]:
    """The words of sql/intake/parse.sql, under a config that lists these formats of dates."""
    with_century = [pattern for pattern in date_formats if _TWO_DIGITS not in pattern]
    without = [pattern for pattern in date_formats if _TWO_DIGITS in pattern]
    return {
        "listed_format": _parsed_by(with_century),
        "two_digit_format": _parsed_by(without),
        "icd10cm_undotted": literal(ICD10CM_CATEGORY + ICD10CM_SUBDIVISION),
        "whole_number": literal(WHOLE_NUMBER),
        "scientific": literal(SCIENTIFIC),
        "placeholder": literal("|".join(PLACEHOLDERS)),
        "timestamp": literal(TIMESTAMP),
        "inexact": str(EXACT["DOUBLE"]),
    }


def _parsed_by(date_formats: list[str]) -> str:
    parsed = f"try_strptime(v, {literals(date_formats)})" if date_formats else "NULL"
    return f"CAST({parsed} AS DATE)"


def _stage(columns: Sequence[str], rows: str) -> str:
    """Some rows, with more columns in front."""
    return f"(SELECT {', '.join([*columns, '*'])} FROM {rows})"


def insert_statement(
    table: Table,
    positions: dict[str, int],
    source: str,
    file_no: int,
    types: list[str] | None,
    has_theirs: bool = False,
    is_tidy: bool = False,
    is_fast: bool = True,
    is_numbered: bool = False,
) -> str:
    """SQL that reads a file into its table; rows in which something is wrong keep their raw record.

    `types` are the DuckDB types of a Parquet file's columns; None for CSV, in which all is text.
    With `has_theirs` the source has a column `theirs`: the record as the sender wrote it.
    With `is_tidy` no value of a CSV file needs cleaning (csv_tidy.py). With or without the fast
    path (fast.py) the rows are the same. With `is_numbered` the source has a column `row_number`.
    """
    own = {c.name: c for c in table.columns}
    as_typed = typed(own, positions, types) if is_fast else set()
    texts = {n: column_text(i, types, own[n]) for n, i in positions.items()}
    kept = {literal(n): texts[n] if n in as_typed else kept_text(own[n]) for n in texts}
    stored = [c for c in table.columns if c.name in positions or c.default]
    values = [f"{value(c, table, positions, is_fast)} AS {identifier(c.name)}" for c in stored]
    if has_theirs:
        kept[literal(THEIRS)] = THEIRS
    raw = "{" + ", ".join(f"{name}: {text}" for name, text in kept.items()) + "}"
    is_valid = f"coalesce({row_is_valid(table, positions)}, false)"
    parsed = {n: own[n] for n in positions if own[n].kind in PARSED}
    from_types = {n: parsed[n] for n in parsed if n in as_typed}
    from_texts = {n: parsed[n] for n in parsed if n not in as_typed}
    untyped = {n: text for n, text in texts.items() if n not in as_typed}
    rows = source
    sources = {n: f"c{positions[n]}" for n in from_types}
    for columns in stages_of_values(from_types, sources) if from_types else ():
        rows = _stage(columns, rows)
    as_texts = stored_as_text(positions, types) if is_fast else set()
    if as_texts:
        rows = _stage([identifiers(own, untyped, as_texts)], rows)
    rows = f"(SELECT *, {is_clean(own, untyped, is_tidy, as_texts)} AS is_clean FROM {rows})"
    texts |= {n: f"CASE WHEN NOT {is_plain(n)} THEN {texts[n]} END" for n in from_types}
    stages = stages_of_reading(own, texts, texts if is_tidy else from_types)
    if is_fast:
        stages += [*stages_of_values(from_texts, {}), [row_is_plain(list(parsed))]]
    for columns in (*stages, days(table, positions, is_fast)):
        rows = _stage(columns, rows)
    return f"""
        INSERT INTO main.{identifier(table.name)} BY NAME
        SELECT {", ".join(identifier(c.name) for c in stored)},
               {file_no} AS file_no,{" row_number," if is_numbered else ""}
               {member_hash("member_id" in positions)} AS member_hash,
               {row_hash(table, [c.name for c in stored])} AS row_hash,
               {notes(stored, texts, is_fast)} AS notes,
               CASE WHEN NOT {is_valid} THEN CAST(to_json({raw}) AS VARCHAR) END AS raw_record
        FROM (SELECT {", ".join(values)}, * FROM {rows})
    """
