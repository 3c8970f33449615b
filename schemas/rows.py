"""The Pandera models: what must be true of a row (errors) and what should be (warnings).

Error models judge the rows whose text did not simply parse: typed columns and the text they came
from (`COLUMN` and `COLUMN_text`). Warning models judge distinct values, one column (or pair of
dates) at a time. Both run at full depth: otherwise Pandera checks only the names and types of a
LazyFrame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import polars as pl

from schemas.formats import ICD9_TYPE, JOINED_MODIFIERS, well_formed
from schemas.senders import DIGITS_LOST, MODIFIERS_JOINED, PLACEHOLDER, SENTINEL_DATE
from schemas.table import NAMES, Column, Kind, Table

# Pandera takes half a second to import, so a function imports it when it is called
if TYPE_CHECKING:
    import pandera.polars as pa

PARSE_CHECKS = {
    Kind.DATE: "date_does_not_parse",
    Kind.AMOUNT: "amount_does_not_parse",
    Kind.QUANTITY: "number_does_not_parse",
    Kind.INTEGER: "number_does_not_parse",
}
FORMAT_CHECKS = {
    Kind.NDC: "ndc_malformed",
    Kind.ICD10CM: "icd10cm_malformed",
    Kind.HCPCS: "hcpcs_malformed",
    Kind.MODIFIER: "modifier_malformed",
    Kind.TAXONOMY: "taxonomy_malformed",
    Kind.NPI: "npi_malformed",
}
OFTEN_SPOILED = (Kind.NDC, Kind.HCPCS, Kind.NPI)
"""Kinds of codes that table programs spoil in whole columns, as by dropping leading zeros."""

MISSING, UNKNOWN_WORD, NONE_OF, OUT_OF_ORDER = (
    "value_missing",
    "value_unknown",
    "none_of_these_given",
    "dates_out_of_order",
)
CLAIM_DATE_UNKNOWN = "claim_date_unknown"
NEGATIVE_DAYS, UNKNOWN_FREQUENCY, FLOAT_DUST = "negative", "frequency_unknown", "float_dust_rounded"


def _text(column: Column) -> pl.Expr:
    return pl.col(column.name + "_text")


def _check(name: str, holds: pl.Expr) -> pa.Check:
    import pandera.polars as pa

    return pa.Check(lambda data: data.lazyframe.select(holds), name=name, error=name)


def _is_noted(column: Column, check: str) -> pl.Expr:
    """Whether parsing noted that about the column's value."""
    notes = pl.col("notes").fill_null("").str.split(",")
    return notes.list.contains(f"{column.name}|{check}")


def _voids(column: Column) -> tuple[str, ...]:
    """What parsing may note of a column's value that leaves it without one."""
    if column.kind == Kind.DATE:
        return (SENTINEL_DATE,)
    if column.kind in NAMES:
        return (PLACEHOLDER, DIGITS_LOST) if column.nothing else (DIGITS_LOST,)
    return ()


def error_model(table: Table) -> pa.DataFrameSchema:
    """The model of a table's rows: every check of severity error, named COLUMN|CHECK."""
    import pandera.polars as pa

    checks = []
    for c in table.columns:
        parse = PARSE_CHECKS.get(c.kind) or (
            UNKNOWN_WORD if c.strict or c.name == "evidence_value" else None
        )
        if parse:
            parsed = _text(c).is_null() | pl.col(c.name).is_not_null()
            checks.append(_check(f"{c.name}|{parse}", parsed | _is_noted(c, SENTINEL_DATE)))
        if not c.nullable:
            checks.append(_check(f"{c.name}|{MISSING}", _text(c).is_not_null()))
            checks += [_check(f"{c.name}|{name}", ~_is_noted(c, name)) for name in _voids(c)]
    for group in table.one_of:
        columns = [table.column(name) for name in group]
        given = pl.any_horizontal(
            pl.col(c.name).is_not_null()
            | (_text(c).is_not_null() & ~pl.any_horizontal(_is_noted(c, v) for v in _voids(c)))
            for c in columns
        )
        checks.append(_check(f"{group[0]}|{NONE_OF}", given))
    for first, last in table.spans:
        in_order = (pl.col(first) <= pl.col(last)).fill_null(True)
        checks.append(_check(f"{first}|{OUT_OF_ORDER}", in_order))
    return pa.DataFrameSchema(checks=checks, name=table.name)


def warning_checks(
    table: Table, facts: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> Iterator[tuple[tuple[str, ...], str, pa.DataFrameSchema]]:
    """Every warning of a table: the columns it reads, the check's name, a model of distinct
    values.

    facts   code of clinical evidence that documents declare, besides those of the contract -> the
            words that its value may be; none: it is a number.
    """
    import pandera.polars as pa

    for c in table.columns:
        if c.is_open:
            is_known = pl.col(c.name).is_in([*c.spellings.values(), *facts])
            model = pa.DataFrameSchema(checks=[_check(UNKNOWN_WORD, is_known)])
            yield (c.name,), UNKNOWN_WORD, model
        if c.kind in FORMAT_CHECKS:
            name = FORMAT_CHECKS[c.kind]
            holds = well_formed(pl.col(c.name), c.kind)
            columns: tuple[str, ...] = (c.name,)
            if c.kind == Kind.MODIFIER:
                is_joined = pl.col(c.name).str.contains(JOINED_MODIFIERS)
                model = pa.DataFrameSchema(checks=[_check(MODIFIERS_JOINED, ~is_joined)])
                yield columns, MODIFIERS_JOINED, model
                holds = holds | is_joined
            if c.kind == Kind.ICD10CM and "diagnosis_code_type" in (k.name for k in table.columns):
                columns = (c.name, "diagnosis_code_type")
                holds = holds | pl.col("diagnosis_code_type").str.contains(ICD9_TYPE).fill_null(
                    False
                )
            yield columns, name, pa.DataFrameSchema(checks=[_check(name, holds)])
        if c.name == "days_supply":
            yield (
                (c.name,),
                NEGATIVE_DAYS,
                pa.DataFrameSchema(checks=[_check(NEGATIVE_DAYS, pl.col(c.name) >= 0)]),
            )
        if c.name == "claim_frequency_code":
            known = pl.col(c.name).str.contains(r"^[0-9]$")
            yield (
                (c.name,),
                UNKNOWN_FREQUENCY,
                pa.DataFrameSchema(checks=[_check(UNKNOWN_FREQUENCY, known)]),
            )
    if facts and "evidence_value" in {c.name for c in table.columns}:
        model = pa.DataFrameSchema(checks=[_check(UNKNOWN_WORD, _is_of_its_fact(facts))])
        yield ("evidence_value", "evidence_code"), UNKNOWN_WORD, model
    for first in dict.fromkeys(pair[0] for pair in table.in_order):
        later = tuple(second for earlier, second in table.in_order if earlier == first)
        in_order = pl.all_horizontal(
            (pl.col(first) <= pl.col(second)).fill_null(True) for second in later
        )
        yield (
            (first, *later),
            OUT_OF_ORDER,
            pa.DataFrameSchema(checks=[_check(OUT_OF_ORDER, in_order)]),
        )


def _is_of_its_fact(facts: Mapping[str, tuple[str, ...]]) -> pl.Expr:
    """Whether a value is one of the words of its code, or a number if it has none."""
    value, code = pl.col("evidence_value"), pl.col("evidence_code")
    holds = pl.lit(True)
    for fact, words in facts.items():
        is_a_word = value.str.to_lowercase().is_in([word.lower() for word in words])
        is_a_number = value.cast(pl.Float64, strict=False).is_finite().fill_null(False)
        holds = pl.when(code == fact).then(is_a_word if words else is_a_number).otherwise(holds)
    return holds


def failures(model: pa.DataFrameSchema, frame: pl.DataFrame) -> pl.DataFrame:
    """Every failed check of every row: `index` (row of the frame, from 0) and `check`."""
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    empty = pl.DataFrame(schema={"index": pl.Int64, "check": pl.String})
    if frame.is_empty():
        return empty
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            model.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases: pl.DataFrame = error.failure_cases
        return (
            cases.select(pl.col("index").cast(pl.Int64), pl.col("check").cast(pl.String))
            .unique()
            .sort("index", "check")
        )
    return empty
