"""POS01 -- Was the drug billed for a place where it is part of the stay?

review            the place of service is a hospital or nursing stay (`drug_in_inpatient_place`).
pass              it is another.
not_evaluable     the place of service is missing (`place_missing`).
not_applicable    no clause was in force on the service date.
Cannot see        whether the contract pays drugs of a stay by the line.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.doses import InpatientPlace
from schemas.outcomes import FULL_PAID, NOT_EVALUABLE, REVIEW

RULE = Rule(
    id="POS01",
    name="place.inpatient",
    asks=(InpatientPlace,),
    basis=FULL_PAID,
    says={
        "drug_in_inpatient_place": (
            "The drug was billed for {service_date} with place of service"
            " {place_of_service_code}, a stay whose payment may include its drugs."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line; one answer per line and policy."""
    asked = in_force(lines, book.terms(InpatientPlace))
    place = pl.col("place_of_service_code")
    answers = asked.pipe(
        answer,
        [
            Answer(place.is_null(), NOT_EVALUABLE, "place_missing"),
            Answer(place.is_in(pl.col("places")), REVIEW, "drug_in_inpatient_place"),
        ],
    )
    return RuleAnswers(answers)
