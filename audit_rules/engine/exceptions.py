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
    named = found.select(*_NAMED_BY, "shares_key")
    return conform(
        found.with_columns(
            exception_id=pl.Series(
                [exception_id(row) for row in named.iter_rows(named=True)], dtype=pl.String
            ),
            person_id=pl.col("person"),
            policy_effective_from=pl.col("version_from"),
            amount_at_risk=_money("amount_cents"),
        ).sort(EXCEPTION_ORDER, nulls_last=True),
        JUDGED,
    )


def exception_id(answer: Mapping[str, object]) -> str:
    """SHA-256 (32 hex) of what names the exception of an answer: the same in every run.

    The person is part of it if the claim id and line go with several persons. `answer` has the
    columns _NAMED_BY; without a term_id none takes part.
    """
    names = _NAMED_BY if answer["shares_key"] else _NAMED_BY[:-1]
    parts = (answer.get(name) for name in names)
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _money(cents: str) -> pl.Expr:
    return (pl.col(cents).cast(pl.Decimal(20, 2)) / 100).cast(MONEY)
