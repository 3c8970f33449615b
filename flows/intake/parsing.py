"""The one statement that reads a file: it parses each value and marks rows that need a check.

The statement is generated from the vocabulary in schemas/tables.py; its macros are in
sql/intake/parse.sql.
"""

from collections.abc import Sequence

from flows.warehouse.layout import compared
from flows.warehouse.sql import identifier, literal, literals
from schemas.formats import ICD10CM_CATEGORY, ICD10CM_SUBDIVISION
from schemas.rows import FLOAT_DUST, UNKNOWN_WORD
from schemas.tables import EVIDENCE_VALUES, MEASURED_EVIDENCE, Column, Kind, Table

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
_FIRST_DAY = "DATE '0001-01-01'"
THEIRS = "theirs"
"""The column of a mapped source, and the entry of a raw record, with the sender's own values."""
PARSED = (Kind.DATE, Kind.AMOUNT, Kind.QUANTITY, Kind.INTEGER)


def macro_words(date_formats: Sequence[str]) -> dict[str, str]:
    """The words of sql/intake/parse.sql, under a config that lists these formats of dates."""
    parsed = f"try_strptime(v, {literals(list(date_formats))})" if date_formats else "NULL"
    return {
        "listed_format": f"CAST({parsed} AS DATE)",
        "icd10cm_undotted": literal(ICD10CM_CATEGORY + ICD10CM_SUBDIVISION),
    }


def insert_statement(
    table: Table,
    positions: dict[str, int],
    source: str,
    file_no: int,
    types: list[str] | None,
    has_theirs: bool = False,
) -> str:
    """SQL that reads a file into its table; rows in which something is wrong keep their raw record.

    `types` are the DuckDB types of a Parquet file's columns; None for CSV, in which all is text.
    With `has_theirs` the source has a column `theirs`: the record as the sender wrote it.
    """
    texts = {n: column_text(i, types) for n, i in positions.items()}
    read = [
        f"CASE WHEN is_clean THEN {text} ELSE cleaned({text}) END AS {identifier(n + '_text')}"
        for n, text in texts.items()
    ]
    is_clean = f"are_clean(concat_ws(chr(31), {', '.join(texts.values())})) AS is_clean"
    stored = [c for c in table.columns if c.name in positions or c.default]
    values = [f"{_value(c, table, c.name in positions)} AS {identifier(c.name)}" for c in stored]
    kept = {literal(n): identifier(n + "_text") for n in positions}
    if has_theirs:
        read.append(THEIRS)
        kept[literal(THEIRS)] = THEIRS
    raw = "{" + ", ".join(f"{name}: {value}" for name, value in kept.items()) + "}"
    is_valid = f"coalesce({_row_is_valid(table, positions)}, false)"
    return f"""
        INSERT INTO main.{identifier(table.name)} BY NAME
        SELECT {", ".join(identifier(c.name) for c in stored)},
               {file_no} AS file_no,
               {"hash(member_id)" if "member_id" in positions else "0"} AS member_hash,
               {_row_hash(table, [c.name for c in stored])} AS row_hash,
               {_notes(stored, positions)} AS notes,
               CASE WHEN NOT {is_valid} THEN CAST(to_json({raw}) AS VARCHAR) END AS raw_record
        FROM (SELECT {", ".join(values)}, *
              FROM (SELECT {", ".join(read)} FROM (SELECT *, {is_clean} FROM {source})))
    """


def column_text(position: int, types: list[str] | None) -> str:
    """SQL of the text of a source's column at a position; without types all is text.

    Typed values are compared as text only: a file's statistics can be wrong, and ignore NaN.
    """
    column = f"c{position}"
    return column if types is None else as_text(column, types[position])


def as_text(value: str, type_: str) -> str:
    """SQL of the text of a value of a DuckDB type."""
    if type_ == "VARCHAR":
        return value
    text = f"CAST({value} AS VARCHAR)"
    if type_.startswith("TIMESTAMP"):
        return f"CASE WHEN contains({text}, 'BC') THEN {text} ELSE left({text}, 10) END"
    if type_ in ("FLOAT", "DOUBLE"):  # 8.0 is the code 8
        return f"regexp_replace({text}, '^(-?[0-9]+)\\.0$', '\\1')"
    return text


def _value(column: Column, table: Table, is_supplied: bool) -> str:
    value = _parsed(column, table)
    if not column.default:
        return value
    if not is_supplied:
        return column.default
    text = identifier(column.name + "_text")
    return f"CASE WHEN {text} IS NULL THEN {column.default} ELSE {value} END"


def _parsed(column: Column, table: Table) -> str:
    text = identifier(column.name + "_text")
    if column.spellings:
        words = " ".join(
            f"WHEN {literal(k)} THEN {literal(v)}" for k, v in column.spellings.items()
        )
        return f"CASE lower({text}) {words} END"
    if column.kind == Kind.WORD:
        return f"lower({text})"
    if table.name == "clinical_evidence" and column.name == "evidence_value":
        return _evidence_value(text)
    if column.kind == Kind.DATE:  # DuckDB accepts the year 0000
        return f"CASE WHEN as_date({text}) >= {_FIRST_DAY} THEN as_date({text}) END"
    parser = _PARSERS.get(column.kind)
    return f"{parser}({text})" if parser else text


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
    return f"CASE lower(evidence_code_text) {cases} {measured} END"


def _row_is_valid(table: Table, positions: dict[str, int]) -> str:
    """SQL that is true if a row needs no further check."""
    tests = []
    for c in table.columns:
        if c.name in positions:
            text, value = identifier(c.name + "_text"), identifier(c.name)
            if not c.nullable:
                tests.append(f"{value} IS NOT NULL")
            elif c.kind in PARSED or c.strict:
                tests.append(f"({text} IS NULL OR {value} IS NOT NULL)")
        elif not c.nullable:
            tests.append("false")
    for group in table.one_of:
        tests.append(
            "(" + " OR ".join(f"{identifier(n)} IS NOT NULL" for n in group if n in positions) + ")"
        )
    return " AND ".join(tests)


def _notes(stored: list[Column], positions: dict[str, int]) -> str:
    """SQL for the warnings that only the original text can show."""
    notes = []
    for c in stored:
        text = identifier(c.name + "_text")
        if c.name in positions and c.kind == Kind.AMOUNT:
            notes.append(f"CASE WHEN is_float_dust({text}) THEN '{c.name}|{FLOAT_DUST}' END")
        if c.name in positions and c.spellings and not c.strict:
            is_unknown = f"{text} IS NOT NULL AND {identifier(c.name)} IS NULL"
            notes.append(f"CASE WHEN {is_unknown} THEN '{c.name}|{UNKNOWN_WORD}' END")
    return f"nullif(concat_ws(',', {', '.join(notes)}), '')" if notes else "NULL"


def _row_hash(table: Table, stored: list[str]) -> str:
    """SQL for a hash: of a claim's line key, so that its versions meet; else of the whole row."""
    if table.is_claim:
        return "hash(claim_id, claim_line_number)"
    columns = [compared(c) if c.name in stored else "NULL" for c in table.columns]
    return f"hash({', '.join(columns)})"
