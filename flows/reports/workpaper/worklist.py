"""The sheets of claim lines and of payees, whose totals are those of the summary."""

from datetime import date

import polars as pl

from flows.reports.workpaper.cells import EXCEL_ROWS, SheetColumn, Spreadsheet
from flows.reports.workpaper.disposition import (
    CARRIED_FROM,
    CONFIRMED,
    DISPOSITION,
    DUE,
    EXCEPTION_IDS,
    NEED_REASON,
    NOTE,
    OWNER,
    WORKLIST,
)
from flows.reports.workpaper.tables import (
    TOTAL_ROWS,
    Table,
    add_dispositions,
    mark,
    total,
    write_table,
)
from flows.results.order_of_work import in_order_of_work
from flows.results.totals import SUMMED, totals, with_leading
from schemas.decisions import DISMISSED
from schemas.outcomes import strength

PROVIDERS = "Providers"
NO_PAYEE = "(none in the data)"
MOST_LINES = EXCEL_ROWS - TOTAL_ROWS - 1
_AMOUNTS = tuple(name for name in SUMMED if name != "paid_amount")
_WORKED = (
    SheetColumn("outcome", 16, "text"),
    SheetColumn("claim_id", 24, "text"),
    SheetColumn("claim_line_number", 6, "count", "line"),
    SheetColumn("service_date", 11, "date"),
    SheetColumn("rule_ids", 13, "wrapped"),
    SheetColumn("amount_at_risk", 14, "money"),
    SheetColumn("recoup_by", 11, "date"),
    SheetColumn("days_left", 8, "number", "days left"),
    SheetColumn("rationale", 46, "wrapped"),
    SheetColumn("status", 11, "text"),
    SheetColumn("decision", 16, "text"),
    SheetColumn(OWNER, 16, "asked"),
    SheetColumn(DUE, 11, "asked_date"),
    SheetColumn(DISPOSITION, 17, "asked"),
    SheetColumn(CONFIRMED, 14, "asked_money"),
    SheetColumn(NOTE, 34, "asked_wrapped"),
)
"""The columns that an analyst works with, and that are printed."""

_COLUMNS = (
    *_WORKED,
    SheetColumn(CARRIED_FROM, 18, "text"),
    *(SheetColumn(name, 14, "money") for name in _AMOUNTS if name != "amount_at_risk"),
    SheetColumn("paid_amount", 14, "money"),
    SheetColumn("answer_by", 11, "date"),
    SheetColumn("collectable", 11, "text"),
    SheetColumn("recoup_term", 26, "text"),
    SheetColumn("first_seen", 11, "date"),
    SheetColumn("billing_npi", 13, "text"),
    SheetColumn("provider_npi", 13, "text"),
    SheetColumn("payer", 24, "text"),
    SheetColumn("plan", 10, "text"),
    SheetColumn("member_id", 15, "text"),
    SheetColumn("person_id", 15, "text"),
    SheetColumn("claim_source", 13, "text"),
    SheetColumn("paid_date", 11, "date"),
    SheetColumn("drug", 13, "text"),
    SheetColumn("product_code", 14, "text"),
    SheetColumn("quantity", 11, "number"),
    SheetColumn(EXCEPTION_IDS, 36, "text"),
)
_NOTES = {
    "rule_ids": "Rules with an exception on the line, the leading one first.",
    "rationale": "Why the leading exception was found.",
    "days_left": "Days from the as-of date to recoup_by; below zero: it is past.",
    OWNER: "Who works the line. Stays in the work-paper, and is carried into the next one.",
    DUE: "Until when the owner is to have worked it. Marked if that is after recoup_by. Stays in "
    "the work-paper, and is carried into the next one.",
    DISPOSITION: "What to do with the exceptions in exception_ids: choose from the list. For one "
    f"of them alone, use the sheet Exceptions. {' and '.join(NEED_REASON)} need a note.",
    CONFIRMED: "How much of amount_at_risk was confirmed. Stays in the work-paper, and is carried "
    "into the next one; the ledger and letters know nothing of it.",
    NOTE: "The reason of the disposition. Without a disposition it stays in the work-paper.",
    CARRIED_FROM: "The work-paper from which what stands in the columns to fill in was taken.",
    EXCEPTION_IDS: "The exceptions that a disposition here is about: those of the line that are "
    "not set aside, or all if all are.",
}
TABLE = Table(
    WORKLIST,
    _COLUMNS,
    "worklist",
    _NOTES,
    EXCEPTION_IDS,
    (*_AMOUNTS, "paid_amount", CONFIRMED),
    3,
    len(_WORKED),
)
_PROVIDERS = Table(
    PROVIDERS,
    (
        SheetColumn("payee", 22, "text"),
        SheetColumn("lines", 9, "count"),
        *(SheetColumn(name, 16, "money") for name in _AMOUNTS),
        SheetColumn("paid_amount", 16, "money"),
        SheetColumn("recoup_by", 12, "date", "first recoup_by"),
        SheetColumn("payers", 40, "wrapped"),
    ),
    "worklist",
    {
        "payee": "billing_npi of the lines: who was paid, and whom a letter goes to.",
        "lines": "Lines of the sheet Worklist.",
        "recoup_by": "The first recoup_by of lines with an amount at risk.",
        "payers": "The payers of the lines.",
        **{name: f"Sum of {name} of the sheet Worklist." for name in SUMMED},
    },
    "payee",
    ("lines", *_AMOUNTS, "paid_amount"),
)


def worklist_rows(lines: pl.DataFrame, exceptions: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Every line with an exception in the order of work, with what its sheet says besides.

    exception_ids   those of the line that are not set aside; all if all are.
    every_id        all of them.
    rationale       of the exception that leads the line.
    """
    aside = exceptions.filter(pl.col("status") == DISMISSED)["exception_id"].to_list()
    ids = pl.col(EXCEPTION_IDS)
    live = ids.list.eval(pl.element().filter(~pl.element().is_in(aside)))
    with_why = with_leading(lines, exceptions, "rationale")
    return in_order_of_work(with_why, as_of, strength()).with_columns(
        pl.when(live.list.len() > 0).then(live).otherwise(ids).alias(EXCEPTION_IDS),
        every_id=ids,
        days_left=(pl.col("recoup_by") - pl.lit(as_of)).dt.total_days(),
    )


def write_worklist(spreadsheet: Spreadsheet, lines: pl.DataFrame) -> int:
    """Write a row per line with the columns to fill in; return how many did not fit.

    lines   of worklist_rows, with the columns OF_A_LINE and CARRIED_FROM.
    """
    shown = on_sheet(lines).with_columns(
        pl.col("rule_ids").list.unique(maintain_order=True).list.join(", "),
        pl.col(EXCEPTION_IDS).list.join(" "),
    )
    written = write_table(spreadsheet, TABLE, shown)
    add_dispositions(written, TABLE, DISPOSITION, NOTE)
    first = TABLE.header_row + 2
    due, by = (f"${TABLE.letter(name)}{first}" for name in (DUE, "recoup_by"))
    mark(written, TABLE, DUE, f'=AND(ISNUMBER({due}),{by}<>"",{due}>{by})')
    return lines.height - shown.height


def worklist_total(lines: pl.DataFrame, column: str) -> object:
    """The sum of a column of the worklist, by formula if its sheet has every line."""
    if lines.height > MOST_LINES:
        return lines[column].sum()
    return total(lines[column], f"=SUM({TABLE.cells(column, lines.height)})")


def on_sheet(lines: pl.DataFrame) -> pl.DataFrame:
    """The lines that fit on the sheet."""
    return lines.head(MOST_LINES)


def line_cells(column: str, lines: int) -> str:
    """The cells of a column of the sheet, as a formula names them."""
    return TABLE.cells(column, min(lines, MOST_LINES))


def write_providers(spreadsheet: Spreadsheet, lines: pl.DataFrame) -> int:
    """Write a row per payee, those with most at risk first; return how many did not fit."""
    payee = pl.col("billing_npi").fill_null(NO_PAYEE)
    payers = pl.col("payer").drop_nulls().unique().sort().str.join(", ")
    first = pl.col("recoup_by").filter(pl.col("amount_at_risk") > 0).min()
    about = lines.group_by(payee=payee).agg(first, payers.alias("payers"))
    rows = totals(lines, payee=payee).join(about, on="payee", how="left", validate="1:1")
    rows = rows.sort(-pl.col("amount_at_risk"), "payee")
    shown = rows.head(MOST_LINES)
    write_table(spreadsheet, _PROVIDERS, shown)
    return rows.height - shown.height
