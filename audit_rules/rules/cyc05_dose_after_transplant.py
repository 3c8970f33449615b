"""CYC05 -- Was the drug given after a transplant without a sign of disease after it?

Asked of doses that a transplant of the course, or of the year before, came before.
pass              a relapse, active disease, or a poor response after the transplant is on file.
records_request   nothing after the transplant is (`dose_after_transplant_without_relapse`).
not_evaluable     no source of diagnoses was supplied (`diagnosis_extract_missing`), or a diagnosis
                  may still come (`window_open`).
not_applicable    no such transplant, the line is on a date without a dose, or before the clause.
Cannot see        a relapse that is only in the chart; a transplant whose claims are not here.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, diagnosis_evidence, service_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file
from audit_rules.facts.courses import dose_dates, with_cycle
from audit_rules.facts.transplants import transplants
from audit_rules.facts.windows import last_before, of_terms
from audit_rules.policy.terms.doses import Course, DoseAfterTransplant
from schemas.days import days_after, days_before
from schemas.outcomes import FULL_PAID, NOT_APPLICABLE, NOT_EVALUABLE, PASS, RECORDS_REQUEST
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="CYC05",
    name="doses.after_transplant",
    asks=(DoseAfterTransplant, Course),
    basis=FULL_PAID,
    passing=("window_open",),
    approved_care=True,
    says={
        "dose_after_transplant_without_relapse": (
            "The dose of {service_date} was given after the transplant of {transplant_on}; the"
            " policy covers relapsed or refractory disease, and nothing on file shows it: no"
            " diagnosis of it from the day after the transplant to {lookahead_days} days after the"
            " dose, and no result or statement from that day to the dose."
        ),
    },
    needs={
        "dose_after_transplant_without_relapse": (
            "bone marrow or MRD result after the transplant",
            "note that states the relapse, or why the drug was given",
        )
    },
)

_GIVEN = ("policy_id", "person", "transplant_on")
_EVIDENCE = {
    "relapsed_refractory": "relapse_values",
    "response": "unmet_response_values",
    "mrd": "unmet_mrd_values",
}


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    terms = book.terms(DoseAfterTransplant)
    doses = with_cycle(in_force(lines, terms), dose_dates(dossier, book))
    given = of_terms(transplants(dossier, terms), terms, "hcpcs", "hcpcs_code")
    last = last_before(
        doses.with_columns(day="service_date"), given, "transplant_on", by=("policy_id",)
    )
    day, since = pl.col("service_date"), pl.col("transplant_on")
    earliest = pl.min_horizontal("course_start", days_before(day, "lookback_days"))
    is_recent = (since >= earliest) & (day >= days_after(since, "least_days"))
    dosed = doses.join(last, on=list(ON), how="left").with_columns(
        is_after=is_recent.fill_null(False)
    )
    dosed = dosed.collect().lazy()  # it is read many times
    after = dosed.filter("is_after")
    next_day = days_after(since, pl.lit(1))
    relapses = around(
        dossier,
        after.select(
            *ON, "person", "transplant_on", "lookahead_days", day=day, code="relapse_codes"
        ).explode("code"),
        Facts(dossier.diagnoses, ("person", "code"), "date"),
        Window(next_day, days_after(pl.col("day"), "lookahead_days")),
    )
    signs = [
        facts_on_file(
            dossier, after, code, next_day, fits=pl.col("evidence_value").is_in(pl.col(values))
        )
        for code, values in _EVIDENCE.items()
    ]
    shown = pl.concat([found.select(ON) for found in (relapses, *signs)])
    source_missing = pl.lit("any_diagnosis" not in dossier.supplied)
    is_open = days_after(day, "lookahead_days") > dossier.as_of
    answers = dosed.pipe(with_flag, "is_shown", shown).pipe(
        answer,
        [
            Answer(source_missing, NOT_EVALUABLE, "diagnosis_extract_missing"),
            Answer(~pl.col("is_after"), NOT_APPLICABLE),
            Answer(pl.col("is_shown"), PASS),
            Answer(is_open, NOT_EVALUABLE, "window_open"),
            Answer(pl.lit(True), RECORDS_REQUEST, "dose_after_transplant_without_relapse"),
        ],
    )
    claims = around(
        dossier,
        after.select(*ON, "person", "transplant_on", day="transplant_on"),
        Facts(given.drop("row_id").with_columns(transplant_on="service_date"), _GIVEN),
    )
    return RuleAnswers(
        answers,
        [
            service_evidence(claims, AGAINST),
            diagnosis_evidence(relapses, FOR),
            *(clinical_evidence(found, FOR) for found in signs),
        ],
    )
