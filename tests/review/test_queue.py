"""The list: what is chosen, in which order, and how many dollars it is about."""

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from flows.errors import InputRefused, UsageError
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.results.order_of_work import in_order_of_work
from flows.review import desk
from flows.review.desk import Desk
from flows.review.ledger_now import LedgerNow
from flows.review.published import read_published_run
from flows.review.queue import PER_PAGE, Choice, make_queue
from flows.review.views import Reader, list_page
from schemas.results import LINE_KEY
from tests.support.payers import shown_payers
from tests.support.review import Browser, opened
from tests.support.running import AS_OF

COUNT = re.compile(r"<strong>([\d,]+) of ([\d,]+) lines, (\$[\d,.]+) at risk</strong>")


@pytest.fixture(scope="module")
def browser(untouched: Path) -> Browser:
    return opened(untouched)


@pytest.fixture(scope="module")
def lines(sample_results: Path) -> pl.DataFrame:
    tables = (pl.read_parquet(sample_results / f"{n}.parquet") for n in ("worklist", "advisories"))
    return in_order_of_work(pl.concat(tables).sort(LINE_KEY, nulls_last=True), AS_OF)


def _count(browser: Browser, query: str) -> tuple[str, str, str]:
    found = COUNT.search(browser.ask(f"/{query}").text)
    assert found
    return found[1], found[2], found[3]


def _dollars(lines: pl.DataFrame) -> str:
    return f"${lines['amount_at_risk'].sum():,.2f}"


def test_the_list_has_every_line_in_the_order_of_work(
    browser: Browser, lines: pl.DataFrame
) -> None:
    shown = [p for n in (1, 2, 3) for p in browser.lines(f"?decision=&page={n}")]
    keys = [path.partition("?")[0].removeprefix("/line/") for path in shown]
    assert keys == [ids[0] for ids in lines["exception_ids"]]
    whole = (f"{lines.height:,}", f"{lines.height:,}", _dollars(lines))
    assert _count(browser, "?decision=") == _count(browser, "") == whole


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("outcome", "outcome"),
        ("status", "status"),
        ("rules", "rule_ids"),
        ("payer", "payer"),
        ("drug", "drug"),
        ("payee", "billing_npi"),
        ("month", "service_date"),
    ],
)
def test_a_filter_shows_its_lines_and_their_dollars(
    browser: Browser, lines: pl.DataFrame, name: str, column: str
) -> None:
    lines = lines.with_columns(pl.col("service_date").dt.strftime("%Y-%m"))
    lines = shown_payers(lines)
    chosen = lines.row(7, named=True)[column]
    chosen = chosen[0] if column == "rule_ids" else chosen
    has = pl.col(column).list.contains(chosen) if column == "rule_ids" else pl.col(column) == chosen
    wanted = lines.filter(has)
    query = Choice({name: chosen.replace(" ", "\u00a0"), "decision": ""}).query()
    assert _count(browser, query) == (f"{wanted.height}", f"{lines.height}", _dollars(wanted))
    assert f"selected>{chosen.replace('_', ' ')}" in browser.ask(f"/{query}").text
    shown = browser.lines(query)
    assert len(shown) == min(wanted.height, PER_PAGE)
    assert all(path.partition("?")[2] == query[1:] for path in shown)


@pytest.mark.parametrize("page", ["0", "4", "999999", "-1", "x", "\u0661"])
def test_a_page_that_is_not_there_is_the_nearest(browser: Browser, page: str) -> None:
    answer = browser.ask(f"/?decision=&page={page}")
    assert answer.status_code == 200
    assert f"Page {3 if page in ('4', '999999') else 1} of 3" in answer.text


def test_an_unknown_filter_or_word_is_no_fault(browser: Browser) -> None:
    assert _count(browser, "?decision=&colour=red")[0] == _count(browser, "?decision=")[0]
    assert "No line is left" in browser.ask("/?rules=NOPE").text


# ---------------------------------------------------------------- the ledger is live


def test_a_decision_made_in_another_window_is_seen_on_the_next_load(
    warehouse: Path, lines: pl.DataFrame
) -> None:
    browser = opened(warehouse)
    first = lines.row(0, named=True)
    before = int(_count(browser, "")[0])
    made = [Decision(i, "not so") for i in first["exception_ids"]]
    decide(warehouse, made, "dismiss", "Bob")
    assert int(_count(browser, "")[0]) == before - 1
    assert _count(browser, "?decision=dismiss")[0] == "1"
    assert _count(browser, "?decision=&status=dismissed")[0] == "1"
    page = browser.ask(browser.lines("?decision=dismiss")[0]).text
    assert "Bob" in page and "not so" in page and "latest decision: dismiss" in page
    decide(warehouse, made, "reopen", "Bob")
    assert int(_count(browser, "")[0]) == before


def test_the_ledger_is_not_read_again_unless_it_changed(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = opened(warehouse)
    read: list[Path] = []
    really = desk.read_ledger_now
    monkeypatch.setattr(desk, "read_ledger_now", lambda w: read.append(w) or really(w))
    browser.ask("/")
    browser.ask("/")
    assert read == []
    decide(warehouse, [Decision(browser.lines()[0][6:38])], "confirm", "Bob")
    browser.ask("/")
    browser.ask("/")
    assert len(read) == 1


# ---------------------------------------------------------------- which results


def test_results_that_are_not_next_to_the_warehouse_are_named(
    warehouse: Path, sample_results: Path
) -> None:
    (warehouse.parent / sample_results.name).unlink()
    with pytest.raises(InputRefused, match="Name their folder with --run"):
        Desk(warehouse, None, {})
    assert opened(warehouse, run=sample_results).lines()


def test_a_warehouse_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no warehouse"):
        Desk(tmp_path / "none.duckdb", None, {})


# ---------------------------------------------------------------- search by id


def _find(browser: Browser, wanted: str) -> tuple[int, str, str]:
    fields = [("form_token", browser.guard.form), ("wanted", wanted)]
    answer = browser.post("/find", fields)
    return answer.status_code, answer.headers.get("location", ""), answer.text


def test_a_line_is_found_by_its_claim_or_an_exception(
    browser: Browser, lines: pl.DataFrame
) -> None:
    claims = lines["claim_id"].value_counts().sort("claim_id")
    is_one = pl.col("count") == 1
    once, often = (claims.filter(which)["claim_id"][0] for which in (is_one, ~is_one))
    row = lines.filter(pl.col("claim_id") == once).row(0, named=True)
    path = f"/line/{row['exception_ids'][0]}"
    for wanted in (once, f" {once} ", row["exception_ids"][-1], path[6:14].upper()):
        assert _find(browser, wanted)[:2] == (303, path)
    status, _, text = _find(browser, often)
    own = lines.filter(pl.col("claim_id") == often)
    assert status == 200 and f"<strong>{own.height} of {lines.height} lines" in text
    for wanted in ("", "none", path[6:13]):
        assert "No line of the run has that id" in _find(browser, wanted)[2]


def test_to_find_is_a_form_of_the_app_and_records_nothing(untouched: Path) -> None:
    reader = opened(untouched, read_only=True)
    assert reader.post("/find", [("wanted", "x")]).status_code == 403
    assert _find(reader, "x")[0] == 200


# ---------------------------------------------------------------- many lines


def test_a_list_of_ten_thousand_lines_is_paged(sample_results: Path, untouched: Path) -> None:
    run = read_published_run(sample_results, untouched)
    number = -(-10_000 // run.lines.height)
    many = replace(run, lines=pl.concat([run.lines] * number))
    queue = make_queue(many, LedgerNow(run.run_id, {}, {}), AS_OF)
    pages = -(-many.lines.height // PER_PAGE)
    page = list_page(queue, Choice({"decision": ""}, page=50), Reader("", True, ""))
    assert page.count("<tr>") == PER_PAGE + 1 and f"Page 50 of {pages}" in page
    assert f"{many.lines.height:,} of {many.lines.height:,} lines" in page
    assert len(page) < 200_000
