"""Amounts and quantities that each fit into a row, but not their sum: a run ends all the same."""

import json
from itertools import chain
from pathlib import Path

import polars as pl
import pytest

from flows.privacy import AGGREGATE, Level
from schemas.results import AGGREGATE as SCHEMA
from tests.support.extracts import IMATINIB, Row, as_csv, good, write
from tests.support.nights import night, rerun_equals_standing
from tests.support.running import request_for

pytestmark = pytest.mark.slow  # whole runs over hostile input

MOST_PAID, MOST_UNITS = "9999999999999999.99", "999999999999999.999"


def _run(tmp_path: Path, rows: list[Row], privacy: Level = "full") -> Path:
    extracts = write(tmp_path / "in", {"pharmacy_claim.csv": as_csv(rows)})
    output = tmp_path / "out"
    xlsx = None if privacy == AGGREGATE else True
    warehouse = output / "audit.duckdb"
    request = request_for(extracts, output, warehouse, page=True, xlsx=xlsx, privacy=privacy)
    night(request)
    rerun_equals_standing(request)
    (folder,) = output.glob("run=*")
    return folder


def _reversed_in_part(claim: str, count: int, taken: Row, **values: object) -> list[Row]:
    """A line of a member of its own, and reversals of some of it, each paid on another day."""
    own: Row = {"ndc_code": IMATINIB, "quantity": "500"} | values
    named: Row = {"claim_id": claim, "member_id": claim}
    days = [f"2026-02-{1 + i % 28:02}" for i in range(count)]
    return [
        good("pharmacy_claim", paid_date="2026-01-10", **named, **own),
        *(
            good(
                "pharmacy_claim",
                paid_date=day,
                plan=f"P{i}",
                claim_status="reversed",
                **named,
                **taken,
            )
            for i, day in enumerate(days)
        ),
    ]


@pytest.mark.parametrize("privacy", ["full", "aggregate"])
def test_d7_amounts_at_risk_add_up_to_more_than_one_amount_can_be(
    privacy: Level, tmp_path: Path
) -> None:
    """The page and the aggregate took a sum back into the type of one amount, and failed."""
    rows = [
        good(
            "pharmacy_claim",
            claim_id=f"C{i}",
            member_id=f"M{i}",
            ndc_code=IMATINIB,
            quantity="5000",
            paid_amount=MOST_PAID,
        )
        for i in range(130)
    ]
    folder = _run(tmp_path, rows, privacy)
    if privacy == AGGREGATE:
        table = pl.read_csv(folder / "aggregate.csv", schema=SCHEMA)
        at_risk = table.filter(pl.col("by") == "month")["amount_at_risk"].sum()
    else:
        at_risk = pl.read_parquet(folder / "worklist.parquet")["amount_at_risk"].sum()
    assert at_risk > 10**17
    assert f"${at_risk:,.2f}" in (folder / "summary.html").read_text(encoding="utf-8")


def test_d7_a_netted_amount_too_large_for_a_row_is_unknown_and_one_that_fits_is_known_to_the_cent(
    tmp_path: Path,
) -> None:
    """Netted sums were cast to 64-bit cents, which failed in every run that had the file."""
    most: Row = {"quantity": "-1", "paid_amount": f"-{MOST_PAID}"}
    a_dollar: Row = {"quantity": "-1", "paid_amount": "-1.00"}
    counts = (2, 95, 200)
    too_large = [_reversed_in_part(f"L{n}", n, most, paid_amount="1.00") for n in counts]
    fits = _reversed_in_part("fits", 1, a_dollar, paid_amount=MOST_PAID)
    folder = _run(tmp_path, [*chain(*too_large), *fits])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    unpriced = {t["table"]: t["unpriced"] for t in manifest["tables"]}["pharmacy_claim"]
    assert unpriced == len(counts)
    found = pl.read_parquet(folder / "exceptions.parquet").filter(claim_id="fits")
    assert set(found["paid_amount"].cast(pl.String)) == {"9999999999999998.99"}


def test_d7_reversals_of_more_units_than_a_row_can_have_leave_nothing(tmp_path: Path) -> None:
    taken: Row = {"quantity": f"-{MOST_UNITS}", "paid_amount": "-1.00"}
    counts = (2, 20)
    claims = [_reversed_in_part(f"C{n}", n, taken, quantity=MOST_UNITS) for n in counts]
    folder = _run(tmp_path, [*chain(*claims)])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (of_table,) = [t for t in manifest["tables"] if t["table"] == "pharmacy_claim"]
    assert (of_table["history"], of_table["reversed"]) == (0, sum(counts) + len(counts))
