"""How often findings hold, and what becomes of a term of which too many are overturned."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from math import comb
from pathlib import Path

import duckdb
import polars as pl
import pytest

from audit_rules.engine.past_decisions import ReviewCounts
from audit_rules.policy.library import load_policies
from audit_rules.policy.terms.house import OverturnLimit
from flows.cli.app import main
from flows.ledger.before import LAST_DECISION, read_ledger_before
from flows.ledger.decisions import decide
from flows.ledger.precision import (
    demotions,
    overturn_limit,
    precision,
    read_all_verdicts,
    rule_precision,
)
from flows.ledger.read import opened_ledger, read_ledger
from flows.ledger.written_decisions import Decision
from flows.summary import Summary
from schemas.outcomes import GENERAL
from tests.support.extracts import IMATINIB, Row, good
from tests.support.few_rules import asking_few
from tests.support.ledger import event, exception_id, ledger_warehouse, night_of_fills

_few_rules = asking_few("DUP01", "QTY01")

TERM = "cigna-imatinib-quantity.retail"


def _limit() -> OverturnLimit:
    limit = overturn_limit(load_policies(None), date(2026, 6, 30))
    assert limit is not None
    return limit


def _verdicts(verdicts: Iterable[str | None], **changed: object) -> pl.DataFrame:
    """One exception per verdict, each on a line of its own with 40.00 at risk."""
    rows = [
        {**event(n, term_id=TERM), "verdict": verdict, "recovered": None, **changed}
        for n, verdict in enumerate(verdicts)
    ]
    schema = {"verdict": pl.String, "recovered": pl.Decimal(18, 2)}
    return pl.DataFrame(rows, schema_overrides=schema)


def _at_least(k: int, n: int, share: float) -> float:
    """The chance of k or more overturned findings of n, if each is with this chance."""
    return sum(comb(n, i) * share**i * (1 - share) ** (n - i) for i in range(k, n + 1))


@pytest.mark.parametrize(("overturned", "reviewed"), [(0, 7), (5, 40), (3, 3), (12, 1000)])
def test_the_interval_leaves_a_fortieth_on_each_side(overturned: int, reviewed: int) -> None:
    verdicts = ["overturned"] * overturned + ["upheld"] * (reviewed - overturned)
    row = precision(_verdicts([*verdicts, "dismiss", None]), ["rule_id"], 0.95).row(0, named=True)
    assert (row["reviewed"], row["overturned"], row["dismiss"]) == (reviewed, overturned, 1)
    assert row["found"] == reviewed + 2
    if overturned:
        assert _at_least(overturned, reviewed, row["low"]) == pytest.approx(0.025, abs=1e-6)
    else:
        assert row["low"] == 0
    if overturned < reviewed:
        above = 1 - _at_least(overturned + 1, reviewed, row["high"])
        assert above == pytest.approx(0.025, abs=1e-6)
    else:
        assert row["high"] == 1


def test_dollars_of_a_line_are_identified_once_and_what_came_back_adds_up() -> None:
    both = _verdicts(["confirm", "confirm"], claim_id="C", member_id="M", recovered=Decimal(10))
    (row,) = precision(both, ["payer"], 0.95).iter_rows(named=True)
    assert (row["identified"], row["recovered"]) == (Decimal("40.00"), Decimal("20.00"))


@pytest.mark.parametrize(
    ("overturned", "held", "is_demoted"),
    [
        (4, 36, False),  # exactly 10 %
        (5, 40, False),  # 11.1 %, but perhaps 3.7 %
        (10, 60, True),  # 14.3 %, at least 7.1 %
        (1, 0, False),  # all of one, but perhaps 2.5 %
        (2, 0, True),  # all of two, at least 15.8 %
        (2, 4, False),  # a third, but perhaps 4.3 %
        (0, 40, False),
    ],
)
def test_a_term_is_demoted_if_both_the_rate_and_its_lower_bound_are_too_high(
    overturned: int, held: int, is_demoted: bool
) -> None:
    verdicts = _verdicts(["overturned"] * overturned + ["confirm"] * held)
    found = demotions(verdicts, _limit())
    assert bool(found) is is_demoted
    if found:
        assert found[0].term_id == TERM and found[0].reviewed == overturned + held


def test_dismissed_and_undecided_findings_demote_nothing_and_protect_nothing() -> None:
    reviewed = ["overturned"] * 10 + ["upheld"] * 60
    others = ["dismiss"] * 100 + [None] * 100
    assert len(demotions(_verdicts([*reviewed, *others]), _limit())) == 1
    assert demotions(_verdicts(others), _limit()) == ()


def test_house_terms_are_not_demoted_and_without_a_limit_no_term_is() -> None:
    verdicts = _verdicts(["overturned"] * 9)
    assert demotions(verdicts, _limit()) and not demotions(verdicts, None)
    assert not demotions(verdicts.with_columns(policy_id=pl.lit(GENERAL)), _limit())


def test_the_last_verdict_counts_and_what_was_taken_back_does_not(tmp_path: Path) -> None:
    warehouse = ledger_warehouse(
        tmp_path / "w.duckdb", *(event(n, term_id=TERM) for n in range(1, 6))
    )
    steps = {
        1: ["confirm", "overturned"],
        2: ["overturned", "upheld", "request_records"],
        3: ["overturned", "reopen"],
        4: ["recovered"],
    }
    for number, actions in steps.items():
        for action in actions:
            amount = Decimal(5) if action == "recovered" else None
            decide(warehouse, [Decision(exception_id(number), "x", action, amount)], by="Ann")
    verdicts = read_all_verdicts(warehouse).sort("exception_id")["verdict"].to_list()
    assert verdicts == ["overturned", "upheld", None, "confirm", None]


def test_the_command_prints_rule_reason_term_and_payer_and_exports_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = ledger_warehouse(
        tmp_path / "w.duckdb", *(event(n, term_id=TERM) for n in range(1, 6))
    )
    decide(warehouse, [Decision(exception_id(n), "x", "overturned") for n in (1, 2)], by="Ann")
    decide(warehouse, [Decision(exception_id(3), action="upheld")], by="Ann")
    file = tmp_path / "precision.csv"
    words = ["ledger", "--precision", "--warehouse", str(warehouse), "--export", str(file)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "QTY01 quantity_over_limit" in printed and "66.7%" in printed
    assert printed.count("demoted to review") == 1 and "more than 10% was overturned" in printed
    rows = pl.read_csv(file)
    assert rows["by"].to_list() == ["rule", "reason", "term", "payer"]
    assert rows["identified"].to_list() == [200.0] * 4
    assert main(["ledger", "--precision", "--status", "new", "--warehouse", str(warehouse)]) == 2


def test_the_precision_of_a_rule_is_the_share_of_reviewed_findings_that_held() -> None:
    verdicts = _verdicts(["upheld", "confirm", "overturned", "dismiss", None])
    assert rule_precision(verdicts) == {"QTY01": ReviewCounts(2, 3)}
    assert rule_precision(_verdicts(["dismiss", None])) == {}


def _with_nights(connection: duckdb.DuckDBPyConnection) -> None:
    """Let an opened ledger have what a night reads of the nights before."""
    connection.execute("CREATE SCHEMA run")
    for table in ("night_text", "night_total"):
        connection.execute(f"CREATE VIEW every_{table} AS FROM kept.{table}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([("upheld", None)], [("overturned", None)]),
        ([("recovered", 10)], [("recovered", 20)]),
        ([("recovered", 10)], [("recovered", 10), ("recovered", 20), ("recovered", 10)]),
    ],
)
def test_what_is_counted_of_decisions_is_in_the_digest_that_names_a_run(
    tmp_path: Path, one: list[tuple[str, int | None]], other: list[tuple[str, int | None]]
) -> None:
    """The last decision is the same in both: a request for records."""
    digests = set()
    for name, decided in (("a", one), ("b", other)):
        warehouse = ledger_warehouse(tmp_path / f"{name}.duckdb", event(1, term_id=TERM))
        for action, dollars in [*decided, ("request_records", None)]:
            amount = None if dollars is None else Decimal(dollars)
            decide(warehouse, [Decision(exception_id(1), "x", action, amount)], by="Ann")
        with opened_ledger(warehouse) as connection:
            _with_nights(connection)
            digests.add(read_ledger_before(connection, date(2026, 7, 1)).digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("actions", "decision", "back"),
    [
        (["dismiss", "recovered"], "recovered", 5),
        (["overturned", "recovered"], "recovered", 5),
        (["overturned", "recovered", "reopen"], None, None),
        (["overturned", "request_records"], "request_records", None),
        (["overturned", "request_records", "reopen"], None, None),
        (["dismiss", "recovered", "request_records"], "request_records", 5),
    ],
)
def test_neither_money_nor_a_request_brings_anything_back_that_was_set_aside(
    tmp_path: Path, actions: list[str], decision: str | None, back: int | None
) -> None:
    warehouse = ledger_warehouse(tmp_path / "w.duckdb", event(1))
    for said in actions:
        dollars = Decimal(5) if said == "recovered" else None
        decide(warehouse, [Decision(exception_id(1), "appeal", said, dollars)], by="Ann")
    with opened_ledger(warehouse) as connection:
        _with_nights(connection)
        read_ledger_before(connection, date(2026, 7, 1))
        shown = connection.execute("SELECT status, decision, recovered FROM main.ledger").fetchall()
        known = connection.execute(f"SELECT action, sets_aside FROM {LAST_DECISION}").fetchall()
    assert shown == [("dismissed", decision, back)]
    assert known == [(actions[-1], True)], "so the next night asks for nothing"
    assert read_all_verdicts(warehouse)["verdict"].to_list() == [actions[0]]


@pytest.mark.parametrize("action", ["confirm", "upheld", "reopen"])
def test_a_new_verdict_brings_back_what_was_set_aside(tmp_path: Path, action: str) -> None:
    warehouse = ledger_warehouse(tmp_path / "w.duckdb", event(1, status="dismissed"))
    for said in ("overturned", "request_records", "upheld", "overturned", action):
        decide(warehouse, [Decision(exception_id(1), "appeal", said)], by="Ann")
    assert read_ledger(warehouse)["status"].to_list() == ["reopened"]


# ---------------------------------------------------------------- from the next night on


DAYS = [date(2026, 6, n) for n in (27, 28, 29)]


def _fill(number: int) -> Row:
    return good(
        "pharmacy_claim",
        claim_id=f"C{number:02}",
        member_id=f"M{number:02}",
        quantity=181,
        paid_amount="1810.00",
        ndc_code=IMATINIB,
        dispensing_channel="retail",
    )


def _night(base: Path, number: int, *rows: Row) -> Summary:
    return night_of_fills(base, DAYS[number], *rows)


@pytest.mark.slow
def test_a_demoted_term_asks_for_reviews_from_the_next_night_on_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _night(tmp_path, 0, *(_fill(n) for n in range(12)))
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="QTY01")
    assert found.height == 12 and set(found["outcome"]) != {"review"}
    (term,) = set(found["term_id"])
    warehouse = tmp_path / "audit.duckdb"
    ids = found["exception_id"].to_list()
    decide(warehouse, [Decision(i, "appeal", "overturned") for i in ids[:6]], by="Ann")
    decide(warehouse, [Decision(i, action="upheld") for i in ids[6:10]], by="Ann")
    assert _night(tmp_path, 0).run_id == first.run_id, "what was decided later does not count"

    second = _night(tmp_path, 1, _fill(12))
    note = f"{term}: 6 of 10 reviewed findings were overturned"
    assert any(note in text for text in second.notes)
    now = pl.read_parquet(second.folder / "exceptions.parquet").filter(rule_id="QTY01")
    assert now.height == 13 and set(now["outcome"]) == {"review"}
    assert all("were overturned when they were reviewed" in text for text in now["rationale"])
    assert note in (second.folder / "manifest.json").read_text(encoding="utf-8")
    lines = pl.read_parquet(second.folder / "worklist.parquet")
    asked = lines.filter(pl.col("amount_at_risk") > 0)
    assert set(asked["expected_amount"] / asked["amount_at_risk"]) == {Decimal("0.4")}
    overturned = now.filter(pl.col("exception_id").is_in(ids[:6]))
    assert set(overturned["status"]) == {"dismissed"}, "a demotion brings nothing back"
    worked = lines.filter(pl.col("exception_ids").list.first().is_in(ids[:6]))
    assert set(worked["amount_at_risk"]) == {0} and worked.height == 6
    assert lines["expected_amount"].is_sorted(descending=True)
    capsys.readouterr()
    words = ["explain", "C12", "--warehouse", str(warehouse), "--as-of", str(DAYS[1])]
    assert main(words) == 0
    assert "were overturned when they were reviewed" in " ".join(capsys.readouterr().out.split())

    decide(warehouse, [Decision(i, "wrong file", "reopen") for i in ids[:5]], by="Ann")
    third = _night(tmp_path, 2)
    again = pl.read_parquet(third.folder / "exceptions.parquet").filter(rule_id="QTY01")
    still_overturned = again.filter(exception_id=ids[5])
    assert set(still_overturned["status"]) == {"dismissed"}, "nor does the end of a demotion"
    assert set(again["outcome"]) == set(found["outcome"]), "one is too few to demote the term"
