"""GEN02 -- Was the brand dispensed as the generic, and paid as the brand?

Asked of fills whose product selection code says that the pharmacy dispensed the brand in the place
of the generic.
pass              a tablet cost no more than the generic near it, with room for its price to differ.
recover           it cost more (`generic_price_not_applied`).
review            it cost more, but few generic fills give the price and it is not far above them
                  (`few_generic_prices`), or none gives one (`no_generic_price`).
not_evaluable     the quantity is missing or not positive (`quantity_missing`).
not_applicable    another code or none, no tablets of the brand, or the clause was not in force.
Cannot see        the price that the pharmacy's contract sets for the generic.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import daw_evidence, price_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.generic_prices import costs_more_than, with_generic_price
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import PaidAsBrand
from schemas.collecting import CLERICAL
from schemas.outcomes import NOT_APPLICABLE, NOT_EVALUABLE, PASS, PRICE_DIFFERENCE, RECOVER, REVIEW
from schemas.results import AGAINST

_DISPENSED = (
    "The fill of {service_date} has product selection code {daw_code}: the pharmacy dispensed the"
    " brand in the place of the generic, and such a fill is paid as the generic. "
)
_COMPARED = (
    "Without dispensing fees a tablet cost ${own_price}, and ${generic_price} in the dearest"
    " generic fill of this payer within {price_days} days before or after."
)

RULE = Rule(
    id="GEN02",
    name="brand.paid_as_brand",
    asks=(PaidAsBrand,),
    basis=PRICE_DIFFERENCE,
    unpriced=("no_generic_price",),
    says={
        "no_generic_price": (
            _DISPENSED + "No generic fill of this payer within {price_days} days before or after"
            " gives its price."
        ),
        "few_generic_prices": _DISPENSED + _COMPARED + " Only few fills give that price.",
        "generic_price_not_applied": _DISPENSED + _COMPARED,
    },
    grounds=dict.fromkeys(
        ("no_generic_price", "few_generic_prices", "generic_price_not_applied"), CLERICAL
    ),
    looks_at_prices=True,
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of brand tablets; one answer per fill and policy."""
    brand = in_force(
        tablet_fills(lines).filter(pl.col("product") == "brand"), book.terms(PaidAsBrand)
    )
    is_substitute = pl.col("daw_code").is_in(pl.col("daw_codes")).fill_null(False)
    has_quantity = (pl.col("quantity_milli") > 0).fill_null(False)
    has_price = (pl.col("is_same_payer") & (pl.col("generic_cents") > 0)).fill_null(False)
    few = pl.col("generic_fills") < pl.col("enough_fills")
    known = with_generic_price(brand, dossier).collect().lazy()  # the prices are evidence, too
    answers = known.pipe(
        answer,
        [
            Answer(~is_substitute, NOT_APPLICABLE),
            Answer(~has_quantity, NOT_EVALUABLE, "quantity_missing"),
            Answer(~has_price, REVIEW, "no_generic_price"),
            Answer(~costs_more_than("ratio"), PASS),
            Answer(few & ~costs_more_than("ratio_of_few"), REVIEW, "few_generic_prices"),
            Answer(pl.lit(True), RECOVER, "generic_price_not_applied"),
        ],
    )
    priced = answers.filter(has_price)
    return RuleAnswers(answers, [daw_evidence(answers, AGAINST), *price_evidence(priced)])
