"""CYC03 -- Were more cycles given before a transplant than the policy allows?

Asked of doses that a transplant followed, or for which one was planned at the time.
pass              within the allowed cycles, or in the further one with disease left on file (PR,
                  NR, or MRD positive).
records_request   in the further cycle, and nothing on file shows that disease was left
                  (`third_cycle_before_transplant`).
review            beyond the further cycle (`beyond_third_cycle_before_transplant`).
not_applicable    no transplant is on file or planned, or the line is on a date without a dose or
                  before the clause.
Cannot see        whether a graft was for this disease, a transplant that was planned but never
                  recorded, or one in a hospital stay whose claims are missing.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import clinical_evidence, dose_evidence, service_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.clinical import facts_on_file
from audit_rules.facts.courses import dose_dates, doses_so_far, with_cycle
from audit_rules.facts.transplants import plans, transplants, transplants_ahead
from audit_rules.policy.terms.doses import Course, TransplantCycles
from schemas.outcomes import FULL_PAID, PASS, RECORDS_REQUEST, REVIEW
from schemas.results import AGAINST, FOR

_SHOWN = (
    "The dose of {service_date} is at least in cycle {low} of the course that began on"
    " {course_start}, and {transplant}. "
)

RULE = Rule(
    id="CYC03",
    name="cycles.before_transplant",
    asks=(TransplantCycles, Course),
    basis=FULL_PAID,
    counts=("cycle", "cycles"),
    says={
        "third_cycle_before_transplant": (
            _SHOWN + "Before a transplant the policy allows {allowed} cycles, and one more if "
            "disease is left; no response or MRD result of the course up to then shows that it was."
        ),
        "beyond_third_cycle_before_transplant": (
            _SHOWN + "Before a transplant the policy allows no more than {allowed} cycles."
        ),
    },
    approved_care=True,
    needs={
        "third_cycle_before_transplant": (
            "bone marrow and MRD results after the cycles before this one",
            "note that states when the transplant was planned",
        )
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every dose line of a course that leads to a transplant; one answer per line and
    policy."""
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, book.terms(TransplantCycles)), doses)
    given = transplants(dossier, book.terms(TransplantCycles))
    ahead, planned = transplants_ahead(dossier, dosed, given), plans(dossier, dosed)
    bound = dosed.pipe(with_flag, "has_transplant", ahead).pipe(with_flag, "has_plan", planned)
    bound = bound.filter(pl.col("has_transplant") | pl.col("has_plan"))
    unmet = [
        facts_on_file(
            dossier,
            bound,
            code,
            since=pl.col("course_start"),
            fits=pl.col("evidence_value").is_in(pl.col(values)),
        )
        for code, values in (("response", "unmet_response_values"), ("mrd", "unmet_mrd_values"))
    ]

    transplant = (
        pl.when("has_transplant")
        .then(pl.lit("a transplant followed"))
        .otherwise(pl.lit("a transplant was planned"))
    )
    low, most, extended = pl.col("low"), pl.col("allowed_cycles"), pl.col("extended")
    judged = bound.rename({"allowed": "allowed_cycles"}).with_columns(transplant=transplant)
    answers = judged.pipe(
        with_flag, "disease_left", pl.concat([facts.select(ON) for facts in unmet])
    ).pipe(
        answer,
        [
            Answer(low <= most, PASS),
            Answer((low <= extended) & pl.col("disease_left"), PASS),
            Answer(low <= extended, RECORDS_REQUEST, "third_cycle_before_transplant", low, most),
            Answer(pl.lit(True), REVIEW, "beyond_third_cycle_before_transplant", low, extended),
        ],
    )
    evidence = [
        dose_evidence(doses_so_far(dossier, dosed, doses), AGAINST),
        service_evidence(ahead, AGAINST),
        clinical_evidence(planned, AGAINST),
        *(clinical_evidence(facts, FOR) for facts in unmet),
    ]
    return RuleAnswers(answers, evidence)
