"""UNIT01 -- More units on one date than any dose of the policy needs in whole vials?

One finding per person, payer and date, on the line with most units. All units of the date count,
waste included.
recover           more than the largest dose takes, and more than the body surface on file explains
                  (`units_over_maximum`).
records_request   more than the dose for the body surface on file takes (`units_over_bsa_dose`).
pass              within it.
not_evaluable     no line of the date has units (`quantity_missing`).
not_applicable    the line does not carry the date's finding, has another code, or is before the
                  clause.
Cannot see        the dose given; a body surface that is not on file.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import from_thousandths, rounded_half_up, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, line_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.courses import dose_dates, first_dates
from audit_rules.facts.infusion_units import billed_lines, carrying_lines, units_milli, whole_vials
from audit_rules.policy.terms.doses import Course, UnitsPerDate
from schemas.days import days_before
from schemas.outcomes import EXCESS_QUANTITY, NOT_EVALUABLE, RECORDS_REQUEST, RECOVER
from schemas.results import FOR

RULE = Rule(
    id="UNIT01",
    name="units.per_date",
    asks=(UnitsPerDate, Course),
    basis=EXCESS_QUANTITY,
    says={
        "units_over_maximum": (
            "{observed} units were billed for {service_date}; the dose for {place} takes at most "
            "{allowed} in whole vials."
        ),
        "units_over_bsa_dose": (
            "{observed} units were billed for {service_date}; for the body surface of {surface} m2"
            " on file the dose for {place} takes {allowed} in whole vials."
        ),
    },
    needs={
        "units_over_bsa_dose": (
            "infusion record with the dose given and the vials used",
            "height and weight on which the dose was based",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every date; one answer per person, payer, date and policy, on the carrying line."""
    asked = carrying_lines(in_force(lines, book.terms(UnitsPerDate)))
    billed = billed_lines(dossier, asked)
    first = first_dates(dose_dates(dossier, book)).with_columns(is_first=pl.lit(True))
    since = days_before(pl.col("service_date"), "bsa_lookback_days")
    surface_m2 = pl.col("evidence_value").cast(pl.Float64)
    surfaces = latest(
        facts_on_file(dossier, asked, "bsa_m2", since, largest=True), kindness=surface_m2
    )
    dated = (
        asked.join(billed.group_by(*ON).agg(total_milli=units_milli()), on=list(ON), how="left")
        .join(first, on=["policy_id", "person", "service_date"], how="left")
        .join(surfaces.select(*ON, surface="evidence_value"), on=list(ON), how="left")
    )

    is_first = pl.col("is_first").fill_null(False)
    mg_per_m2 = pl.when(is_first).then("first_mg_m2").otherwise("later_mg_m2")
    bsa_limit = pl.col("vial_units") * whole_vials(pl.col("surface"), mg_per_m2, pl.col("vial_mg"))
    dated = dated.with_columns(
        place=pl.when(is_first)
        .then(pl.lit("a date that can begin a cycle"))
        .otherwise(pl.lit("a date that begins no cycle")),
        bsa_units=bsa_limit,
        most_units=pl.max_horizontal(
            pl.when(is_first).then("first_units").otherwise("later_units"), bsa_limit
        ),
    )
    total, most, for_surface = pl.col("total_milli"), pl.col("most_units"), pl.col("bsa_units")
    answers = dated.pipe(
        answer,
        [
            Answer(total.is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(
                total > thousandths(most),
                RECOVER,
                "units_over_maximum",
                from_thousandths(total),
                most,
            ),
            Answer(
                total > thousandths(for_surface),
                RECORDS_REQUEST,
                "units_over_bsa_dose",
                from_thousandths(total),
                for_surface,
            ),
        ],
    ).pipe(_priced)
    return RuleAnswers(answers, [line_evidence(billed), clinical_evidence(surfaces, FOR)])


def _priced(answers: pl.LazyFrame) -> pl.LazyFrame:
    """own_amount_cents: the units above `allowed` at the carrying line's price; null without
    units."""
    own = pl.col("quantity_milli").cast(pl.Int128)
    above = pl.col("total_milli") - thousandths(pl.col("allowed"))
    excess = pl.min_horizontal(above, own)  # no more than the whole line can be at risk
    amount = rounded_half_up(excess * pl.col("paid_cents"), pl.col("quantity_milli").clip(1))
    return answers.with_columns(own_amount_cents=pl.when(pl.col("quantity_milli") > 0).then(amount))
