"""SUP01 -- Were tablets dispensed although earlier fills should still last?

advisory          the days' supply of the year's earlier fills, less the days since the first of
                  them, is more than a prescription's refill may run ahead (`stock_in_hand`): a
                  hint, nothing to recover.
pass              the refill does not run ahead of the supply on hand by more than that.
not_applicable    no tablets, or the fill is or may be a duplicate, which DUP01 asks.
Cannot see        a lost bottle, tablets thrown away, a dose that was raised, or fills paid in cash.
                  Days that are unknown add nothing; of the fills of one date the longest counts.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import from_thousandths, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import line_evidence
from audit_rules.engine.nearest import Facts, Window, around, total_around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.quantity_limits import tablet_fills, without_repeats
from audit_rules.facts.windows import first_in
from audit_rules.policy.terms.fills import StockInHand
from schemas.days import days_before
from schemas.outcomes import ADVISORY, NONE

RULE = Rule(
    id="SUP01",
    name="supply.stock_in_hand",
    asks=(StockInHand,),
    basis=NONE,
    counts=("day of supply in hand", "days of supply in hand"),
    says={
        "stock_in_hand": (
            "By their days' supply, the fills of this strength since {first_fill} still left"
            " tablets for {observed:day|days} on {service_date}; up to {allowed} days ahead is"
            " usual."
        ),
    },
)

_SAME = ("person", "payer_id", "ingredient", "strength_mg")


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every tablet fill; one answer per fill and policy."""
    asked = in_force(tablet_fills(lines), book.terms(StockInHand))
    asked = without_repeats(asked, dossier).with_columns(
        opens=days_before(pl.col("service_date"), "lookback_days"),
        closes=days_before(pl.col("service_date"), pl.lit(1)),
    )
    fills = without_repeats(tablet_fills(dossier.fills), dossier)
    days = thousandths(pl.col("days_supply")).clip(0).fill_null(0)
    supplied = fills.group_by(*_SAME, "service_date").agg(millidays=days.max())
    window = Window(pl.col("opens"), pl.col("closes"))
    near = asked.select(*ON, *_SAME, "opens", "closes", day="service_date")
    total = total_around(dossier, near, Facts(supplied, _SAME, order=()), window, "millidays")
    first = first_in(near, supplied, by=_SAME).rename({"found": "first_fill"})
    passed = (pl.col("service_date") - pl.col("first_fill")).dt.total_days()
    stock = pl.col("total") - thousandths(passed)
    most = pl.when(pl.col("channel") == pl.col("short_channel")).then("days").otherwise("long_days")
    answers = (
        asked.join(total, on=list(ON), how="left")
        .join(first, on=list(ON), how="left")
        .pipe(
            answer,
            [
                Answer(
                    stock > thousandths(most),
                    ADVISORY,
                    "stock_in_hand",
                    from_thousandths(stock),
                    most,
                )
            ],
        )
    )
    shown = around(dossier, near, Facts(fills.drop("row_id"), _SAME), window)
    return RuleAnswers(answers, [line_evidence(shown)])
