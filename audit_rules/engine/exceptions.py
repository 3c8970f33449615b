"""The exceptions: answers that ask for something, with evidence, documents needed and a lasting
id."""

import hashlib

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
            exception_id=_exception_id(found),
            person_id=pl.col("person"),
            policy_effective_from=pl.col("version_from"),
            amount_at_risk=_money("amount_cents"),
        ).sort(EXCEPTION_ORDER, nulls_last=True),
        JUDGED,
    )


def _exception_id(found: pl.DataFrame) -> pl.Series:
    """SHA-256 (32 hex) of what names an exception: the same in every run.

    The person is part of it if the claim id and line go with several persons.
    """
    parts = found.select(
        "claim_source",
        "payer_id",
        "claim_id",
        pl.col("claim_line_number").cast(pl.String),
        "rule_id",
        "term_id",
        pl.when("shares_key").then("person"),
    )
    ids = [
        hashlib.sha256(
            "\x1f".join(x or "" for x in (row if row[-1] else row[:-1])).encode()
        ).hexdigest()[:32]
        for row in parts.iter_rows()
    ]
    return pl.Series("exception_id", ids, dtype=pl.String)


def _money(cents: str) -> pl.Expr:
    return (pl.col(cents).cast(pl.Decimal(20, 2)) / 100).cast(MONEY)
