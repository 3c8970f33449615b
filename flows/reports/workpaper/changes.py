"""The sheet of what changed since the last night, and of marks that found no place in this one."""

from collections.abc import Mapping, Sequence

import polars as pl

from flows.reports.workpaper.cells import EXCEL_ROWS, SheetColumn, Spreadsheet
from flows.reports.workpaper.disposition import CONFIRMED, DISPOSITION, DUE, NOTE, OWNER
from flows.reports.workpaper.tables import TOTAL_ROWS, Table, write_table
from schemas.decisions import CHANGED, DISMISSED, NEW, REOPENED, RESOLVED

CHANGES = "Changes"
NOT_CARRIED = "not carried"
MEANINGS = {
    NEW: "Found for the first time.",
    CHANGED: "Its outcome, reason or amount is another, or its claim has another id.",
    REOPENED: "Found again, or a person took its dismissal back.",
    DISMISSED: "A person set it aside.",
    RESOLVED: "Not found any more.",
    NOT_CARRIED: "What stood in the last work-paper and has no place in this one.",
}
"""Every status of the sheet, and what it means."""
_MOST = EXCEL_ROWS - TOTAL_ROWS - 1
_OF_A_CHANGE = (
    SheetColumn("status", 13, "text"),
    SheetColumn("rule_id", 9, "text"),
    SheetColumn("why", 34, "wrapped"),
    SheetColumn("claim_id", 24, "text"),
    SheetColumn("claim_line_number", 6, "count", "line"),
    SheetColumn("outcome", 16, "text"),
    SheetColumn("previous_outcome", 16, "text"),
    SheetColumn("amount_at_risk", 14, "money"),
    SheetColumn("previous_amount_at_risk", 14, "money"),
    SheetColumn("reason", 30, "text"),
    SheetColumn("previous_reason", 30, "text"),
    SheetColumn("decided_by", 16, "text"),
    SheetColumn("decision_reason", 30, "wrapped"),
    SheetColumn("dismissed_until", 12, "date"),
)
_MARKS = (
    SheetColumn(OWNER, 16, "text"),
    SheetColumn(DUE, 11, "date"),
    SheetColumn(DISPOSITION, 17, "text"),
    SheetColumn(CONFIRMED, 14, "money"),
    SheetColumn(NOTE, 34, "wrapped"),
)
_COLUMNS = (
    *_OF_A_CHANGE,
    *_MARKS,
    SheetColumn("payer", 24, "text"),
    SheetColumn("member_id", 15, "text"),
    SheetColumn("claim_source", 13, "text"),
    SheetColumn("policy_id", 28, "text"),
    SheetColumn("first_seen", 11, "date"),
    SheetColumn("continues", 36, "text"),
    SheetColumn("exception_id", 36, "text"),
)
_NOTES = {
    "status": "What became of the exception since the last night. "
    f"{NOT_CARRIED}: what stood in the last work-paper and has no place in this one; "
    "why says why.",
    "amount_at_risk": "The exception's own amount: exceptions on one line are about the same "
    "dollars, so these amounts do not add up to the worklist.",
    **{c.name: f"{c.name} in the last work-paper, of what is {NOT_CARRIED}." for c in _MARKS},
}
TABLE = Table(CHANGES, _COLUMNS, "changes", _NOTES, "status", (), 5, len(_OF_A_CHANGE))


def write_changes(
    spreadsheet: Spreadsheet, changes: pl.DataFrame, not_carried: Sequence[Mapping[str, object]]
) -> int:
    """Write a row per change, then what was not carried; return how many did not fit.

    not_carried   rows of some of the columns.
    """
    rows = [*changes.iter_rows(named=True), *not_carried]
    names = [c.name for c in _COLUMNS]
    shown = [pl.Series(n, [row.get(n) for row in rows[:_MOST]], dtype=pl.Object) for n in names]
    write_table(spreadsheet, TABLE, pl.DataFrame(shown))
    return max(0, len(rows) - _MOST)


def status_cells(rows: int) -> str:
    """The cells with the status of each row, as a formula names them."""
    return TABLE.cells("status", min(rows, _MOST))
