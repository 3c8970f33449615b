"""The dose timeline draws the limits that doses exceed."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from flows.reports.page.chart_style import drawn
from flows.reports.page.charts import dose_chart
from flows.reports.page.timeline import Timeline, timeline
from schemas.outcomes import REVIEW
from schemas.results import EXCEPTION, conform

START = date(2026, 1, 5)
MEMBERS = pl.DataFrame({"payer": ["P"], "person_id": ["X"], "member": ["Member A"]})
WEEKS, CYCLES = (0, 3, 6, 9), ((1, 1), (2, 2), (2, 3), (3, 4))


def _found(rule_id: str, dose: int, observed: float, allowed: float) -> dict[str, Any]:
    """What a rule found of a dose of the course, with every dose up to it as evidence."""
    given = [
        {
            "kind": "dose",
            "side": "against",
            "value": f"course 1 cycle {low} to {high}",
            "date": START + timedelta(weeks=week),
        }
        for week, (low, high) in list(zip(WEEKS, CYCLES, strict=True))[: dose + 1]
    ]
    return {
        "rule_id": rule_id,
        "outcome": REVIEW,
        "policy_id": "policy",
        "payer": "P",
        "person_id": "X",
        "service_date": START + timedelta(weeks=WEEKS[dose]),
        "observed": observed,
        "allowed": allowed,
        "evidence": given,
    }


def _drawn(*found: dict[str, Any]) -> Timeline:
    table = pl.DataFrame(list(found), infer_schema_length=None)
    missing = [pl.lit(None).alias(name) for name in EXCEPTION if name not in table.columns]
    evidence = pl.col("evidence").list.eval(
        pl.struct(
            pl.element().struct.field("*"),
            *(
                pl.lit(None, dtype=pl.Int64 if name == "claim_line_number" else pl.String).alias(
                    name
                )
                for name in ("claim_source", "claim_id", "claim_line_number", "id", "code")
            ),
        )
    )
    return timeline(conform(table.with_columns(evidence, *missing), EXCEPTION), MEMBERS)


@pytest.mark.parametrize(
    ("found", "limits", "of_doses"),
    [
        ([("CYC02", 3, 3, 2)], [(4.5, "≤ 2 cycles")], ["", "", "", "≤ 2 cycles"]),
        ([("CYC02", 3, 4, 3)], [(7.5, "≤ 3 cycles")], ["", "", "", "≤ 3 cycles"]),
        ([("CYC01", 3, 3, 1)], [(1.5, "≤ 1 cycle")], ["", "", "", "≤ 1 cycle"]),
        ([("CYC02", 3, 9, 6)], [], ["", "", "", ""]),
        ([("CYC04", 3, 21, 28)], [(10, "≥ 28 days")], ["", "", "", "≥ 28 days"]),
        (
            [("CYC04", 2, 21, 28), ("CYC04", 3, 21, 28), ("CYC01", 3, 4, 3), ("CYC02", 3, 4, 3)],
            [(7, "≥ 28 days"), (7.5, "≤ 3 cycles"), (10, "≥ 28 days")],
            ["", "", "≥ 28 days", "≤ 3 cycles, ≥ 28 days"],
        ),
    ],
    ids=[
        "a count that is uncertain may be beyond it",
        "the higher count is beyond it",
        "one cycle",
        "a limit of several courses is none of one",
        "the first day on which a dose is allowed",
        "several",
    ],
)
def test_a_limit_is_where_the_clause_puts_it(
    found: list[tuple[str, int, float, float]],
    limits: list[tuple[float, str]],
    of_doses: list[str],
) -> None:
    shown = _drawn(*(_found(*each) for each in found))
    assert shown.limits.select("week", "limit").rows() == limits
    assert shown.doses["limit"].to_list() == of_doses
    (drawing,) = drawn([dose_chart(shown)])
    for limit in {limit for _, limit in limits}:
        assert drawing.count(f">{limit}</text>") == 1
