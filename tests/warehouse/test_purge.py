"""Purge: nothing is left of those removed, not even bytes; the others are judged as before."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.cli.app import main
from flows.errors import UsageError, WarehouseBusy
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.request import RunRequest
from flows.stages import Summary
from flows.warehouse.lock import hold
from flows.warehouse.purge import PurgeCounts, purge
from schemas.decisions import DISMISS
from tests.support.extracts import ANY_ERROR_RATE, IMATINIB, Row, as_csv, good, write
from tests.support.nights import content, night
from tests.support.running import request_for

FIRST, SECOND = date(2026, 5, 1), date(2026, 5, 2)
DAY = date(2025, 1, 1)
BRAND = "00078040134"
GONE = ("GONE-member", "GONE-other-id", "GONE-person", "GONE-claim")


def _fill(member: str, day: str, claim: str, **changed: object) -> Row:
    """A fill of more tablets than the payer allows: an exception."""
    own = {
        "member_id": member,
        "dispensing_date": day,
        "claim_id": claim,
        "paid_date": day,
        "dispensing_channel": "retail",
    }
    return good("pharmacy_claim", **({"quantity": "181", "paid_amount": "1810.00"} | own | changed))


def _service(member: str, day: str, claim: str, **changed: object) -> Row:
    own = {
        "member_id": member,
        "claim_line_start_date": day,
        "claim_start_date": day,
        "claim_id": claim,
    }
    return good("medical_claim", **(own | changed))


FIRST_RUN: dict[str, list[Row]] = {
    "pharmacy_claim": [
        _fill("GONE-member", "2024-03-01", "GONE-claim-1", person_id="GONE-person"),
        _fill("current", "2024-04-01", "c1"),
        _fill("current", "2026-03-01", "c2"),
        _fill("former id of current", "2024-05-01", "c3", person_id="one"),
        _fill("paid late", "2024-12-31", "p1", paid_date="2025-01-01"),
        _fill("still enrolled", "2024-05-01", "e1"),
        _fill("reversed by a stranger", "2026-03-02", "r1"),
        _fill("stranger", "2024-06-01", "s1", original_claim_id="r1", claim_frequency_code="8"),
    ],
    "medical_claim": [
        _service("GONE-other-id", "2024-03-02", "GONE-claim-2", person_id="GONE-person"),
        _service("current", "2026-03-03", "m1", person_id="one"),
    ],
    "diagnosis": [
        good("diagnosis", member_id="GONE-member", diagnosis_date="2024-03-01"),
        good("diagnosis", member_id="GONE-member", diagnosis_date=None, claim_id="GONE-claim-1"),
        good("diagnosis", member_id="current", diagnosis_date="2024-03-01"),
    ],
    "eligibility": [
        good("eligibility", member_id=m, enrollment_start_date="2023-01-01")
        for m in ("GONE-member", "still enrolled")
    ],
    "authorization": [
        good(
            "authorization",
            authorization_id="GONE-authorization",
            member_id="GONE-member",
            start_date="2024-01-01",
        ),
        good(
            "authorization",
            authorization_id="over",
            member_id="paid late",
            start_date="2023-01-01",
            end_date="2023-12-31",
        ),
    ],
}
SECOND_RUN: dict[str, list[Row]] = {  # closes open spans, and has two unreadable rows
    "eligibility": [
        good(
            "eligibility",
            member_id="GONE-member",
            enrollment_start_date="2023-01-01",
            enrollment_end_date="2024-12-31",
        ),
    ],
    "authorization": [
        good(
            "authorization",
            authorization_id="GONE-authorization",
            member_id="GONE-member",
            start_date="2024-01-01",
            end_date="2024-12-31",
        ),
    ],
    "pharmacy_claim": [
        _fill("GONE-member", "2024-03-09", "unread", quantity="many"),
        _fill("new", "2026-03-09", "unread too", quantity="many"),
        _fill("new", "2026-03-10", "n1"),
    ],
}
STAYING = {
    "current",
    "former id of current",
    "paid late",
    "still enrolled",
    "reversed by a stranger",
    "stranger",
    "new",
}


@dataclass(frozen=True)
class Grown:
    """A warehouse after two runs, and the summary of the second."""

    base: Path
    second: Summary

    @property
    def warehouse(self) -> Path:
        return self.base / "audit.duckdb"

    def request(self, landing: str | None, night: date) -> RunRequest:
        """The request of one run."""
        return request_for(
            self.base / landing if landing else None,
            self.base / "out",
            self.warehouse,
            night,
            self.base / "config.toml",
        )

    def run(self, landing: str | None, day: date) -> tuple[Summary, pl.DataFrame]:
        """One run, and its exceptions."""
        summary = night(self.request(landing, day))
        return summary, pl.read_parquet(summary.folder / "exceptions.parquet")


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Grown:
    base = tmp_path_factory.mktemp("grown")
    (base / "config.toml").write_text(ANY_ERROR_RATE, encoding="utf-8")
    grown = Grown(base, None)  # type: ignore[arg-type]  # no run yet
    for name, tables, day in (("one", FIRST_RUN, FIRST), ("two", SECOND_RUN, SECOND)):
        (base / name).mkdir()
        for table, rows in tables.items():
            (base / name / f"{table}.csv").write_text(as_csv(rows), encoding="utf-8")
        summary, exceptions = grown.run(name, day)
        if day == FIRST:
            ids = exceptions.filter(pl.col("member_id") == "GONE-member")["exception_id"].to_list()
            decide(grown.warehouse, [Decision(i, "GONE-person asked") for i in ids], DISMISS, "me")
    return replace(grown, second=summary)


@pytest.fixture
def grown(two_runs: Grown, tmp_path: Path) -> Iterator[Grown]:
    shutil.copytree(two_runs.base, tmp_path / "grown")
    yield replace(two_runs, base=tmp_path / "grown")


@pytest.mark.slow
def test_the_purged_are_gone_from_the_file_and_the_others_are_judged_as_before(
    grown: Grown,
) -> None:
    before = pl.read_parquet(grown.second.folder / "exceptions.parquet")
    assert "GONE-member" in set(before["member_id"])
    counts = purge(grown.warehouse, DAY)
    lost = before.filter(pl.col("member_id").str.starts_with("GONE"))
    assert counts == PurgeCounts(members=2, rows=8, exceptions=lost.height, texts=1)
    data = grown.warehouse.read_bytes()
    assert not [word for word in GONE if word.encode() in data]
    assert not [name for name, rows in content(grown.warehouse).items() if "GONE" in str(rows)]
    assert [p.name for p in grown.base.glob("*audit.duckdb*") if p != grown.warehouse] == [
        ".audit.duckdb.lock"
    ]
    third, after = grown.run(None, SECOND + timedelta(days=1))
    kept = before.filter(~pl.col("member_id").str.starts_with("GONE"))
    assert set(kept["member_id"]) <= STAYING and third.changes == {}
    apart = ("evidence", "status")  # the exceptions that were new are open a night later
    assert after.drop(apart).equals(kept.drop(apart))
    quarantine = pl.read_parquet(third.folder / "quarantine.parquet")
    # the row of the person who stays keeps its text
    assert quarantine["raw_record"].is_null().to_list() == [True, False]


@pytest.mark.slow
def test_the_counts_still_balance_and_the_same_as_of_date_gets_a_new_run(grown: Grown) -> None:
    purge(grown.warehouse, DAY)
    purge(grown.warehouse, DAY)  # nothing is left to remove
    again, exceptions = grown.run(None, SECOND)
    assert again.run_id != grown.second.run_id and not again.was_there
    assert not [m for m in exceptions["member_id"] if m.startswith("GONE")]
    files = json.loads((again.folder / "manifest.json").read_text())["files"]
    assert sum(f["purged"] for f in files) == 8
    for f in files:
        assert f["rows_read"] == f["accepted"] + f["quarantined"] + f["duplicates"] + f["purged"]
    summary, _ = grown.run("one", SECOND)
    assert summary.passed_over  # what was purged does not come back with its file
    assert main(["verify", "--warehouse", str(grown.warehouse)]) == 0


@pytest.mark.slow
def test_quarantined_texts_loaded_before_the_day_are_removed(grown: Grown) -> None:
    # the other texts of the second run stay
    assert purge(grown.warehouse, DAY).texts == 1
    third, _ = grown.run(None, SECOND + timedelta(days=1))
    assert third.quarantined == 2
    assert purge(grown.warehouse, SECOND + timedelta(days=1)).texts == 1
    assert not [row for row in content(grown.warehouse)["quarantine"] if row[-1] is not None]


@pytest.mark.slow
def test_a_quarantined_text_of_an_id_that_an_expression_made_is_removed(tmp_path: Path) -> None:
    """The sender's record holds the parts of the id alone."""
    config = tmp_path / "config.toml"
    config.write_text(
        f"{ANY_ERROR_RATE}[tables.pharmacy_claim.columns]\nmember_id = \"a || '-' || b\"\n",
        encoding="utf-8",
    )
    row = {k: v for k, v in good("pharmacy_claim").items() if k != "member_id"}
    old = row | {"claim_id": "C77", "dispensing_date": "2024-01-05", "a": "M", "b": "7"}
    warehouse = tmp_path / "audit.duckdb"
    for name, day, rows in (
        ("one", FIRST, [old]),
        (
            "two",
            SECOND,
            [
                old | {"claim_id": "C78", "quantity": "x"},
                row | {"claim_id": "2", "a": "N", "b": "8"},
            ],
        ),
    ):
        folder = write(tmp_path / name, {"pharmacy_claim.csv": rows})
        night(request_for(folder, tmp_path / "out", warehouse, day, config))
    gone = purge(warehouse, DAY)
    assert (gone.members, gone.texts) == (1, 1)


@pytest.mark.slow
def test_a_dry_run_counts_and_changes_nothing(
    grown: Grown, capsys: pytest.CaptureFixture[str]
) -> None:
    before = grown.warehouse.read_bytes()
    words = ["purge", "--warehouse", str(grown.warehouse), "--before", DAY.isoformat()]
    assert main([*words, "--dry-run"]) == 0
    assert grown.warehouse.read_bytes() == before
    report = capsys.readouterr().out
    assert report.startswith("Would be removed: 2 members with 8 rows and ")
    assert "GONE" not in report
    assert main(words) == 0
    assert capsys.readouterr().out == report.replace("Would be removed", "Removed")


@pytest.mark.slow
def test_what_cannot_be_purged_is_refused(grown: Grown, monkeypatch: pytest.MonkeyPatch) -> None:
    before = grown.warehouse.read_bytes()
    with pytest.raises(UsageError, match="after the last as-of date"):
        purge(grown.warehouse, SECOND + timedelta(days=1))
    with pytest.raises(UsageError, match="no such warehouse"):
        purge(grown.base / "other.duckdb", DAY)
    with hold(grown.warehouse), pytest.raises(WarehouseBusy):
        purge(grown.warehouse, DAY)
    assert main(["purge", "--warehouse", str(grown.warehouse), "--before", "last year"]) == 2
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", _no_disk)
        assert (
            main(["purge", "--warehouse", str(grown.warehouse), "--before", DAY.isoformat()]) == 8
        )
    assert grown.warehouse.read_bytes() == before
    assert not (grown.base / ".audit.duckdb.work").exists()


def _no_disk(*_paths: object) -> None:
    raise OSError(28, "full")


@pytest.mark.slow
def test_a_purged_trial_does_not_count_as_a_missing_trial(tmp_path: Path) -> None:
    """A person who returns after a purge is observed only from that day on."""
    grown = Grown(tmp_path, None)  # type: ignore[arg-type]  # no run yet
    (tmp_path / "config.toml").write_text("", encoding="utf-8")

    def land(name: str, **tables: list[Row]) -> None:
        (tmp_path / name).mkdir()
        for table, rows in tables.items():
            (tmp_path / name / f"{table}.csv").write_text(as_csv(rows), encoding="utf-8")

    span = good("eligibility", member_id="back", enrollment_start_date="2018-01-01")
    land(
        "one",
        pharmacy_claim=[
            _fill("back", "2019-03-01", "trial", ndc_code=IMATINIB),
            _fill("current", "2019-01-01", "c1"),
            _fill("current", "2026-03-01", "c2"),
        ],
        eligibility=[span | {"enrollment_end_date": "2019-12-31"}],
        clinical_evidence=[good("clinical_evidence", member_id="current")],
        authorization=[good("authorization", member_id="current")],
    )
    land(
        "two",
        pharmacy_claim=[_fill("back", "2026-04-01", "brand", ndc_code=BRAND)],
        eligibility=[span],
    )
    grown.run("one", FIRST)
    assert purge(grown.warehouse, date(2026, 1, 1)).members == 1
    _, exceptions = grown.run("two", SECOND)
    (found,) = exceptions.filter(pl.col("rule_id") == "GEN01").select("outcome", "reason").rows()
    assert found == ("records_request", "history_too_short")
