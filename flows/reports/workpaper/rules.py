"""The sheet of rules: counts of every answer, and what each rule asks that found something."""

from collections.abc import Sequence

import polars as pl

from audit_rules import catalogue
from audit_rules.engine.rule import Described
from audit_rules.wording import question
from flows.reports.workpaper.cells import EXCEL_ROWS, TITLE_HEIGHT, SheetColumn, Spreadsheet
from flows.reports.workpaper.tables import Table, write_table
from flows.results.totals import totals

RULES = "Rules"
_MOST = EXCEL_ROWS // 2  # rows of the table; the texts of the rules follow
_COLUMNS = (
    SheetColumn("rule_id", 11, "text"),
    SheetColumn("policy_id", 30, "text", "policy document"),
    SheetColumn("outcome", 17, "text"),
    SheetColumn("reason", 38, "text"),
    SheetColumn("lines", 10, "count"),
    SheetColumn("amount_at_risk", 16, "money"),
    SheetColumn("question", 64, "wrapped"),
)
_NOTES = {
    "lines": "Audited lines to which the rule gave this answer. Each rule answers for each line.",
    "amount_at_risk": "Sum of amount_at_risk of the sheet Worklist over the lines that this "
    "answer leads.",
    "question": "What the rule asks.",
}
_ANSWER = ("rule_id", "policy_id", "outcome", "reason")
TABLE = Table(RULES, _COLUMNS, "rule_coverage", _NOTES, "policy_id", ("amount_at_risk",), 1)
LED_BY = _ANSWER
"""The columns of an exception by which this sheet counts the lines that it leads."""


def write_rules(
    spreadsheet: Spreadsheet,
    modules: Sequence[Described],
    found: Sequence[Described],
    led: pl.DataFrame,
    coverage: pl.DataFrame,
) -> dict[str, str]:
    """Write every answer of every rule, then the texts of the rules that found something.

    led   every line with an exception, as the worklist has it, with the rule, policy, outcome and
          reason of the exception that leads it.

    Returns the cell of each text, by rule.
    """
    amounts = totals(led, **{n: pl.col(n) for n in _ANSWER}).select(*_ANSWER, "amount_at_risk")
    questions = {module.RULE.id: question(module) for module in modules}
    rows = (
        coverage.group_by(_ANSWER, maintain_order=True)
        .agg(pl.col("lines").sum())
        .join(amounts, on=list(_ANSWER), how="left", nulls_equal=True, maintain_order="left")
        .with_columns(
            question=pl.col("rule_id").replace_strict(
                questions, default=None, return_dtype=pl.String
            )
        )
    )
    sheet = write_table(spreadsheet, TABLE, rows.head(_MOST)).sheet
    cells = {}
    for module in found:
        sheet.row += 1
        cells[module.RULE.id] = f"A{sheet.row + 1}"
        title, _, text = catalogue.describe(module).partition("\n\n")
        sheet.write_row([title], ["title"], TITLE_HEIGHT)
        for line in text.splitlines():
            sheet.write_row([line], ["code"])
    return cells
