"""A rule's decision table: the first row that fits answers; then it is capped, priced and
worded."""

from collections.abc import Iterable
from string import Formatter
from typing import NamedTuple

import polars as pl

from audit_rules.engine.caps import CapFacts, capped, with_cap_flags
from audit_rules.engine.rule import ON, Rule
from schemas.outcomes import (
    ADVISORY,
    EXCEPTIONS,
    FULL_PAID,
    NONE,
    NOT_APPLICABLE,
    PRICE_UNKNOWN,
)


class Answer(NamedTuple):
    """One row of a rule's table: when it fits, what it answers."""

    when: pl.Expr
    outcome: str
    reason: str | None = None
    observed: pl.Expr | None = None
    allowed: pl.Expr | None = None


def answer(lines: pl.LazyFrame, table: Iterable[Answer]) -> pl.LazyFrame:
    """Answer with the first row of a rule's table whose condition is true, else `pass`.

    A condition that is null (a fact is missing) does not fit: Kleene's unknown is not true.
    """
    rows = list(table)
    number = pl.lit(len(rows))
    for i, row in reversed(list(enumerate(rows))):
        number = pl.when(row.when).then(i).otherwise(number)

    def pick(values: list[pl.Expr | None], default: pl.Expr) -> pl.Expr:
        chosen = default
        for i, value in enumerate(values):
            chosen = (
                pl.when(pl.col("answer_no") == i)
                .then(default if value is None else value)
                .otherwise(chosen)
            )
        return chosen

    text = pl.lit(None, dtype=pl.String)
    figure = pl.lit(None, dtype=pl.Float64)
    return (
        lines.with_columns(answer_no=number)
        .with_columns(
            outcome=pick([pl.lit(r.outcome) for r in rows], pl.lit("pass")),
            reason=pick([pl.lit(r.reason, dtype=pl.String) for r in rows], text),
            observed=pick(
                [None if r.observed is None else r.observed.cast(pl.Float64) for r in rows], figure
            ),
            allowed=pick(
                [None if r.allowed is None else r.allowed.cast(pl.Float64) for r in rows], figure
            ),
        )
        .drop("answer_no")
    )


def settle(scope: pl.LazyFrame, answers: pl.LazyFrame, rule: Rule, facts: CapFacts) -> pl.LazyFrame:
    """Cap, price and word the answers; lines in scope without an answer are not_applicable.

    One row per line and policy in scope, with outcome, reason, observed, allowed, amount_cents,
    amount_basis, rationale.
    """
    rest = scope.join(answers, on=list(ON), how="anti").with_columns(outcome=pl.lit(NOT_APPLICABLE))
    is_exception = pl.col("outcome").is_in(EXCEPTIONS)
    nothing = (pl.col("outcome") == ADVISORY) | (rule.basis == NONE)
    is_unpriced = pl.col("amount_cents").is_null()
    settled = (
        answers.with_columns(amount_cents=pl.when(is_exception).then(_amount(rule)))
        .pipe(with_cap_flags, facts, rule)
        .pipe(capped)
        .with_columns(
            amount_cents=pl.when(is_exception & nothing).then(0).otherwise("amount_cents")
        )
        .with_columns(
            amount_basis=pl.when(nothing)
            .then(pl.lit(NONE))
            .when(is_unpriced)
            .then(pl.lit(PRICE_UNKNOWN))
            .otherwise(pl.lit(rule.basis)),
            rationale=pl.concat_str(_rationale(rule), "capped_because"),
        )
    )
    return pl.concat([settled, rest], how="diagonal").with_columns(rule_id=pl.lit(rule.id))


def _amount(rule: Rule) -> pl.Expr:
    """Cents that an exception of the rule asks for, at most what was paid; null without a price."""
    full = pl.col("paid_cents")
    own = pl.col("own_amount_cents") if rule.basis not in (FULL_PAID, NONE, PRICE_UNKNOWN) else None
    amount = {
        FULL_PAID: full,
        NONE: pl.lit(0, dtype=pl.Int64),
        PRICE_UNKNOWN: pl.lit(None, dtype=pl.Int64),
    }.get(rule.basis, own)
    assert amount is not None
    has_price = ~pl.col("reason").is_in(rule.unpriced).fill_null(False)
    return pl.when(has_price).then(amount.clip(0, full))


def _rationale(rule: Rule) -> pl.Expr:
    chosen = pl.lit(None, dtype=pl.String)
    for reason, words in rule.says.items():
        chosen = pl.when(pl.col("reason") == reason).then(worded(words)).otherwise(chosen)
    return chosen


def worded(template: str) -> pl.Expr:
    """A text with {column} places filled from the row; a null reads as "unknown".

    {column:unit was|units were} is a number with the words that follow 1 and any other.
    """
    text, columns = "", []
    for literal, name, words, _ in Formatter().parse(template):
        text += literal.replace("{", "{{") + ("{}" if name else "")
        if name:
            shown, (one, _, other) = _shown(name), (words or "").partition("|")
            follows = pl.when(shown == "1").then(pl.lit(f" {one}")).otherwise(pl.lit(f" {other}"))
            columns.append(shown + follows if other else shown)
    return pl.format(text, *columns) if columns else pl.lit(text)


def _shown(name: str) -> pl.Expr:
    is_number = name in (
        "observed",
        "allowed",
        "quantity",
        "days_supply",
        "strength_mg",
        "standard_days",
    )
    shown = pl.col(name).cast(pl.String)
    if is_number:
        shown = pl.col(name).cast(pl.Float64).round(3).cast(pl.String).str.replace(r"\.0+$", "")
    return shown.fill_null("unknown")
