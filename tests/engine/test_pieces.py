"""Which pieces of evidence stay if there are more than a person reads."""

from datetime import date, timedelta

import polars as pl

from audit_rules.engine.pieces import pieces
from schemas.results import CLAIM_LINE, EVIDENCE_FIELDS, MORE, MOST_EVIDENCE

DAY = date(2026, 4, 1)
KEY = ("row_id", "policy_id", "rule_id", "term_id")


def _piece(kind: str, code: str, on: date) -> dict[str, object]:
    answer = dict(zip(KEY, (0, "policy", "AGE01", "term"), strict=True))
    fields = dict.fromkeys(EVIDENCE_FIELDS)
    return answer | fields | {"side": "against", "kind": kind, "code": code, "date": on}


def test_a_birth_date_stays_however_many_facts_are_nearer() -> None:
    near = [_piece("diagnosis", "C49.A3", DAY - timedelta(n)) for n in range(MOST_EVIDENCE + 10)]
    born = _piece("eligibility", "birth_date", date(2018, 5, 1))
    types = {"row_id": pl.UInt32, **dict.fromkeys(KEY[1:], pl.String), **EVIDENCE_FIELDS}
    line = {"row_id": 0, **dict.fromkeys(CLAIM_LINE), "service_date": DAY}
    of_line = {"row_id": pl.UInt32, **{n: EVIDENCE_FIELDS[n] for n in CLAIM_LINE}}
    lines = pl.DataFrame([line], schema=of_line | {"service_date": pl.Date})
    found = pieces([pl.DataFrame([*near, born], schema=types)], lines, KEY)
    assert found.height == MOST_EVIDENCE + 1
    assert found.filter(pl.col("code") == "birth_date").height == 1
    assert found.filter(pl.col("kind") == MORE)["value"].to_list() == ["11"]


def test_a_fact_found_twice_is_one_piece() -> None:
    types = {"row_id": pl.UInt32, **dict.fromkeys(KEY[1:], pl.String), **EVIDENCE_FIELDS}
    first, second = (_piece("diagnosis", code, DAY) for code in ("C91.00", "C92.10"))
    frames = [pl.DataFrame(rows, schema=types) for rows in ([second, first], [second])]
    lines = pl.DataFrame(schema={"row_id": pl.UInt32, **EVIDENCE_FIELDS, "service_date": pl.Date})
    assert pieces(frames, lines, KEY)["code"].to_list() == ["C91.00", "C92.10"]
