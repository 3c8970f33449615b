"""Find the notes of a run. All come from what the warehouse keeps, so a repeated run finds them."""

import duckdb
import polars as pl

from flows.intake.origins import unmatched_entries
from flows.notes.columns import missing_columns
from flows.notes.malformed import malformed_codes
from flows.notes.members import members_in_no_claim
from flows.notes.payers import (
    payers_without_place,
    payers_without_policy,
    unmatched_aliases,
    unmatched_places,
)
from flows.plan import Plan
from schemas.notes import NOTHING_AUDITED, OF_WARNINGS, Note, counted, in_order


def input_notes(
    connection: duckdb.DuckDBPyConnection, plan: Plan, warnings: pl.DataFrame
) -> tuple[Note, ...]:
    """What a run says of its files and config once they are settled.

    warnings   the result table of that name.
    """
    return in_order(
        [
            *members_in_no_claim(connection),
            *malformed_codes(connection),
            *missing_columns(connection, plan.request.as_of),
            *unmatched_entries(connection, plan.config),
            *unmatched_aliases(connection, plan.config),
            *unmatched_places(connection, plan),
            *warning_notes(warnings),
        ]
    )


def audit_notes(audited: pl.DataFrame, exceptions: pl.DataFrame, plan: Plan) -> tuple[Note, ...]:
    """What a run says of the lines that it judges.

    audited   one row per payer_id and spelling of the payer: lines of audited drugs.
    """
    if audited.is_empty():
        return (Note(NOTHING_AUDITED, {}),)
    return (
        *payers_without_policy(audited, set(plan.payer_names.values())),
        *payers_without_place(exceptions, plan.places),
    )


def warning_notes(warnings: pl.DataFrame) -> list[Note]:
    """One note per table, column and warning, with its rows in all files."""
    key = ("table", "column", "check")
    summed = warnings.group_by(key).agg(pl.col("rows").sum()).sort(key)
    return [
        Note(OF_WARNINGS[check], {"table": table, "column": column, "rows": counted(rows, "row")})
        for table, column, check, rows in summed.iter_rows()
    ]
