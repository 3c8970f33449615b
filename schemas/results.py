"""The results: names and types of every column of the result tables, as the contract fixes them."""

import polars as pl

from schemas.outcomes import RECORDS_REQUEST, RECOVER, REVIEW

Schema = dict[str, pl.DataType | type[pl.DataType]]

RESULT_SCHEMA_VERSION = 6
"""Raise it if a column comes, goes, or changes its name, type, place or nullability."""

MONEY = pl.Decimal(18, 2)
TOTAL = pl.Decimal(38, 2)
"""The type of a sum of amounts, which can have more digits than any of them."""
EVIDENCE_FIELDS: Schema = {
    "kind": pl.String,
    "side": pl.String,
    "claim_source": pl.String,
    "claim_id": pl.String,
    "claim_line_number": pl.Int64,
    "id": pl.String,
    "code": pl.String,
    "value": pl.String,
    "date": pl.Date,
}
"""One piece of evidence: kind of fact, side it supports, where it is on file, what it says."""

EVIDENCE_ORDER = (
    "side",
    "kind",
    "date",
    "claim_source",
    "claim_id",
    "claim_line_number",
    "id",
    "code",
    "value",
)
"""How the pieces of evidence of one answer are sorted, nulls last; every field takes part."""

FOR, AGAINST = "for", "against"
"""The sides that evidence supports: for or against the provider's billing."""

MOST_EVIDENCE = 50
"""Pieces of evidence of one answer on one side, at most: those nearest in time to its line."""

MORE = "more"
"""Kind of the piece that says how many others there are on its side; its value is their number."""

EVIDENCE = pl.List(pl.Struct(EVIDENCE_FIELDS))

_LINE: Schema = {
    "payer": pl.String,
    "plan": pl.String,
    "person_id": pl.String,
    "member_id": pl.String,
    "claim_source": pl.String,
    "claim_id": pl.String,
    "claim_line_number": pl.Int64,
    "service_date": pl.Date,
    "paid_date": pl.Date,
    "provider_npi": pl.String,
    "billing_npi": pl.String,
    "quantity": pl.Decimal(18, 3),
    "drug": pl.String,
    "product_code": pl.String,
}

CLAIM_LINE = ("claim_source", "claim_id", "claim_line_number")
"""Where a piece of evidence is on file: a line within the claims of one person."""

LINE_KEY = ("claim_source", "payer", "member_id", "person_id", "claim_id", "claim_line_number")
"""Identifies one claim line of the results: persons may share a claim id, and a member id too."""

NUMBERED_LINE = ("claim_source", "payer", "claim_id", "claim_line_number")
"""A line as its payer numbers it, whichever member it is for: one line when runs are compared."""

_JUDGED: Schema = {
    "exception_id": pl.String,
    "rule_id": pl.String,
    "reason": pl.String,
    "outcome": pl.String,
    "policy_id": pl.String,
    "term_id": pl.String,
    "policy_effective_from": pl.Date,
    "citation": pl.String,
    **_LINE,
    "observed": pl.Float64,
    "allowed": pl.Float64,
    "paid_amount": MONEY,
    "amount_at_risk": MONEY,
    "amount_basis": pl.String,
    "evidence": EVIDENCE,
    "documents_needed": pl.List(pl.String),
}

LEDGER: Schema = {"status": pl.String, "first_seen": pl.Date, "decision": pl.String}
"""What the ledger knows of an exception."""

COLLECTABILITY: Schema = {
    "collectable": pl.String,
    "recoup_by": pl.Date,
    "recoup_term": pl.String,
}
"""Whether the amount may still be asked for, until when, and which clause says so."""

_WORDS: Schema = {"rationale": pl.String}

JUDGED: Schema = {**_JUDGED, **_WORDS}
"""An exception as the rules find it, before ledger and law are asked."""

EXCEPTION: Schema = {**_JUDGED, **LEDGER, **COLLECTABILITY, **_WORDS}

AMOUNT_COLUMNS = {
    RECOVER: "recover_amount",
    RECORDS_REQUEST: "records_request_amount",
    REVIEW: "review_amount",
}
"""Outcome -> the worklist's column with its dollars; an advisory has none."""

WORKLIST: Schema = {
    **_LINE,
    "rule_ids": pl.List(pl.String),
    "exception_ids": pl.List(pl.String),
    "outcome": pl.String,
    **LEDGER,
    **COLLECTABILITY,
    "answer_by": pl.Date,
    "paid_amount": MONEY,
    **dict.fromkeys(AMOUNT_COLUMNS.values(), MONEY),
    "amount_at_risk": MONEY,
    "expected_amount": MONEY,
    "dismissed_amount": MONEY,
    "not_collectable_amount": MONEY,
    "recovered_amount": MONEY,
}
"""Of worklist.parquet, and of advisories.parquet: lines with advisories alone."""

REPEATED: Schema = {
    "person": pl.String,
    "payer": pl.String,
    "member_id": pl.String,
    "claim_id": pl.String,
    "lines": pl.Int64,
    "amount": MONEY,
}
"""Not a result table: the manifest names these claims."""

BARRED_FEE: Schema = {**{name: _LINE[name] for name in LINE_KEY}, "barred_fee": MONEY}
"""Not a result table: the dispensing fee of each line that law bars from being asked for."""

COVERAGE: Schema = {
    "policy_id": pl.String,
    "rule_id": pl.String,
    "term_id": pl.String,
    "outcome": pl.String,
    "reason": pl.String,
    "lines": pl.Int64,
}

QUARANTINE: Schema = {
    "table": pl.String,
    "file": pl.String,
    "row_number": pl.Int64,
    "column": pl.String,
    "check": pl.String,
    "raw_record": pl.String,
}

WARNING: Schema = {
    "table": pl.String,
    "file": pl.String,
    "column": pl.String,
    "check": pl.String,
    "rows": pl.Int64,
    "first_row_number": pl.Int64,
}

CHANGE: Schema = {
    "exception_id": pl.String,
    "status": pl.String,
    "why": pl.String,
    "rule_id": pl.String,
    "policy_id": pl.String,
    "payer": pl.String,
    "member_id": pl.String,
    "claim_source": pl.String,
    "claim_id": pl.String,
    "claim_line_number": pl.Int64,
    "outcome": pl.String,
    "previous_outcome": pl.String,
    "reason": pl.String,
    "previous_reason": pl.String,
    "amount_at_risk": MONEY,
    "previous_amount_at_risk": MONEY,
    "first_seen": pl.Date,
    "continues": pl.String,
    "decision_reason": pl.String,
    "decided_by": pl.String,
    "dismissed_until": pl.Date,
}

AGGREGATE: Schema = {
    "by": pl.String,
    "value": pl.String,
    "lines": pl.Int64,
    "amount_at_risk": TOTAL,
}
"""Of aggregate.csv, all that a run at that privacy level says."""

TABLES: dict[str, Schema] = {
    "exceptions": EXCEPTION,
    "worklist": WORKLIST,
    "advisories": WORKLIST,
    "changes": CHANGE,
    "rule_coverage": COVERAGE,
    "quarantine": QUARANTINE,
    "warnings": WARNING,
}
"""Every result table by the name of its file."""


def conform(frame: pl.DataFrame, columns: Schema) -> pl.DataFrame:
    """The frame with exactly these columns, in order and cast; raises if one is missing."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in columns.items())
