"""COMB01 -- Was blinatumomab given inside a cycle, outside the regimen that has it?

Asked of doses near which blinatumomab was billed, if it was also billed near another dose of the
cycle.
pass              a drug of the regimen was billed near the dose.
review            none was (`blinatumomab_inside_cycle`): the policy has it as consolidation.
not_evaluable     a claim for one may still come (`window_open`).
not_applicable    no blinatumomab near two doses of the cycle, the line is on a date without a dose,
                  or before the clause.
Cannot see        a regimen given in a stay; why the two drugs met.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import service_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.courses import dose_dates, with_cycle
from audit_rules.facts.windows import first_in, of_terms
from audit_rules.policy.terms.doses import CombinedInfusion, Course
from schemas.days import days_after, days_before
from schemas.outcomes import FULL_PAID, NOT_APPLICABLE, NOT_EVALUABLE, PASS, REVIEW
from schemas.results import AGAINST

RULE = Rule(
    id="COMB01",
    name="regimen.blinatumomab_inside",
    asks=(CombinedInfusion, Course),
    basis=FULL_PAID,
    approved_care=True,
    passing=("window_open",),
    says={
        "blinatumomab_inside_cycle": (
            "Blinatumomab was billed within {days} days of the dose of {service_date} and of"
            " another dose of cycle {low}. No drug of the regimen that combines the two was billed"
            " near it; the policy has blinatumomab as consolidation."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    terms = book.terms(CombinedInfusion)
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, terms), doses)
    given = of_terms(dossier.services, terms, "hcpcs", "hcpcs_code")
    regimen = of_terms(dossier.services, terms, "regimen_hcpcs", "hcpcs_code")
    by = ("policy_id",)
    day = pl.col("service_date")
    near = first_in(_window(dosed, day, "days"), given, by=by)
    counted = doses.filter(day == pl.col("dose_date")).select(
        "policy_id", "person", "course_no", "low", other_dose="service_date"
    )
    others = (
        dosed.select(*ON, "person", "course_no", "low", "dose_date", "days")
        .join(counted, on=["policy_id", "person", "course_no", "low"])
        .filter(pl.col("other_dose") != pl.col("dose_date"))
    )
    beside = first_in(_window(others, pl.col("other_dose"), "days"), given, by=by)
    in_regimen = first_in(_window(dosed, day, "regimen_days"), regimen, by=by)
    is_open = days_after(day, "regimen_days") > dossier.as_of
    answers = (
        dosed.pipe(with_flag, "is_near", near)
        .pipe(with_flag, "is_beside", beside)
        .pipe(with_flag, "in_regimen", in_regimen)
        .pipe(
            answer,
            [
                Answer(~pl.col("is_near") | ~pl.col("is_beside"), NOT_APPLICABLE),
                Answer(pl.col("in_regimen"), PASS),
                Answer(is_open, NOT_EVALUABLE, "window_open"),
                Answer(pl.lit(True), REVIEW, "blinatumomab_inside_cycle"),
            ],
        )
    )
    asked = _window(dosed, day, "days").select(*ON, "person", "opens", "closes", day="service_date")
    services = Facts(given.drop("row_id", "policy_id").unique(), ("person",))
    found = around(dossier, asked, services, Window(pl.col("opens"), pl.col("closes")))
    return RuleAnswers(answers, [service_evidence(found, AGAINST)])


def _window(asked: pl.LazyFrame, day: pl.Expr, days: str) -> pl.LazyFrame:
    return asked.with_columns(opens=days_before(day, days), closes=days_after(day, days))
