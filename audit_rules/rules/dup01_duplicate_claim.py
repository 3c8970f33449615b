"""DUP01 -- Was the same service paid before under another claim?

The same person, payer, date, drug, product and quantity, on medical lines the same modifiers, under
two claim ids; two drugs are not the same product under a code of many drugs. Lines of two claims
pair one to one; of each pair the later one, by paid date, then claim id, is the duplicate.
recover           a medical line, or a fill of the same dispensing provider (`duplicate_claim`).
review            a line of another plan of the payer, or a fill of which either dispenser is not
                  known (`possible_duplicate`).
pass              no earlier line is the same, only fills of another dispenser are, or one claim
                  names the other as its original.
Cannot see        two services of one day that were billed alike on purpose, such as two visits.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.duplicates import earlier_twins
from audit_rules.engine.evidence import line_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.persons import DuplicateClaim
from schemas.outcomes import FULL_PAID, RECOVER, REVIEW

RULE = Rule(
    id="DUP01",
    name="duplicate.claim",
    asks=(DuplicateClaim,),
    basis=FULL_PAID,
    says={
        "duplicate_claim": (
            "The same service ({product_code}, quantity {quantity}, {service_date}) was also paid"
            " under claim {twin_claim_id}, line {twin_line}. Of the two this line counts as the"
            " repeat."
        ),
        "possible_duplicate": (
            "The same product and quantity ({product_code}, quantity {quantity}, {service_date})"
            " was also paid under claim {twin_claim_id}, line {twin_line}. The plans of the two"
            " differ, or on at least one of them the dispensing provider is not known."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every audited line; one answer per line and policy."""
    asked = in_force(lines, book.terms(DuplicateClaim))
    twins = earlier_twins(dossier, asked)
    first = (
        twins.sort(*ON, ~pl.col("is_certain"), "paid_date", "claim_id", nulls_last=False)
        .unique(list(ON), keep="first", maintain_order=True)
        .select(*ON, "is_certain", twin_claim_id="claim_id", twin_line="claim_line_number")
    )
    answers = asked.join(first, on=list(ON), how="left").pipe(
        answer,
        [
            Answer(pl.col("is_certain"), RECOVER, "duplicate_claim"),
            Answer(~pl.col("is_certain"), REVIEW, "possible_duplicate"),
        ],
    )
    return RuleAnswers(answers, [line_evidence(twins)])
