"""The sheets of lines and of evidence: one row per exception, and one per fact behind it."""

import polars as pl
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from flows.reports.workpaper.cells import EXCEL_ROWS, SheetColumn, Spreadsheet
from flows.reports.workpaper.disposition import (
    DISPOSITION,
    DISPOSITIONS,
    EXCEPTION_ID,
    LINES,
    NEED_REASON,
    REASON,
)
from schemas.collecting import is_asked
from schemas.decisions import DISMISSED, STATUSES
from schemas.describe import meaning

EVIDENCE = "Evidence"
_OUTCOME, _RULE = SheetColumn("outcome", 16, "text"), SheetColumn("rule_id", 9, "text")
_CLAIM, _LINE = (
    SheetColumn("claim_id", 24, "text"),
    SheetColumn("claim_line_number", 6, "count", "line"),
)
_ID = SheetColumn(EXCEPTION_ID, 36, "text")
_DISPOSITION, _REASON = (
    SheetColumn(DISPOSITION, 17, "asked"),
    SheetColumn(REASON, 34, "asked_wrapped"),
)
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
    _DISPOSITION,
    _REASON,
)
"""The columns that an analyst works with, and that are printed."""

_LOOKED_UP = (
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
_FROZEN, _HEADER_HEIGHT = 4, 30
_STATUS = "status"
_SHOWN_STATUSES = [status for status in STATUSES if status != DISMISSED]
_OWN_NOTES = {
    DISPOSITION: "What to do with the exception: choose from the list. "
    "`claims-audit decide --file` takes every disposition.",
    REASON: f"The reason. {' and '.join(NEED_REASON)} need one.",
}


def without_set_aside(exceptions: pl.DataFrame) -> pl.DataFrame:
    """Exceptions without the amounts that nobody asks for: dismissed, or not collectable."""
    return exceptions.with_columns(
        pl.when(is_asked()).then(name).alias(name) for name in ("amount_at_risk", "expected_amount")
    )


def write_lines(spreadsheet: Spreadsheet, exceptions: pl.DataFrame) -> int:
    """Write a row per exception with the columns to fill in; return how many did not fit."""
    nothing = (pl.lit(None, pl.String).alias(name) for name in (DISPOSITION, REASON))
    rows = exceptions.with_columns(
        *nothing, documents_needed=pl.col("documents_needed").list.join("\n")
    )
    worksheet, last = _write_sheet(spreadsheet, LINES, COLUMNS, rows)
    worksheet.print_area(0, 0, last, len(_WORKED) - 1)
    _add_drop_down(spreadsheet, worksheet, last)
    return max(0, rows.height - last)


def disposition_cells(exceptions: int) -> str:
    """The range of cells that take a disposition, as a formula names it."""
    column = xl_col_to_name(COLUMNS.index(_DISPOSITION))
    return f"{LINES}!${column}$2:${column}${min(max(exceptions, 1) + 1, EXCEL_ROWS)}"


def write_evidence(spreadsheet: Spreadsheet, exceptions: pl.DataFrame) -> int:
    """Write a row per fact, in the order of the lines; return how many did not fit."""
    facts = exceptions.explode("evidence").drop_nulls("evidence")
    fields = (pl.col("evidence").struct.field(c.name).alias(f"evidence.{c.name}") for c in _FACT)
    _, last = _write_sheet(spreadsheet, EVIDENCE, _FACTS, facts.with_columns(*fields))
    return max(0, facts.height - last)


def _write_sheet(
    spreadsheet: Spreadsheet, name: str, columns: tuple[SheetColumn, ...], rows: pl.DataFrame
) -> tuple[Worksheet, int]:
    """Write a sheet with a frozen header that filters; return it and the number of its last row.

    The first column is the outcome, in its colour. Rows of dismissed exceptions are hidden by the
    filter of the column status, if there is one.
    """
    sheet = spreadsheet.add_sheet(name, [c.width for c in columns])
    sheet.write_row(
        [c.title or c.name for c in columns], [c.header for c in columns], _HEADER_HEIGHT
    )
    for i, column in enumerate(columns):
        sheet.worksheet.write_comment(0, i, _note(column.name), {"x_scale": 2})
    shown = rows.head(EXCEL_ROWS - 1).select(c.name for c in columns)
    names = [c.name for c in columns]
    status = names.index(_STATUS) if _STATUS in names else None
    for values in shown.iter_rows():
        is_folded = status is not None and values[status] == DISMISSED
        sheet.write_row(values, [values[0], *(c.style for c in columns[1:])], hidden=is_folded)
    last = max(shown.height, 1)
    sheet.worksheet.autofilter(0, 0, last, len(columns) - 1)
    if status is not None and shown[_STATUS].eq_missing(DISMISSED).any():
        sheet.worksheet.filter_column_list(status, [*_SHOWN_STATUSES, "Blanks"])
    sheet.worksheet.freeze_panes(1, _FROZEN)
    sheet.worksheet.repeat_rows(0)
    return sheet.worksheet, last


def _note(column: str) -> str:
    """What a column means, for the note on its header."""
    if column in _OWN_NOTES:
        return _OWN_NOTES[column]
    means = meaning("exceptions", column)
    return f"{means.description} ({means.unit})." if means.unit else f"{means.description}."


def _add_drop_down(spreadsheet: Spreadsheet, worksheet: Worksheet, last: int) -> None:
    """Add the list of dispositions, and mark a dismissal that has no reason yet."""
    disposition, reason = COLUMNS.index(_DISPOSITION), COLUMNS.index(_REASON)
    worksheet.data_validation(
        1,
        disposition,
        last,
        disposition,
        {
            "validate": "list",
            "source": list(DISPOSITIONS),
            "error_title": "Not in the list",
            "error_message": f"Choose {', '.join(DISPOSITIONS)}, or leave the cell empty.",
        },
    )
    cell, reason_cell = xl_col_to_name(disposition), xl_col_to_name(reason)
    needs_one = ",".join(f'${cell}2="{disposition}"' for disposition in NEED_REASON)
    without_reason = f'=AND(OR({needs_one}),TRIM(${reason_cell}2)="")'
    worksheet.conditional_format(
        1,
        reason,
        last,
        reason,
        {"type": "formula", "criteria": without_reason, "format": spreadsheet.style("missing")},
    )
