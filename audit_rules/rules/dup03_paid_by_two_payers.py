"""DUP03 -- Was the same service paid by two payers that both enroll the patient?

The same person, date, product and quantity, on medical lines the same modifiers, under two claim
ids of two payers; the later one, by paid date, then payer, carries the finding.
review            each payer paid a good share of what the other paid (`paid_by_two_payers`).
pass              no earlier line of another payer is the same, only fills of another dispenser are,
                  or one payer paid a small share: the rest of the cost.
not_applicable    the enrollment of both is not known for that day, or the birth date is unknown.
Cannot see        which of the two had to pay first.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.duplicates import twins_at_other_payers
from audit_rules.engine.evidence import line_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.policy.terms.persons import TwoPayers
from schemas.collecting import COORDINATION
from schemas.days import LAST_DAY
from schemas.outcomes import FULL_PAID, NOT_APPLICABLE, PASS, REVIEW

RULE = Rule(
    id="DUP03",
    name="duplicate.two_payers",
    asks=(TwoPayers,),
    basis=FULL_PAID,
    says={
        "paid_by_two_payers": (
            "The same service ({product_code}, quantity {quantity}, {service_date}) was also paid"
            " by {twin_payer} under claim {twin_claim_id}, line {twin_line}; both payers enroll the"
            " patient. Which of them pays first, and whether the other owes the rest only, a person"
            " must judge."
        ),
    },
    grounds={"paid_by_two_payers": COORDINATION},
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every audited line; one answer per line and policy."""
    asked = in_force(lines, book.terms(TwoPayers))
    twins = twins_at_other_payers(dossier, asked).collect().lazy()
    enrolled = twins.join(_enrolled(dossier, twins), on=[*ON, "payer_id"], how="semi")
    with_twins = asked.join(enrolled, on=list(ON), how="semi")
    own_spans = _enrolled(dossier, with_twins).select(ON).unique()
    both = enrolled.join(own_spans, on=list(ON), how="semi")
    enrolling = both.select(*ON, "payer_id").unique()
    shared = twins_at_other_payers(dossier, asked, share="least_share").join(
        enrolling, on=[*ON, "payer_id"], how="semi"
    )
    first = (
        shared.sort(*ON, "paid_date", "payer_id", "claim_id", nulls_last=False)
        .unique(list(ON), keep="first", maintain_order=True)
        .select(
            *ON,
            twin_payer="payer",
            twin_claim_id="claim_id",
            twin_line="claim_line_number",
        )
    )
    known = pl.col("birth_date").is_not_null()
    answers = (
        asked.pipe(with_flag, "has_twin", twins)
        .pipe(with_flag, "is_enrolled", both)
        .join(first, on=list(ON), how="left")
        .pipe(
            answer,
            [
                Answer(~pl.col("has_twin"), PASS),
                Answer(~pl.col("is_enrolled") | ~known, NOT_APPLICABLE),
                Answer(pl.col("twin_claim_id").is_not_null(), REVIEW, "paid_by_two_payers"),
            ],
        )
    )
    return RuleAnswers(answers, [line_evidence(shared)])


def _enrolled(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Lines, by payer, on whose date a span of that payer covers the person."""
    day = pl.col("day")
    order = ("enrollment_start_date", "until")
    spans = dossier.enrollment.select(
        "person",
        "payer_id",
        "enrollment_start_date",
        until=pl.col("enrollment_end_date").fill_null(LAST_DAY),
    )
    facts = Facts(spans, ("person", "payer_id"), order[0], order[1], order)
    asked = lines.select(*ON, "person", "payer_id", day="service_date").unique()
    return around(dossier, asked, facts, Window(closes=day, at=day)).select(*ON, "payer_id")
