"""A run id names the bytes of its results: equal ids if and only if equal bytes."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.request import RunRequest
from flows.summary import Summary
from flows.warehouse.purge import purge
from schemas.decisions import DISMISS
from tests.support.extracts import IMATINIB, Content, good, write
from tests.support.few_rules import asking_few
from tests.support.nights import night, published, rerun_equals_standing
from tests.support.running import AS_OF, request_for

_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

Files = dict[str, Content]
EARLIER = AS_OF - timedelta(days=1)


def _request(base: Path, landing: Path | None, as_of: date = AS_OF, config: str = "") -> RunRequest:
    settings = base / "config.toml"
    settings.write_text(config, encoding="utf-8")
    return request_for(landing, base / "out", base / "audit.duckdb", as_of, settings)


def _loaded(base: Path, loads: Sequence[tuple[Files, date, str]]) -> Summary:
    """Run the loads into a new warehouse, each as of its date and with its config: the last run."""
    base.mkdir()
    for number, (files, as_of, own) in enumerate(loads):
        summary = night(_request(base, write(base / f"in{number}", files), as_of, own))
    return summary


def _nights(base: Path, loads: Sequence[tuple[Files, date, str]], config: str = "") -> Summary:
    """Run the loads into a new warehouse; judge again what they brought."""
    _loaded(base, loads)
    return night(_request(base, None, AS_OF, config))


def _fill(**values: object) -> list[dict[str, object]]:
    return [good("pharmacy_claim", **{"ndc_code": IMATINIB} | values)]


CHEAP = _fill(claim_id="C1", quantity=30, paid_amount="100.00")
DEAR = _fill(claim_id="C1", quantity=300, paid_amount="9300.00")
"""Two versions of one line, paid on one day: the name of the file decides."""
APPROVED, DENIED = ([good("authorization", status=s)] for s in ("approved", "denied"))
AMBIGUOUS = _fill(claim_id="C2", dispensing_date="02/03/2026", quantity=500, paid_amount="800.00")
DAY_FIRST, MONTH_FIRST = ('date_formats = ["%d/%m/%Y"]', 'date_formats = ["%m/%d/%Y"]')


@pytest.mark.slow
def test_b4_the_names_of_files_that_decide_ties_are_in_the_run_id(tmp_path: Path) -> None:
    found = [
        _loaded(
            tmp_path / name, [({"pharmacy_claim_1.csv": a, "pharmacy_claim_2.csv": b}, AS_OF, "")]
        )
        for name, a, b in (("one", CHEAP, DEAR), ("two", DEAR, CHEAP))
    ]
    assert found[0].exceptions != found[1].exceptions
    assert found[0].run_id != found[1].run_id


@pytest.mark.slow
def test_b4_equal_ids_if_and_only_if_equal_bytes(tmp_path: Path) -> None:
    """Names exchanged, authorizations in any order of loads, files read under another config."""
    orders: dict[str, tuple[Files, ...]] = {
        "together": ({"authorization_a.csv": APPROVED, "authorization_b.csv": DENIED},),
        "approved first": ({"authorization_a.csv": APPROVED}, {"authorization_b.csv": DENIED}),
        "denied first": ({"authorization_b.csv": DENIED}, {"authorization_a.csv": APPROVED}),
    }
    bytes_of: dict[str, dict[str, bytes]] = {}
    ids: set[str] = set()
    names, configs = ((CHEAP, DEAR), (DEAR, CHEAP)), (DAY_FIRST, MONTH_FIRST)
    together, *others = orders.values()
    made = (*product(names, [together], configs), *product(names[:1], others, configs))
    for number, (named, order, config) in enumerate(made):
        claims: Files = {
            "pharmacy_claim_1.csv": named[0],
            "pharmacy_claim_2.csv": named[1],
            "pharmacy_claim_3.csv": AMBIGUOUS,
        }
        loads = [
            (claims | order[0], AS_OF, config),
            *((files, AS_OF, config) for files in order[1:]),
        ]
        summary = _nights(tmp_path / str(number), loads, MONTH_FIRST)
        found = _without_run_id(summary)
        assert bytes_of.setdefault(summary.run_id, found) == found
        ids.add(summary.run_id)
    assert len(ids) == 8
    different = {tuple(sorted(found.items())) for found in bytes_of.values()}
    assert len(different) >= 6  # an order that changes nothing here could change something


@pytest.mark.slow
def test_b4_loads_of_claims_in_any_order_or_at_once_have_one_id_and_one_set_of_bytes(
    tmp_path: Path,
) -> None:
    one: Files = {"pharmacy_claim_1.csv": CHEAP}
    two: Files = {"pharmacy_claim_2.csv": DEAR}
    found = [
        _nights(tmp_path / str(number), [(files, AS_OF, "") for files in loads])
        for number, loads in enumerate(((one, two), (two, one), (one | two,)))
    ]
    assert len({summary.run_id for summary in found}) == 1
    assert published(found[0].folder) == published(found[1].folder) == published(found[2].folder)


@pytest.mark.slow
def test_the_night_that_decides_between_versions_is_in_the_run_id(tmp_path: Path) -> None:
    """What was found before is the same, and so are the files: only their nights are exchanged."""
    files: list[Files] = [
        {f"pharmacy_claim_{n}.csv": _fill(claim_id="C1", quantity=30, paid_amount=paid)}
        for n, paid in enumerate(("100.00", "90.00"))
    ]
    found = []
    for first, then in (files, files[::-1]):
        base = tmp_path / next(iter(first))
        before: tuple[Files, date, str] = (first, EARLIER, "")
        last: Files = then | {"authorization.csv": [good("authorization", member_id="Z")]}
        found.append(_nights(base, [before, (last, AS_OF, "")]))
    assert [_amounts(summary) for summary in found] == [["90.00"], ["100.00"]]
    assert found[0].run_id != found[1].run_id


@pytest.mark.slow
def test_b4_what_was_known_the_night_before_and_what_persons_decided_are_in_the_run_id(
    tmp_path: Path,
) -> None:
    files: Files = {"pharmacy_claim.csv": DEAR}
    first = _nights(tmp_path / "first", [(files, AS_OF, "")])
    second = _nights(tmp_path / "second", [(files, EARLIER, "")])
    assert first.run_id != second.run_id  # all is new, or nothing is
    assert second.changes == {} and first.changes
    request = _request(tmp_path / "second", None, AS_OF + timedelta(days=1))
    undecided = night(request)
    decide(request.warehouse_file, [Decision(_exceptions(second)[0], "seen")], DISMISS, "me")
    assert rerun_equals_standing(request).run_id == undecided.run_id
    later = _request(tmp_path / "second", None, AS_OF + timedelta(days=2))
    decided = night(later)
    assert decided.changes == {"dismissed": 1}
    rerun_equals_standing(later)


@pytest.mark.slow
def test_b4_which_persons_a_purge_removed_is_in_the_run_id(tmp_path: Path) -> None:
    """The counts of two purges are equal, their persons are not."""
    old: Files = {
        "pharmacy_claim_1.csv": [
            *_fill(claim_id="A", member_id="A", dispensing_date="2020-01-05", quantity=500),
            *_fill(claim_id="B", member_id="B", dispensing_date="2020-01-05", quantity=600),
        ]
    }
    recent: dict[str, Files] = {
        m: {f"pharmacy_claim_{m}.csv": _fill(claim_id=f"{m}2", member_id=m)} for m in "AB"
    }
    found = []
    for first, then in (("A", "B"), ("B", "A")):
        base = tmp_path / first
        _loaded(base, [(old, AS_OF, ""), (recent[first], AS_OF, "")])
        assert purge(base / "audit.duckdb", date(2025, 1, 1)).members == 1
        found.append(night(_request(base, write(base / "then", recent[then]))))
    assert [summary.rows_read for summary in found] == [4, 4]
    assert found[0].run_id != found[1].run_id


def _exceptions(summary: Summary) -> list[str]:
    found = pl.read_parquet(summary.folder / "exceptions.parquet")
    return found["exception_id"].to_list()


def _amounts(summary: Summary) -> list[str]:
    found = pl.read_parquet(summary.folder / "exceptions.parquet")
    return [f"{amount}" for amount in found["paid_amount"]]


def _without_run_id(summary: Summary) -> dict[str, bytes]:
    run_id = summary.run_id.encode()
    files = published(summary.folder).items()
    return {name: data.replace(run_id, b"ID") for name, data in files}
