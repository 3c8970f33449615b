"""The exceptions: answers that ask for something, with evidence, documents needed and a lasting
id."""

import hashlib
from collections.abc import Mapping

import polars as pl

from audit_rules.engine.rule import RuleModule
from schemas.outcomes import RECORDS_REQUEST
from schemas.results import CLAIM_LINE, JUDGED, MONEY, conform

EXCEPTION_ORDER = (
    *CLAIM_LINE,
    "rule_id",
    "payer",
    "member_id",
    "policy_id",
    "person_id",
    "term_id",
)
_NAMED_BY = (
    "claim_source",
    "payer_id",
    "claim_id",
    "claim_line_number",
    "rule_id",
    "term_id",
    "person",
)


def with_documents(found: pl.DataFrame, rules: tuple[RuleModule, ...]) -> pl.DataFrame:
    """Exceptions of rules with documents_needed: what would settle a records request."""
    needs = [
        {"rule_id": m.RULE.id, "reason": reason, "documents_needed": list(documents)}
        for m in rules
        for reason, documents in m.RULE.needs.items()
    ]
    schema = {name: JUDGED[name] for name in ("rule_id", "reason", "documents_needed")}
    found = found.join(pl.DataFrame(needs, schema=schema), on=["rule_id", "reason"], how="left")
    is_request = pl.col("outcome") == RECORDS_REQUEST
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return found.with_columns(
        documents_needed=pl.when(is_request)
        .then(pl.col("documents_needed").fill_null(nothing))
        .otherwise(nothing)
    )


def exceptions_of(found: pl.DataFrame) -> pl.DataFrame:
    """The contract's table of exceptions without what the ledger adds, in EXCEPTION_ORDER."""
    return conform(
        found.with_columns(
            exception_id=_exception_ids(found),
            person_id=pl.col("person"),
            policy_effective_from=pl.col("version_from"),
            amount_at_risk=_money("amount_cents"),
        ).sort(EXCEPTION_ORDER, nulls_last=True),
        JUDGED,
    )


def exception_id(answer: Mapping[str, object]) -> str:
    """SHA-256 (32 hex) of what names the exception of an answer: the same in every run.

    The person is part of it if the claim id and line go with several persons. `answer` has the
    columns _NAMED_BY and shares_key; without a term_id none takes part.
    """
    named = {name: answer.get(name) for name in _NAMED_BY}
    row = pl.DataFrame([named | {"shares_key": bool(answer["shares_key"])}])
    found: str = _exception_ids(row)[0]
    return found


def _exception_ids(answers: pl.DataFrame) -> pl.Series:
    """The id of each answer, as `exception_id` says."""
    parts = [pl.col(name).cast(pl.String).fill_null("") for name in _NAMED_BY]
    of_line, of_person = (pl.concat_str(p, separator="\x1f") for p in (parts[:-1], parts))
    texts = answers.select(pl.when("shares_key").then(of_person).otherwise(of_line)).to_series()
    ids = [hashlib.sha256(text.encode()).hexdigest()[:32] for text in texts]
    return pl.Series(ids, dtype=pl.String)


def _money(cents: str) -> pl.Expr:
    return (pl.col(cents).cast(pl.Decimal(20, 2)) / 100).cast(MONEY)
