"""Sampling units: claim lines, each with an id that anybody can compute again from its key.

Nothing here depends on the order of rows, on the machine, or on a generator of random numbers.
"""

import hashlib
import json
from collections.abc import Iterable

import polars as pl

from schemas.results import LINE_KEY, MONEY, Schema

FRAME: Schema = {
    "unit_id": pl.String,
    "stratum": pl.String,
    "claim_source": pl.String,
    "payer": pl.String,
    "plan": pl.String,
    "member_id": pl.String,
    "person_id": pl.String,
    "claim_id": pl.String,
    "claim_line_number": pl.Int64,
    "service_date": pl.Date,
    "billing_npi": pl.String,
    "product_code": pl.String,
    "rule_id": pl.String,
    "paid_amount": MONEY,
    "amount_at_risk": MONEY,
}
"""One row per unit of a sampling frame; rule_id is that of the line's leading exception."""
UNIT_ID = (
    f"SHA-256, in hexadecimal, of the JSON array of {', '.join(LINE_KEY)}: UTF-8, no whitespace "
    "between its parts, characters other than ASCII as they are"
)
"""How an independent program makes the id of a unit."""
_as_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def unit_id(key: Iterable[object]) -> str:
    """The id of the unit with that LINE_KEY."""
    return hashlib.sha256(_as_json(list(key)).encode()).hexdigest()


def with_unit_ids(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines with the column unit_id, in ascending order of it."""
    ids = pl.Series("unit_id", map(unit_id, lines.select(LINE_KEY).iter_rows()), pl.String)
    return lines.with_columns(ids).sort("unit_id")
