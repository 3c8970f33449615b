"""The sheets of lines and of evidence: one row per exception, and one per fact behind it."""

import polars as pl
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from flows.reports.workpaper.cells import EXCEL_ROWS, Book, Column
from flows.reports.workpaper.disposition import (
    DISMISS,
    DISPOSITION,
    EXCEPTION_ID,
    LINES,
    REASON,
    WORDS,
)
from schemas.describe import meaning
from schemas.outcomes import strength

EVIDENCE = "Evidence"
_OUTCOME, _RULE = Column("outcome", 16, "text"), Column("rule_id", 9, "text")
_CLAIM, _LINE = Column("claim_id", 24, "text"), Column("claim_line_number", 6, "count", "line")
_ID = Column(EXCEPTION_ID, 36, "text")
_DISPOSITION, _REASON = Column(DISPOSITION, 17, "asked"), Column(REASON, 34, "asked_wrapped")
_WORKED = (
    _OUTCOME,
    _RULE,
    _CLAIM,
    _LINE,
    Column("service_date", 11, "date"),
    Column("amount_at_risk", 14, "money"),
    Column("rationale", 52, "wrapped"),
    Column("citation", 34, "wrapped"),
    Column("documents_needed", 30, "wrapped"),
    _DISPOSITION,
    _REASON,
)
"""What an analyst works with, and what is printed."""

_LOOKED_UP = (
    Column("paid_amount", 14, "money"),
    Column("amount_basis", 17, "text"),
    Column("observed", 11, "number"),
    Column("allowed", 11, "number"),
    Column("quantity", 11, "number"),
    Column("drug", 13, "text"),
    Column("product_code", 14, "text"),
    Column("reason", 30, "text"),
    Column("payer", 24, "text"),
    Column("plan", 10, "text"),
    Column("member_id", 15, "text"),
    Column("person_id", 15, "text"),
    Column("claim_source", 13, "text"),
    Column("paid_date", 11, "date"),
    Column("provider_npi", 13, "text"),
    Column("billing_npi", 13, "text"),
    Column("policy_id", 28, "text"),
    Column("policy_effective_from", 13, "date"),
    _ID,
)
COLUMNS = (*_WORKED, *_LOOKED_UP)
_FACT = (
    Column("kind", 14, "text"),
    Column("side", 9, "text"),
    Column("date", 11, "date"),
    Column("code", 14, "text"),
    Column("value", 32, "wrapped"),
    Column("claim_source", 13, "text"),
    Column("claim_id", 24, "text"),
    Column("claim_line_number", 9, "count", "line"),
    Column("id", 18, "text"),
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
_OWN_WORDS = {
    DISPOSITION: "What becomes of it: choose one of the list. `claims-audit dismiss --file` reads `dismiss` back.",
    REASON: "Why. A dismissal without a reason is refused.",
}


def in_order_of_work(exceptions: pl.DataFrame) -> pl.DataFrame:
    """Exceptions as they are worked: the strongest outcome first, and within it the largest amount."""
    return exceptions.sort(
        strength(), "amount_at_risk", descending=[False, True], nulls_last=True, maintain_order=True
    )


def write_lines(book: Book, exceptions: pl.DataFrame) -> int:
    """The sheet with a row per exception and the columns to fill in; returns how many exceptions found no row."""
    nothing = (pl.lit(None, pl.String).alias(name) for name in (DISPOSITION, REASON))
    rows = exceptions.with_columns(
        *nothing, documents_needed=pl.col("documents_needed").list.join("\n")
    )
    sheet, last = _filled(book, LINES, COLUMNS, rows)
    sheet.print_area(0, 0, last, len(_WORKED) - 1)
    _ask(book, sheet, last)
    return max(0, rows.height - last)


def disposition_cells(exceptions: int) -> str:
    """The cells that take a disposition, as a formula names them."""
    column = xl_col_to_name(COLUMNS.index(_DISPOSITION))
    return f"{LINES}!${column}$2:${column}${min(max(exceptions, 1) + 1, EXCEL_ROWS)}"


def write_evidence(book: Book, exceptions: pl.DataFrame) -> int:
    """The sheet with a row per fact, in the order of the lines; returns how many facts found no row."""
    facts = exceptions.explode("evidence").drop_nulls("evidence")
    fields = (pl.col("evidence").struct.field(c.name).alias(f"evidence.{c.name}") for c in _FACT)
    _, last = _filled(book, EVIDENCE, _FACTS, facts.with_columns(*fields))
    return max(0, facts.height - last)


def _filled(
    book: Book, name: str, columns: tuple[Column, ...], rows: pl.DataFrame
) -> tuple[Worksheet, int]:
    """A sheet with a frozen header that filters, the first column coloured by its outcome; and the number of its last row."""
    page = book.page(name, [c.width for c in columns])
    page.line([c.title or c.name for c in columns], [c.header for c in columns], _HEADER_HEIGHT)
    for i, column in enumerate(columns):
        page.sheet.write_comment(0, i, _note(column.name), {"x_scale": 2})
    shown = rows.head(EXCEL_ROWS - 1).select(c.name for c in columns)
    for values in shown.iter_rows():
        page.line(values, [values[0], *(c.style for c in columns[1:])])
    last = max(shown.height, 1)
    page.sheet.autofilter(0, 0, last, len(columns) - 1)
    page.sheet.freeze_panes(1, _FROZEN)
    page.sheet.repeat_rows(0)
    return page.sheet, last


def _note(column: str) -> str:
    """What a column means, for a note on its header."""
    if column in _OWN_WORDS:
        return _OWN_WORDS[column]
    means = meaning("exceptions", column)
    return f"{means.description} ({means.unit})." if means.unit else f"{means.description}."


def _ask(book: Book, sheet: Worksheet, last: int) -> None:
    """The drop-down, and a mark on a dismissal that has no reason yet."""
    word, why = COLUMNS.index(_DISPOSITION), COLUMNS.index(_REASON)
    sheet.data_validation(
        1,
        word,
        last,
        word,
        {
            "validate": "list",
            "source": list(WORDS),
            "error_title": "Not in the list",
            "error_message": f"Choose {', '.join(WORDS)}, or leave the cell blank.",
        },
    )
    without_reason = f'=AND(${xl_col_to_name(word)}2="{DISMISS}",TRIM(${xl_col_to_name(why)}2)="")'
    sheet.conditional_format(
        1,
        why,
        last,
        why,
        {"type": "formula", "criteria": without_reason, "format": book.style("missing")},
    )
