"""UNIT01 -- Were more units billed on one date than any dose of the policy needs in whole vials?

One finding per person, payer and date, on the line with most units. All units of the date count,
waste included, but no duplicates.
recover           more than the largest dose takes, and more than the body surface on file explains
                  (`units_over_maximum`).
records_request   more than the dose for the body surface on file takes (`units_over_bsa_dose`).
review            no body surface is on file, and more than the dose of a date that begins no cycle
                  takes (`units_over_later_dose`).
pass              within it.
not_evaluable     no line of the date has units (`quantity_missing`).
not_applicable    the line does not carry the date's finding, has another code, is or may be a
                  duplicate, or is before the clause.
Cannot see        the dose given; a body surface that is not on file.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import from_thousandths, rounded_half_up, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, line_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.courses import dose_dates
from audit_rules.facts.infusion_units import billed_lines, carrying_lines, units_milli, whole_vials
from audit_rules.facts.windows import first_in
from audit_rules.policy.terms.doses import Course, UnitsPerDate
from schemas.days import days_after, days_before
from schemas.outcomes import EXCESS_QUANTITY, NOT_EVALUABLE, RECORDS_REQUEST, RECOVER, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="UNIT01",
    name="units.per_date",
    asks=(UnitsPerDate, Course),
    basis=EXCESS_QUANTITY,
    counts=("unit", "units"),
    says={
        "units_over_maximum": (
            "{observed:unit was|units were} billed for {service_date}; no dose of the policy takes"
            " more than {allowed} in whole vials."
        ),
        "units_over_later_dose": (
            "{observed:unit was|units were} billed for {service_date}, {place}; such a dose takes"
            " at most {allowed} in whole vials, and no body surface is on file."
        ),
        "units_over_bsa_dose": (
            "{observed:unit was|units were} billed for {service_date}; for the body surface of"
            " {surface} m2 on file the dose for {place} takes {allowed} in whole vials."
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
    asked = carrying_lines(dossier, in_force(lines, book.terms(UnitsPerDate)))
    billed = billed_lines(dossier, asked)
    courses = dose_dates(dossier, book).select(
        "policy_id", "person", "service_date", "course_start", "opens"
    )
    since = days_before(pl.col("service_date"), "bsa_lookback_days")
    surface_m2 = pl.col("evidence_value").cast(pl.Float64)
    surfaces = latest(
        facts_on_file(dossier, asked, "bsa_m2", since, largest=True), kindness=surface_m2
    )
    dated = (
        asked.join(billed.group_by(*ON).agg(total_milli=units_milli()), on=list(ON), how="left")
        .join(courses, on=["policy_id", "person", "service_date"], how="left")
        .join(surfaces.select(*ON, surface="evidence_value"), on=list(ON), how="left")
        .with_columns(pl.col("opens").fill_null(False))
    )
    responses = _responses(dossier, dated)
    dated = dated.pipe(with_flag, "has_response", responses)

    is_high = pl.col("opens") & ~pl.col("has_response")
    mg_per_m2 = pl.when(is_high).then("first_mg_m2").otherwise("later_mg_m2")
    vials, vial_mg = pl.col("vial_units"), pl.col("vial_mg")
    dated = dated.with_columns(
        place=pl.when(is_high)
        .then(pl.lit("a date that can begin a cycle"))
        .when("opens")
        .then(pl.lit("the first date of a cycle after a response"))
        .otherwise(pl.lit("a date that begins no cycle")),
        bsa_units=vials * whole_vials(pl.col("surface"), mg_per_m2, vial_mg),
        most_units=pl.max_horizontal(
            "most_units", vials * whole_vials(pl.col("surface"), pl.col("first_mg_m2"), vial_mg)
        ),
    )
    total, most, for_surface = pl.col("total_milli"), pl.col("most_units"), pl.col("bsa_units")
    later, units = pl.col("later_units"), from_thousandths(pl.col("total_milli"))
    is_later = for_surface.is_null() & ~pl.col("opens")

    def above(limit: pl.Expr) -> pl.Expr:
        return total > thousandths(limit)

    answers = dated.pipe(
        answer,
        [
            Answer(total.is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(above(most), RECOVER, "units_over_maximum", units, most),
            Answer(above(for_surface), RECORDS_REQUEST, "units_over_bsa_dose", units, for_surface),
            Answer(is_later & above(later), REVIEW, "units_over_later_dose", units, later),
        ],
    ).pipe(_priced)
    evidence = [
        line_evidence(billed),
        clinical_evidence(surfaces, FOR),
        clinical_evidence(responses, AGAINST),
    ]
    return RuleAnswers(answers, evidence)


def _responses(dossier: Dossier, dated: pl.LazyFrame) -> pl.LazyFrame:
    """The latest response of the course before each date that opens a cycle, if it is one after
    which the lower dose is given, and no relapse followed."""
    asked = dated.filter("opens")
    day, yesterday = pl.col("day"), days_before(pl.col("day"), pl.lit(1))
    facts = facts_on_file(dossier, asked, "response", pl.col("course_start"), until=yesterday)
    is_response = pl.col("evidence_value").is_in(pl.col("response_values"))
    found = latest(facts, kindness=~is_response).filter(is_response)
    windows = found.with_columns(
        opens=days_after(pl.col("evidence_date"), pl.lit(1)), closes=day
    ).with_columns(code="relapse_codes")
    relapses = first_in(windows.explode("code"), dossier.diagnoses, "date", by=("code",))
    return found.join(relapses, on=list(ON), how="anti")


def _priced(answers: pl.LazyFrame) -> pl.LazyFrame:
    """own_amount_cents: the units above `allowed` at the carrying line's price; null without
    units."""
    own = pl.col("quantity_milli").cast(pl.Int128)
    above = pl.col("total_milli") - thousandths(pl.col("allowed"))
    excess = pl.min_horizontal(above, own)  # no more than the whole line can be at risk
    amount = rounded_half_up(excess * pl.col("paid_cents"), pl.col("quantity_milli").clip(1))
    return answers.with_columns(own_amount_cents=pl.when(pl.col("quantity_milli") > 0).then(amount))
