"""CODE01 -- Was the HCPCS code valid on the service date?

review            billed before the code's first day (`code_not_yet_valid`) or after its last
                  (`code_expired`). What the right code would have cost is not known.
pass              within its days, or a code that the policy gives no days for.
not_applicable    no clause was in force on the service date.
Cannot see        a claim that the payer accepted under the old code by agreement.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.policy.terms.doses import HcpcsValidity
from schemas.outcomes import PRICE_UNKNOWN, REVIEW

RULE = Rule(
    id="CODE01",
    name="code.validity",
    asks=(HcpcsValidity,),
    basis=PRICE_UNKNOWN,
    says={
        "code_not_yet_valid": (
            "Code {hcpcs_code} was billed for {service_date}; it is valid from {valid_from} on."
        ),
        "code_expired": (
            "Code {hcpcs_code} was billed for {service_date}; it was valid up to {valid_to}."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every line whose policy dates its codes; one answer per line and policy."""
    asked = in_force(lines, book.terms(HcpcsValidity)).pipe(_of_its_own_code)
    is_dated, day = pl.col("is_dated"), pl.col("service_date")
    answers = asked.pipe(
        answer,
        [
            Answer(is_dated & (day < pl.col("valid_from")), REVIEW, "code_not_yet_valid"),
            Answer(is_dated & (day > pl.col("valid_to")), REVIEW, "code_expired"),
        ],
    )
    return RuleAnswers(answers)


def _of_its_own_code(asked: pl.LazyFrame) -> pl.LazyFrame:
    """One term per line and policy: that of the line's code (`is_dated`), else of another code."""
    is_dated = (pl.col("hcpcs") == pl.col("hcpcs_code")).fill_null(False)
    return (
        asked.with_columns(is_dated=is_dated)
        .sort(*ON, ~pl.col("is_dated"), "term_id")
        .unique(list(ON), keep="first", maintain_order=True)
    )
