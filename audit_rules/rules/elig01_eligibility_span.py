"""ELIG01 -- Was the person alive and enrolled with the payer on the service date?

review            after the date of death (`after_death`), or in no enrollment span of the payer
                  (`not_enrolled`).
pass              alive, as far as is known, and within a span; a span without an end is still open.
not_evaluable     no eligibility table was supplied (`eligibility_extract_missing`), or the person
                  is not in it (`person_not_in_eligibility`).
Cannot see        a retroactive enrollment, or a death date, that the extract does not hold yet.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import eligibility_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.policy.terms.persons import Eligibility
from schemas.days import LAST_DAY, days_after, days_before
from schemas.outcomes import FULL_PAID, NOT_EVALUABLE, REVIEW
from schemas.results import AGAINST, FOR

RULE = Rule(
    id="ELIG01",
    name="eligibility.span",
    asks=(Eligibility,),
    basis=FULL_PAID,
    says={
        "after_death": (
            "The service is dated {service_date}; the eligibility extract gives {death_date} as the"
            " date of death."
        ),
        "not_enrolled": "No enrollment of the patient with {payer} on file covers {service_date}.",
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every audited line; one answer per line and policy."""
    asked = in_force(lines, book.terms(Eligibility))
    day, end = pl.col("service_date"), pl.col("enrollment_end_date")
    covering, others = _spans(dossier, asked)
    table_missing = pl.lit("eligibility" not in dossier.supplied)
    answers = (
        asked.pipe(with_flag, "is_on_file", asked.join(dossier.enrollment, on="person", how="semi"))
        .pipe(with_flag, "is_enrolled", covering)
        .pipe(
            answer,
            [
                Answer(table_missing, NOT_EVALUABLE, "eligibility_extract_missing"),
                Answer(~pl.col("is_on_file"), NOT_EVALUABLE, "person_not_in_eligibility"),
                Answer(day > pl.col("death_date"), REVIEW, "after_death"),
                Answer(~pl.col("is_enrolled"), REVIEW, "not_enrolled"),
            ],
        )
    )
    until = pl.format("until {}", end).fill_null("open")
    sides = [(covering, FOR), *((span, AGAINST) for span in others)]
    dead = asked.filter(day > pl.col("death_date"))
    return RuleAnswers(
        answers,
        [
            *(
                eligibility_evidence(
                    span, side, "enrollment", until, pl.col("enrollment_start_date")
                )
                for span, side in sides
            ),
            eligibility_evidence(dead, AGAINST, "death_date", pl.lit(None), pl.col("death_date")),
        ],
    )


def _spans(dossier: Dossier, asked: pl.LazyFrame) -> tuple[pl.LazyFrame, list[pl.LazyFrame]]:
    """The person's enrollment with the payer: the spans that cover the date, and those that
    begin after it or ended before."""
    lines = asked.select(*ON, "person", "payer_id", day="service_date")
    spans = dossier.enrollment.drop("birth_date", "death_date").with_columns(
        until=pl.col("enrollment_end_date").fill_null(LAST_DAY)
    )

    def spans_in(date: str, window: Window) -> pl.LazyFrame:
        order = ("enrollment_start_date", "until")
        facts = Facts(spans, ("person", "payer_id"), date, "until", order)
        return around(dossier, lines, facts, window)

    day, start = pl.col("day"), "enrollment_start_date"
    covering = spans_in(start, Window(closes=day, at=day))
    later = spans_in(start, Window(opens=days_after(day, pl.lit(1))))
    return covering, [later, spans_in("until", Window(closes=days_before(day, pl.lit(1))))]
