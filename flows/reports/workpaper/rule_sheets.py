"""A sheet per rule that found something: what the rule asks, in its own words, and what it answered on how many lines."""

import polars as pl

from audit_rules import catalogue
from audit_rules.engine.rule import RuleModule
from flows.reports.workpaper.cells import TITLE_HEIGHT, Book, Column, Link
from flows.reports.workpaper.overview import OVERVIEW
from schemas.outcomes import EXCEPTIONS

_COVERAGE = (
    Column("policy_id", 34, "text", "policy document"),
    Column("outcome", 17, "text"),
    Column("reason", 38, "text"),
    Column("lines", 10, "count"),
    Column("amount_at_risk", 16, "money"),
)
_ANSWER = ["policy_id", "outcome", "reason"]


def write_rule(
    book: Book, module: RuleModule, exceptions: pl.DataFrame, coverage: pl.DataFrame
) -> None:
    """The sheet of one rule, with the amounts of its exceptions beside the counts."""
    rule = module.RULE.id
    page = book.page(rule, [c.width for c in _COVERAGE], landscape=False)
    title, _, text = catalogue.describe(module).partition("\n\n")
    page.line([title], ["title"], TITLE_HEIGHT)
    page.line([Link(OVERVIEW, f"back to {OVERVIEW}")], ["link"])
    page.row += 1
    for line in text.splitlines():
        page.line([line], ["code"])
    page.row += 1
    page.line(
        ["What it answered, by policy document", *[None] * (len(_COVERAGE) - 1)],
        ["heading"] * len(_COVERAGE),
    )
    page.line([c.title or c.name for c in _COVERAGE], [c.header for c in _COVERAGE])
    amounts = exceptions.filter(rule_id=rule).group_by(_ANSWER).agg(pl.col("amount_at_risk").sum())
    answers = coverage.filter(rule_id=rule).join(
        amounts, on=_ANSWER, how="left", nulls_equal=True, maintain_order="left"
    )
    for values in answers.select(c.name for c in _COVERAGE).iter_rows():
        outcome = values[1] if values[1] in EXCEPTIONS else "text"
        page.line(values, ["text", outcome, *(c.style for c in _COVERAGE[2:])])
