"""PAY01 -- Was the line paid far above what others were paid for the product?

review            a unit cost more than the usual multiple of the median of others near it
                  (`price_above_median`).
pass              it did not, or the line has no price.
not_evaluable     the quantity is missing or not positive (`quantity_missing`), or too few others
                  have a price (`too_few_prices`).
Cannot see        what the contract of the provider sets.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.usual_prices import with_median_of_others
from audit_rules.policy.terms.persons import PriceAboveMedian
from schemas.outcomes import NONE, NOT_EVALUABLE, REVIEW

RULE = Rule(
    id="PAY01",
    name="price.above_median",
    asks=(PriceAboveMedian,),
    basis=NONE,
    counts=("dollar for each", "dollars for each"),
    says={
        "price_above_median": (
            "A unit cost {unit_price} on {service_date}; the median of {others} other lines of the"
            " product at this payer within {days} days before or after is {median_price}, without"
            " dispensing fees. A person must look at the price; no amount is asked back."
        ),
    },
    looks_at_prices=True,
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every audited line; one answer per line and policy."""
    asked = in_force(lines, book.terms(PriceAboveMedian)).rename({"others": "others_needed"})
    has_quantity = (pl.col("quantity_milli") > 0).fill_null(False)
    price, most = pl.col("unit_dollars"), pl.col("most_dollars")
    answers = with_median_of_others(dossier.priced_lines, asked).pipe(
        answer,
        [
            Answer(~has_quantity, NOT_EVALUABLE, "quantity_missing"),
            Answer(pl.col("others") < pl.col("others_needed"), NOT_EVALUABLE, "too_few_prices"),
            Answer(pl.col("is_above"), REVIEW, "price_above_median", price, most),
        ],
    )
    return RuleAnswers(answers)
