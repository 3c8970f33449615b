"""The sheets of exceptions and of evidence: one row per exception, and one per fact behind it."""

import polars as pl

from flows.reports.wording import cycle_text
from flows.reports.workpaper.cells import EXCEL_ROWS, SheetColumn, Spreadsheet
from flows.reports.workpaper.disposition import (
    CARRIED_FROM,
    DISPOSITION,
    EXCEPTION_ID,
    EXCEPTIONS_SHEET,
    NEED_REASON,
    OF_AN_EXCEPTION,
    REASON,
)
from flows.reports.workpaper.tables import Table, add_dispositions, write_table
from schemas.collecting import is_asked
from schemas.decisions import DISMISSED, STATUSES

EVIDENCE = "Evidence"
_OUTCOME, _RULE = SheetColumn("outcome", 16, "text"), SheetColumn("rule_id", 9, "text")
_CLAIM, _LINE = (
    SheetColumn("claim_id", 24, "text"),
    SheetColumn("claim_line_number", 6, "count", "line"),
)
_ID = SheetColumn(EXCEPTION_ID, 36, "text")
_WORKED = (
    _OUTCOME,
    _RULE,
    _CLAIM,
    _LINE,
    SheetColumn("service_date", 11, "date"),
    SheetColumn("amount_at_risk", 14, "money"),
    SheetColumn("recoup_by", 11, "date"),
    SheetColumn("rationale", 52, "wrapped"),
    SheetColumn("citation", 34, "wrapped"),
    SheetColumn("documents_needed", 30, "wrapped"),
    SheetColumn("status", 11, "text"),
    SheetColumn("decision", 16, "text"),
    SheetColumn(DISPOSITION, 17, "asked"),
    SheetColumn(REASON, 34, "asked_wrapped"),
)
"""The columns that an analyst works with, and that are printed."""

_LOOKED_UP = (
    SheetColumn(CARRIED_FROM, 18, "text"),
    SheetColumn("first_seen", 11, "date"),
    SheetColumn("paid_amount", 14, "money"),
    SheetColumn("expected_amount", 14, "money"),
    SheetColumn("recovered_amount", 14, "money"),
    SheetColumn("amount_basis", 17, "text"),
    SheetColumn("collectable", 11, "text"),
    SheetColumn("recoup_term", 26, "text"),
    SheetColumn("observed", 11, "number"),
    SheetColumn("allowed", 11, "number"),
    SheetColumn("quantity", 11, "number"),
    SheetColumn("drug", 13, "text"),
    SheetColumn("product_code", 14, "text"),
    SheetColumn("reason", 30, "text"),
    SheetColumn("payer", 24, "text"),
    SheetColumn("plan", 10, "text"),
    SheetColumn("member_id", 15, "text"),
    SheetColumn("person_id", 15, "text"),
    SheetColumn("claim_source", 13, "text"),
    SheetColumn("paid_date", 11, "date"),
    SheetColumn("provider_npi", 13, "text"),
    SheetColumn("billing_npi", 13, "text"),
    SheetColumn("policy_id", 28, "text"),
    SheetColumn("policy_effective_from", 13, "date"),
    _ID,
)
COLUMNS = (*_WORKED, *_LOOKED_UP)
_FACT = (
    SheetColumn("kind", 14, "text"),
    SheetColumn("side", 9, "text"),
    SheetColumn("date", 11, "date"),
    SheetColumn("code", 14, "text"),
    SheetColumn("value", 32, "wrapped"),
    SheetColumn("claim_source", 13, "text"),
    SheetColumn("claim_id", 24, "text"),
    SheetColumn("claim_line_number", 9, "count", "line"),
    SheetColumn("id", 18, "text"),
)
_FACTS = (
    _OUTCOME,
    _RULE,
    _CLAIM,
    _LINE,
    *(c._replace(name=f"evidence.{c.name}", title=f"evidence {c.title or c.name}") for c in _FACT),
    _ID,
)
_FROZEN = 4
_SHOWN_STATUSES = [status for status in STATUSES if status != DISMISSED]
_OWN_NOTES = {
    DISPOSITION: "What to do with this exception alone: choose from the list. A disposition for "
    "the whole line goes on the sheet Worklist.",
    REASON: f"The reason. {' and '.join(NEED_REASON)} need one.",
    CARRIED_FROM: "The work-paper from which disposition and reason were taken: they are not in "
    "the ledger yet.",
}
_TABLE = Table(EXCEPTIONS_SHEET, COLUMNS, "exceptions", _OWN_NOTES, "", (), _FROZEN, len(_WORKED))
_EVIDENCE = Table(EVIDENCE, _FACTS, "exceptions", {}, "", (), _FROZEN)


def without_set_aside(exceptions: pl.DataFrame) -> pl.DataFrame:
    """Exceptions without the amounts that nobody asks for: dismissed, or not collectable."""
    return exceptions.with_columns(
        pl.when(is_asked()).then(name).alias(name) for name in ("amount_at_risk", "expected_amount")
    )


def write_exceptions(spreadsheet: Spreadsheet, exceptions: pl.DataFrame) -> int:
    """Write a row per exception with the columns to fill in; return how many did not fit.

    Rows of dismissed exceptions are hidden by the filter of the column status.

    exceptions   with the columns OF_AN_EXCEPTION and CARRIED_FROM.
    """
    rows = exceptions.with_columns(documents_needed=pl.col("documents_needed").list.join("\n"))
    shown = rows.head(EXCEL_ROWS - 1)
    is_folded = shown["status"].eq_missing(DISMISSED)
    written = write_table(spreadsheet, _TABLE, shown, is_folded)
    if is_folded.any():
        written.worksheet.filter_column_list(_TABLE.place("status"), [*_SHOWN_STATUSES, "Blanks"])
    add_dispositions(written, _TABLE, *OF_AN_EXCEPTION)
    return rows.height - shown.height


def disposition_cells(exceptions: int) -> str:
    """The range of cells that take a disposition, as a formula names it."""
    return _TABLE.cells(DISPOSITION, min(exceptions, EXCEL_ROWS - 1))


def write_evidence(spreadsheet: Spreadsheet, exceptions: pl.DataFrame) -> int:
    """Write a row per fact, in the order of the exceptions; return how many did not fit."""
    facts = exceptions.explode("evidence").drop_nulls("evidence")
    fields = (pl.col("evidence").struct.field(c.name).alias(f"evidence.{c.name}") for c in _FACT)
    shown = facts.with_columns(*fields).head(EXCEL_ROWS - 1)
    values = shown.filter(pl.col("evidence.kind") == "dose")["evidence.value"].drop_nulls()
    cycles = {value: cycle_text(value) for value in values.unique()}
    in_words = shown.with_columns(pl.col("evidence.value").replace(cycles))
    write_table(spreadsheet, _EVIDENCE, in_words)
    return facts.height - shown.height
