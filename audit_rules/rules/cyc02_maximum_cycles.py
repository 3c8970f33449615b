"""CYC02 -- Were more cycles given than the policy ever allows?

recover           beyond the maximum in this course under both counts (`over_maximum_cycles`).
review            only the higher count is beyond it (`cycle_count_uncertain`), or only this and the
                  earlier courses together are, by their low counts (`over_maximum_lifetime`).
pass              within the maximum.
not_applicable    the line is on a date without a dose, or before the clause.
Cannot see        cycles given in a hospital stay, or paid by a payer whose claims are not here.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import dose_evidence
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.courses import dose_dates, doses_until, with_cycle, with_earlier_cycles
from audit_rules.policy.terms.doses import Course, MaximumCycles
from schemas.outcomes import FULL_PAID, RECOVER, REVIEW
from schemas.results import AGAINST

RULE = Rule(
    id="CYC02",
    name="cycles.maximum",
    asks=(MaximumCycles, Course),
    basis=FULL_PAID,
    counts=("cycle", "cycles"),
    approved_care=True,
    says={
        "over_maximum_cycles": (
            "The dose of {service_date} is at least in cycle {low} of the course that began on "
            "{course_start}; the policy allows {allowed} cycles."
        ),
        "cycle_count_uncertain": (
            "The dose of {service_date} is in cycle {low} or {high} of the course that began on"
            " {course_start}, depending on how skipped or delayed doses are counted; the policy"
            " allows {allowed} cycles."
        ),
        "over_maximum_lifetime": (
            "The dose of {service_date} is in cycle {low} or later of its course, after"
            " {earlier_cycles} cycles or more in earlier courses; the policy allows {allowed}"
            " cycles. Whether courses add up, a person must judge."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line on a dose date; one answer per line and policy."""
    doses = dose_dates(dossier, book)
    dosed = with_cycle(in_force(lines, book.terms(MaximumCycles)), doses).pipe(
        with_earlier_cycles, doses
    )
    low, high, most = pl.col("low"), pl.col("high"), pl.col("allowed_cycles")
    lifetime = pl.col("earlier_cycles") + low
    answers = dosed.rename({"allowed": "allowed_cycles"}).pipe(
        answer,
        [
            Answer(low > most, RECOVER, "over_maximum_cycles", low, most),
            Answer(high > most, REVIEW, "cycle_count_uncertain", high, most),
            Answer(lifetime > most, REVIEW, "over_maximum_lifetime", lifetime, most),
        ],
    )
    return RuleAnswers(answers, [dose_evidence(doses_until(dossier, dosed, doses), AGAINST)])
