"""QTY02 -- Do fills close together add up to more tablets than one prescription may have?

advisory          within the limit, but with the fills shortly before it above it (`split_fills`).
                  The document limits each prescription and no period: a hint, nothing to recover.
pass              not above the limit with them, or above it alone, which QTY01 asks.
not_evaluable     the quantity is missing (`quantity_missing`).
not_applicable    no limit for this strength was in force on the dispensing date, or the fill is or
                  may be a duplicate, which DUP01 asks.
Cannot see        a lost bottle, a changed dose, or fills paid in cash. A channel that is unknown
                  counts as retail. Duplicates are not added.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import from_thousandths, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence, fill_evidence, line_evidence
from audit_rules.engine.nearest import Facts, Window, around, total_around, without_itself
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.inducers import inducer_fills, overrides, with_inducer
from audit_rules.facts.quantity_limits import (
    tablet_fills,
    unknown_as_retail,
    with_limits,
    without_repeats,
)
from audit_rules.policy.terms.fills import Inducer, QuantityLimit, SplitFills
from schemas.days import days_before
from schemas.outcomes import ADVISORY, NONE, NOT_EVALUABLE
from schemas.results import FOR

RULE = Rule(
    id="QTY02",
    name="quantity.split_fills",
    asks=(SplitFills, QuantityLimit, Inducer),
    basis=NONE,
    counts=("tablet", "tablets"),
    says={
        "split_fills": (
            "This fill is within the limit, but it and the fills of the same strength since {since}"
            " come to {observed} tablets; {allowed} are allowed per prescription."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every tablet fill whose strength has a limit; one answer per fill and policy."""
    fills = without_repeats(unknown_as_retail(tablet_fills(lines)), dossier)
    inducers, granted = inducer_fills(dossier, fills, book), overrides(dossier, fills, book)
    limited = (
        fills.pipe(with_inducer, inducers, granted)
        .pipe(with_limits, book)
        .drop("term_id", "citation")
    )
    since = days_before(pl.col("service_date"), "lookback_days")
    asked = in_force(limited, book.terms(SplitFills), on=["channel"]).with_columns(since=since)
    near, total = _fills_since(dossier, asked)

    own, total_milli, ceiling_milli = (
        pl.col("quantity_milli"),
        pl.col("total_milli"),
        thousandths(pl.col("ceiling")),
    )
    is_split = (own <= ceiling_milli) & (total_milli > ceiling_milli)
    answers = asked.join(total, on=list(ON), how="left").pipe(
        answer,
        [
            Answer(own.is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(
                is_split, ADVISORY, "split_fills", from_thousandths(total_milli), pl.col("ceiling")
            ),
        ],
    )
    return RuleAnswers(
        answers,
        [line_evidence(near), fill_evidence(inducers, FOR), authorization_evidence(granted, FOR)],
    )


def _fills_since(dossier: Dossier, asked: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The fills from `since` to the fill's date of its person, payer, strength and channel, and
    their total_milli; the fill itself is among them."""
    same = ("person", "payer_id", "ingredient", "strength_mg", "channel")
    fills = without_repeats(unknown_as_retail(tablet_fills(dossier.fills)), dossier).rename(
        {"row_id": "fill_row"}
    )
    asked = asked.select(*ON, *same, "since", day="service_date")
    since, facts = Window(pl.col("since"), pl.col("day")), Facts(fills, same)
    total = total_around(dossier, asked, facts, since, "quantity_milli")
    found = around(dossier, asked, facts, since)
    return without_itself(found, "fill_row"), total.rename({"total": "total_milli"})
