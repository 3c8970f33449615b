"""DUP02 -- Was one supply paid on a medical line and at the pharmacy?

The medical line carries the finding.
records_request   a fill of the same payer near it supplies as much (`same_supply_twice`), or a vial
                  was dispensed shortly before the infusion (`vial_paid_twice`).
review            a fill's supply lasts beyond a week after the line (`overlapping_supply`).
pass              no such fill.
not_evaluable     no pharmacy claims were supplied (`pharmacy_extract_missing`).
not_applicable    a fill, or a code that is neither tablets nor an infusion of the drug.
Cannot see        whether the tablets of the medical line were taken home.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import fill_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.two_benefits import overlapping, same_supply, vials
from audit_rules.policy.terms.persons import TwoBenefits
from schemas.outcomes import FULL_PAID, NOT_EVALUABLE, RECORDS_REQUEST, REVIEW
from schemas.results import AGAINST

_RECORDS = (
    "administration record of the medical line, with where the drug came from",
    "pharmacy's record of the fill",
)

RULE = Rule(
    id="DUP02",
    name="duplicate.two_benefits",
    asks=(TwoBenefits,),
    basis=FULL_PAID,
    says={
        "same_supply_twice": (
            "The line of {service_date} bills {quantity:unit|units} of {drug}, and a pharmacy was"
            " paid for about as much within days of it: perhaps one supply under both benefits."
        ),
        "vial_paid_twice": (
            "The line of {service_date} bills {quantity:unit|units} of {drug}, and a pharmacy was"
            " paid for a vial of it shortly before: perhaps one supply under both benefits."
        ),
        "overlapping_supply": (
            "The line of {service_date} bills {quantity:unit|units} of {drug}, while a fill on file"
            " supplies the patient for more than {cover_days} days on."
        ),
    },
    needs={"same_supply_twice": _RECORDS, "vial_paid_twice": _RECORDS},
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every medical line of tablets or of the infusion; one answer per line and policy."""
    is_tablets = pl.col("drug") == pl.col("tablet_drug")
    is_infusion = pl.col("hcpcs_code").is_in(pl.col("vial_codes")).fill_null(False)
    medical = lines.filter(pl.col("claim_source") == "medical")
    asked = in_force(medical, book.terms(TwoBenefits)).filter(is_tablets | is_infusion)
    tablets, infusions = asked.filter(is_tablets), asked.filter(~is_tablets)
    found = {
        "is_same": same_supply(dossier, tablets),
        "has_vial": vials(dossier, infusions),
        "overlaps": overlapping(dossier, tablets),
    }
    judged = asked
    for name, fills in found.items():
        judged = judged.pipe(with_flag, name, fills)
    answers = judged.pipe(
        answer,
        [
            Answer(
                pl.lit("pharmacy_claim" not in dossier.supplied),
                NOT_EVALUABLE,
                "pharmacy_extract_missing",
            ),
            Answer(pl.col("is_same"), RECORDS_REQUEST, "same_supply_twice"),
            Answer(pl.col("has_vial"), RECORDS_REQUEST, "vial_paid_twice"),
            Answer(pl.col("overlaps"), REVIEW, "overlapping_supply"),
        ],
    )
    return RuleAnswers(answers, [fill_evidence(fills, AGAINST) for fills in found.values()])
