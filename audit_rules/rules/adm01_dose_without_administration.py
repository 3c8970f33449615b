"""ADM01 -- Was the drug billed on a date without a claim for its infusion?

One finding per person, payer and date, on the date's first line.
pass              an infusion is billed on the date, the day before or after, even if it was denied.
records_request   none is, although the same provider bills the patient's infusions on other dates
                  (`infusion_not_on_claims`).
not_evaluable     a claim of the day after may still come (`window_open`).
not_applicable    the provider bills none, the patient was in hospital, the line does not carry the
                  date's finding, is on a date without a dose, or before the clause.
Cannot see        an infusion paid in a bundle, or billed by another provider without any claim.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.courses import dose_dates, with_cycle
from audit_rules.facts.infusion_units import first_lines
from audit_rules.facts.windows import first_in, of_terms
from audit_rules.policy.terms.doses import Administration, Course
from schemas.days import days_after, days_before
from schemas.formats import well_formed
from schemas.outcomes import NONE, NOT_APPLICABLE, NOT_EVALUABLE, PASS, RECORDS_REQUEST
from schemas.table import Kind

RULE = Rule(
    id="ADM01",
    name="dose.without_administration",
    asks=(Administration, Course),
    basis=NONE,
    passing=("window_open",),
    says={
        "infusion_not_on_claims": (
            "The drug was billed for {service_date}; no claim from {opens} to {closes} bills an"
            " infusion, although this provider bills the patient's infusions on other dates."
        ),
    },
    needs={
        "infusion_not_on_claims": (
            "infusion record of the date, with the dose given",
            "claim for the infusion, if there is one",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every dose date; one answer per person, payer, date and policy, on its first line."""
    terms = book.terms(Administration)
    doses = dose_dates(dossier, book)
    day = pl.col("service_date")
    asked = with_cycle(in_force(first_lines(lines), terms), doses).with_columns(
        opens=days_before(day, "days"), closes=days_after(day, "days")
    )
    billed = ("person", "service_date", "billing_npi", "hcpcs_code")
    services = pl.concat([dossier.services.select(billed), dossier.denied_services.select(billed)])
    infusions = of_terms(services, terms, "hcpcs", "hcpcs_code")
    stays = of_terms(dossier.services, terms, "stay_places", "place_of_service_code")
    elsewhere = _on_dose_dates(asked, infusions, doses)
    answers = (
        asked.pipe(with_flag, "is_given", first_in(asked, infusions, by=("policy_id",)))
        .pipe(with_flag, "in_stay", first_in(asked, stays, by=("policy_id",)))
        .pipe(with_flag, "bills_elsewhere", elsewhere)
        .pipe(
            answer,
            [
                Answer(pl.col("is_given"), PASS),
                Answer(pl.col("in_stay"), NOT_APPLICABLE),
                Answer(pl.col("closes") > dossier.as_of, NOT_EVALUABLE, "window_open"),
                Answer(pl.col("bills_elsewhere"), RECORDS_REQUEST, "infusion_not_on_claims"),
                Answer(pl.lit(True), NOT_APPLICABLE),
            ],
        )
    )
    return RuleAnswers(answers)


def _on_dose_dates(
    asked: pl.LazyFrame, infusions: pl.LazyFrame, doses: pl.LazyFrame
) -> pl.LazyFrame:
    """Lines whose billing provider billed an infusion on a dose date of the person: on another one,
    because a line with an infusion on its own date passes."""
    named = infusions.filter(well_formed(pl.col("billing_npi"), Kind.NPI))
    of_doses = named.join(doses, on=["policy_id", "person", "service_date"], how="semi")
    return asked.join(of_doses, on=["policy_id", "person", "billing_npi"], how="semi")
