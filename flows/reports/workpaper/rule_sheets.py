"""One sheet per rule that found something: its docstring and the counts of its answers."""

import polars as pl

from audit_rules import catalogue
from audit_rules.engine.rule import Described
from flows.reports.workpaper.cells import TITLE_HEIGHT, Link, SheetColumn, Spreadsheet
from flows.reports.workpaper.overview import OVERVIEW
from flows.results.totals import totals
from schemas.outcomes import EXCEPTIONS

_ANSWER_COLUMNS = (
    SheetColumn("policy_id", 34, "text", "policy document"),
    SheetColumn("outcome", 17, "text"),
    SheetColumn("reason", 38, "text"),
    SheetColumn("lines", 10, "count"),
    SheetColumn("amount_at_risk", 16, "money"),
)
_ANSWER = ("policy_id", "outcome", "reason")
LED_BY = ("rule_id", *_ANSWER)
"""The columns of an exception by which this sheet counts the lines that it leads."""


def write_rule(
    spreadsheet: Spreadsheet, module: Described, led: pl.DataFrame, coverage: pl.DataFrame
) -> None:
    """Write the sheet of one rule: what it asks, and counts and amounts of its answers.

    led   every line with an exception, as the worklist has it, with the rule, policy, outcome and
          reason of the exception that leads it.
    """
    rule = module.RULE.id
    sheet = spreadsheet.add_sheet(rule, [c.width for c in _ANSWER_COLUMNS], landscape=False)
    title, _, text = catalogue.describe(module).partition("\n\n")
    sheet.write_row([title], ["title"], TITLE_HEIGHT)
    sheet.write_row([Link(OVERVIEW, f"back to {OVERVIEW}")], ["link"])
    sheet.row += 1
    for line in text.splitlines():
        sheet.write_row([line], ["code"])
    sheet.row += 1
    note = "amount_at_risk sums that column of the worklist over the lines that the answer leads."
    sheet.write_row([note], ["label"])
    sheet.write_row(
        ["Its answers by policy document", *[None] * (len(_ANSWER_COLUMNS) - 1)],
        ["heading"] * len(_ANSWER_COLUMNS),
    )
    sheet.write_row(
        [c.title or c.name for c in _ANSWER_COLUMNS], [c.header for c in _ANSWER_COLUMNS]
    )
    of_the_rule = totals(led.filter(rule_id=rule), **{name: pl.col(name) for name in _ANSWER})
    amounts = of_the_rule.select(*_ANSWER, "amount_at_risk")
    of_every_term = coverage.filter(rule_id=rule).group_by(_ANSWER, maintain_order=True)
    answers = of_every_term.agg(pl.col("lines").sum()).join(
        amounts, on=list(_ANSWER), how="left", nulls_equal=True, maintain_order="left"
    )
    for values in answers.select(c.name for c in _ANSWER_COLUMNS).iter_rows():
        outcome = values[1] if values[1] in EXCEPTIONS else "text"
        sheet.write_row(values, ["text", outcome, *(c.style for c in _ANSWER_COLUMNS[2:])])
