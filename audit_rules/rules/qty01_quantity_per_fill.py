"""QTY01 -- Does one fill have more tablets than the payer's limit per prescription?

pass              within the limit, or within the higher one that an inducer on file allows.
recover           above the limit, with an inducer if the strength has a limit for it, and the days'
                  supply does not explain it (`quantity_over_limit`).
records_request   above the limit, but within that with an inducer, and none is on file
                  (`inducer_not_on_file`).
review            above the limit, but a longer supply at the allowed rate (`extended_days_supply`),
                  the days' supply is unknown (`days_supply_missing`), or the channel is and home
                  delivery would allow it (`channel_unknown`).
not_evaluable     the quantity is missing (`quantity_missing`).
not_applicable    no limit for this strength was in force on the dispensing date.
Cannot see        an inducer given in hospital, bought over the counter, or taken as a supplement.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import rounded_half_up, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import authorization_evidence, fill_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.facts.generic_prices import drug_cents
from audit_rules.facts.inducers import inducer_fills, overrides, with_inducer
from audit_rules.facts.quantity_limits import tablet_fills, with_limits
from audit_rules.policy.terms.fills import Inducer, QuantityLimit
from schemas.outcomes import EXCESS_QUANTITY, NOT_EVALUABLE, PASS, RECORDS_REQUEST, RECOVER, REVIEW
from schemas.results import FOR

RULE = Rule(
    id="QTY01",
    name="quantity.per_fill",
    asks=(QuantityLimit, Inducer),
    basis=EXCESS_QUANTITY,
    counts=("tablet", "tablets"),
    says={
        "quantity_over_limit": (
            "{observed} tablets of {strength_mg} mg were paid on one fill of"
            " {days_supply:day|days}; the policy allows at most {allowed} per prescription."
        ),
        "inducer_not_on_file": (
            "{observed} tablets of {strength_mg} mg were paid on one fill of"
            " {days_supply:day|days}; {allowed} are allowed per prescription, and more only with a"
            " drug that makes the body use imatinib up faster. None is on file near {service_date}."
        ),
        "extended_days_supply": (
            "{observed} tablets of {strength_mg} mg were paid on one fill; {allowed} are allowed"
            " per prescription. The fill covers {days_supply:day|days} at no more than the allowed"
            " rate."
        ),
        "days_supply_missing": (
            "{observed} tablets of {strength_mg} mg were paid on one fill; {allowed} are allowed"
            " per prescription. Without a days' supply the daily rate is not known."
        ),
        "channel_unknown": (
            "{observed} tablets of {strength_mg} mg were paid on one fill, more than the {allowed}"
            " allowed at retail, but within the home-delivery limit; the claim does not say which"
            " it was."
        ),
    },
    needs={
        "inducer_not_on_file": (
            "medication list that names the inducer and its dates",
            "approval of the higher quantity",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every tablet fill whose strength has a limit; one answer per fill and policy."""
    fills = tablet_fills(lines)
    inducers, granted = inducer_fills(dossier, fills, book), overrides(dossier, fills, book)
    limited = fills.pipe(with_inducer, inducers, granted).pipe(with_limits, book)

    quantity, days = pl.col("quantity").cast(pl.Float64), pl.col("days_supply").cast(pl.Float64)
    ceiling, standard_days = pl.col("ceiling"), pl.col("standard_days")
    most = pl.col("ceiling_with_inducer")
    channel_unknown = pl.col("channel").is_null()
    answers = limited.pipe(
        answer,
        [
            Answer(quantity.is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(
                quantity <= pl.when(channel_unknown).then("retail_ceiling").otherwise(ceiling), PASS
            ),
            Answer(
                channel_unknown & (quantity <= ceiling),
                REVIEW,
                "channel_unknown",
                quantity,
                pl.col("retail_ceiling"),
            ),
            Answer(days.is_null() | (days <= 0), REVIEW, "days_supply_missing", quantity, ceiling),
            Answer(
                quantity * standard_days <= ceiling * days,
                REVIEW,
                "extended_days_supply",
                quantity,
                ceiling,
            ),
            Answer(
                ~pl.col("has_inducer") & (quantity <= most),
                RECORDS_REQUEST,
                "inducer_not_on_file",
                quantity,
                ceiling,
            ),
            Answer(
                pl.lit(True),
                RECOVER,
                "quantity_over_limit",
                quantity,
                pl.coalesce(most, ceiling),
            ),
        ],
    ).pipe(_priced)
    return RuleAnswers(
        answers, [fill_evidence(inducers, FOR), authorization_evidence(granted, FOR)]
    )


def _priced(answers: pl.LazyFrame) -> pl.LazyFrame:
    """own_amount_cents: the tablets above `allowed` at the fill's own unit price without its
    fee."""
    excess = pl.col("quantity_milli") - thousandths(pl.col("allowed"))
    amount = rounded_half_up(excess * drug_cents(), pl.col("quantity_milli").clip(1))
    return answers.with_columns(own_amount_cents=pl.when(pl.col("quantity_milli") > 0).then(amount))
