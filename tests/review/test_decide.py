"""A line and its form: what it says, what is recorded, and that nothing typed is lost."""

import re
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path

import polars as pl
import pytest

from flows.clock import today
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.warehouse.lock import hold
from schemas.decisions import MEANINGS, NEED_REASON, RECOVERED
from schemas.results import LINE_KEY
from tests.support.ledger import rows_of
from tests.support.review import Browser, explanation_of, opened

pytestmark = pytest.mark.slow
DECIDED = "SELECT exception_id, action, amount, reason, decided_by, decided_on, until FROM decision"
ALL = "?decision="


@pytest.fixture
def browser(warehouse: Path) -> Browser:
    return opened(warehouse)


@pytest.fixture(scope="module")
def found(sample_results: Path) -> pl.DataFrame:
    return pl.read_parquet(sample_results / "exceptions.parquet")


@pytest.fixture(scope="module")
def shared(untouched: Path) -> Browser:
    """A browser for tests in which nothing is recorded."""
    return opened(untouched)


@pytest.fixture(scope="module")
def alone(shared: Browser, found: pl.DataFrame) -> str:
    """The path of a line with one finding, with money at risk."""
    return _with(shared, found, 1)


@pytest.fixture(scope="module")
def several(shared: Browser, found: pl.DataFrame) -> str:
    """The path of a line with two findings."""
    return _with(shared, found, 2)


def _with(browser: Browser, found: pl.DataFrame, findings: int) -> str:
    counted = found.select("exception_id", pl.len().over(LINE_KEY).alias("findings"))
    number = dict(counted.iter_rows())
    return next(path for path in browser.lines() if number[path[6:38]] == findings)


def _problem(page: str, name: str) -> str:
    told = re.search(rf'id="problem-{name}">([^<]*)<', page)
    return unescape(told[1]) if told else ""


# ---------------------------------------------------------------- what a line says


def test_a_line_shows_what_explain_and_the_packet_say(
    shared: Browser, several: str, found: pl.DataFrame
) -> None:
    row = found.filter(pl.col("exception_id") == several[6:38]).row(0, named=True)
    page = unescape(shared.ask(several).text)
    for text in (row["claim_id"], row["member_id"], row["rationale"], row["citation"]):
        assert text in page
    assert str(row["exception_id"]) in page and "Status new, first found on" in page
    rules = unescape(shared.ask(explanation_of(several)).text)
    assert "Exceptions (2)" in rules and "Would fire" in rules and "Not asked" in rules
    assert row["rationale"] in rules


def test_a_line_that_is_not_there(shared: Browser) -> None:
    for path in ("/line/0", "/line/0/explanation"):
        answer = shared.ask(path)
        assert answer.status_code == 404 and "no such line" in answer.text


# ---------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("action", MEANINGS)
def test_every_decision_is_recorded_as_decide_records_it(
    browser: Browser, warehouse: Path, alone: str, action: str
) -> None:
    money = {"amount": "$1.50"} if action == RECOVERED else {}
    form = browser.form(
        alone, action=action, reason=" as agreed ", decided_on="2026-07-02", **money
    )
    answer = browser.post(alone, form)
    assert answer.status_code == 303
    paid = Decimal("1.50") if money else None
    assert rows_of(warehouse, DECIDED) == [
        (alone[6:38], action, paid, "as agreed", "Ann Lee", date(2026, 7, 2), None)
    ]


def test_then_comes_the_next_line_under_the_same_filters(browser: Browser) -> None:
    query = "?rules=CYC01&decision=to_decide"
    _, first, second = browser.lines(query)[:3]
    answer = browser.post(first, browser.form(first, action="confirm"))
    target = answer.headers["location"]
    assert target.startswith(second[:38]) and "rules=CYC01" in target
    page = browser.ask(target).text
    assert "Recorded: confirm, on " in page and 'role="status"' in page
    assert browser.lines(query)[1][:38] == second[:38]


def test_after_the_last_line_comes_the_first_that_is_left_and_then_the_list(
    browser: Browser,
) -> None:
    query = "?rules=CODE02"
    paths = browser.lines(query)
    assert len(paths) > 1
    answer = browser.post(paths[-1], browser.form(paths[-1], action="confirm"))
    assert answer.headers["location"].startswith(paths[0][:38])
    for path in paths[:-1]:
        answer = browser.post(path, browser.form(path, action="confirm"))
    assert re.match("/[?].*rules=CODE02", answer.headers["location"])
    assert "There is nothing to decide" in browser.ask(answer.headers["location"]).text


def test_all_findings_are_decided_or_those_that_are_ticked(
    browser: Browser, warehouse: Path, several: str
) -> None:
    form = browser.form(several, action="dismiss", reason="known")
    ticked = [v for n, v in form if n == "finding"]
    assert len(ticked) == 2
    one = [field for field in form if field != ("finding", ticked[1])]
    answer = browser.post(several, one)
    assert answer.headers["location"].startswith(several[:38])  # a finding of it is left
    form = browser.form(several, action="confirm")
    assert browser.post(several, [f for f in form if f != ("finding", ticked[0])]).is_redirect
    assert [row[:2] for row in rows_of(warehouse, DECIDED)] == [
        (ticked[0], "dismiss"),
        (ticked[1], "confirm"),
    ]


def test_both_at_once(browser: Browser, warehouse: Path, several: str) -> None:
    answer = browser.post(several, browser.form(several, action="upheld"))
    assert "count=2" in answer.headers["location"]
    assert len(rows_of(warehouse, DECIDED)) == 2


def test_a_request_about_what_is_set_aside_says_that_it_stays_so(
    browser: Browser, warehouse: Path, alone: str
) -> None:
    decide(warehouse, [Decision(alone[6:38], "not so")], "dismiss", "Bob")
    answer = browser.post(alone, browser.form(alone, action="request_records"))
    page = browser.ask(answer.headers["location"]).text
    assert "Requests about what was set aside: 1. It stays so" in page


def test_who_decides_is_asked_once(warehouse: Path) -> None:
    browser = opened(warehouse, reviewer="")
    first, second = browser.lines()[:2]
    answer = browser.post(first, browser.form(first, action="confirm"))
    assert answer.status_code == 422 and _problem(answer.text, "decided_by") == "Say who decides."
    browser.post(first, browser.form(first, action="confirm", decided_by="Bob"))
    assert 'name="decided_by" value="Bob"' in browser.ask(second).text
    assert rows_of(warehouse, "SELECT DISTINCT decided_by FROM decision") == [("Bob",)]


def test_a_named_reviewer_cannot_be_another(browser: Browser, warehouse: Path, alone: str) -> None:
    browser.post(alone, browser.form(alone, action="confirm", decided_by="Eve"))
    assert rows_of(warehouse, "SELECT decided_by FROM decision") == [("Ann Lee",)]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("typed", "name", "sentence"),
    [
        ({}, "action", "Choose a decision."),
        ({"action": "burn"}, "action", "Choose a decision."),
        *[({"action": a}, "reason", f"Say why: {a} needs a reason.") for a in NEED_REASON],
        ({"action": "recovered"}, "amount", "Say how much came back, such as 1250.00."),
        ({"action": "recovered", "amount": "lots"}, "amount", "the amount is not a sum"),
        ({"action": "recovered", "amount": "0"}, "amount", "the amount is not a sum"),
        ({"action": "confirm", "amount": "5"}, "amount", "Only recovered has an amount"),
        ({"action": "confirm", "until": "2099-01-01"}, "until", "have a last day"),
        ({"action": "dismiss", "reason": "x", "until": "soon"}, "until", "until is not a day"),
        ({"action": "confirm", "decided_on": "1.7.26"}, "decided_on", "decided_on is not a day"),
    ],
)
def test_a_field_that_says_too_little_is_named(
    shared: Browser, untouched: Path, alone: str, typed: dict[str, str], name: str, sentence: str
) -> None:
    answer = shared.post(alone, shared.form(alone, **typed))
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert sentence in _problem(answer.text, name)
    assert f'aria-describedby="problem-{name}"' in answer.text
    assert rows_of(untouched, DECIDED) == []


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"action": "recovered", "amount": "99999999"}, "more came back than was paid"),
        ({"action": "confirm", "decided_on": "2999-01-01"}, "a day after today"),
        ({"action": "dismiss", "reason": "x", "until": "2020-01-01"}, "is in the past"),
    ],
)
def test_what_decide_refuses_is_refused_in_its_words(
    shared: Browser, untouched: Path, alone: str, typed: dict[str, str], sentence: str
) -> None:
    answer = shared.post(alone, shared.form(alone, **typed))
    assert answer.status_code == 422
    assert sentence in unescape(answer.text) and "Nothing was recorded." in answer.text
    assert rows_of(untouched, DECIDED) == []


def test_money_comes_back_under_one_finding(
    browser: Browser, warehouse: Path, several: str
) -> None:
    form = browser.form(several, action="recovered", amount="5")
    answer = browser.post(several, form)
    assert answer.status_code == 422 and "Tick the one finding" in _problem(answer.text, "finding")
    none = [(n, v) for n, v in form if n != "finding"]
    assert "Tick at least one" in _problem(browser.post(several, none).text, "finding")
    one = [*none, next(field for field in form if field[0] == "finding")]
    assert browser.post(several, one).is_redirect
    assert rows_of(warehouse, "SELECT sum(amount) FROM decision") == [(Decimal(5),)]


def test_a_finding_of_another_line_is_not_decided(
    browser: Browser, warehouse: Path, alone: str, several: str
) -> None:
    form = [*browser.form(alone, action="confirm"), ("finding", several[6:38])]
    assert browser.post(alone, form).is_redirect
    assert [row[0] for row in rows_of(warehouse, DECIDED)] == [alone[6:38]]


# ---------------------------------------------------------------- others at work


def _typed(page: str) -> tuple[bool, bool, bool]:
    return (
        ">kept &amp; &lt;b&gt;</textarea>" in page,
        'value="dismiss" checked' in page,
        f'name="until" value="{today()}"' in page,
    )


def test_a_decision_made_meanwhile_is_shown_and_asked_about_again(
    browser: Browser, warehouse: Path, several: str
) -> None:
    typed = {"action": "dismiss", "reason": "kept & <b>", "until": str(today())}
    form = browser.form(several, **typed)
    other = [v for n, v in form if n == "finding"][1]
    decide(warehouse, [Decision(other, "it holds")], "confirm", "Bob")
    answer = browser.post(several, form)
    assert answer.status_code == 409 and "Somebody has decided" in answer.text
    assert "it holds" in answer.text and _typed(answer.text) == (True, True, True)
    assert len(rows_of(warehouse, DECIDED)) == 1
    seen = re.search(r'name="seen" value="([^"]*)"', answer.text)
    assert seen
    again = [(n, seen[1] if n == "seen" else v) for n, v in form]
    assert browser.post(several, again).is_redirect
    assert [row[1] for row in rows_of(warehouse, DECIDED)] == ["confirm", "dismiss", "dismiss"]


def test_a_form_that_is_sent_twice_is_recorded_once(
    browser: Browser, warehouse: Path, alone: str
) -> None:
    form = browser.form(alone, action="confirm")
    assert browser.post(alone, form).is_redirect
    assert browser.post(alone, form).status_code == 409
    assert len(rows_of(warehouse, DECIDED)) == 1


@pytest.mark.parametrize("seen", ["", "x", "0", "-1 r", "0 another", "99 another"])
def test_a_form_that_does_not_say_what_was_seen_records_nothing(
    shared: Browser, untouched: Path, alone: str, seen: str
) -> None:
    form = [(n, seen if n == "seen" else v) for n, v in shared.form(alone, action="confirm")]
    assert shared.post(alone, form).status_code == 409
    assert rows_of(untouched, DECIDED) == []


def test_while_a_run_holds_the_warehouse_all_is_shown_and_what_is_typed_stays(
    browser: Browser, warehouse: Path, alone: str
) -> None:
    typed = {"action": "dismiss", "reason": "kept & <b>", "until": str(today())}
    form = browser.form(alone, **typed)
    with hold(warehouse):
        answer = browser.post(alone, form)
        assert answer.status_code == 503
        assert "Another run holds the warehouse" in answer.text
        assert _typed(answer.text) == (True, True, True)
        warehouse.touch()  # as the run does when it writes
        page = browser.ask(alone)
        assert page.status_code == 200 and "A run holds the warehouse" in page.text
        rules = browser.ask(explanation_of(alone))
        assert rules.status_code == 503 and "Wait for it to end" in rules.text
    assert rows_of(warehouse, DECIDED) == []
    assert "A run holds" not in browser.ask(alone).text
    assert browser.post(alone, form).is_redirect


def test_between_requests_the_warehouse_is_free(
    browser: Browser, warehouse: Path, alone: str
) -> None:
    browser.ask(alone)
    browser.post(alone, browser.form(alone, action="confirm"))
    with hold(warehouse):
        pass
    decide(warehouse, [Decision(alone[6:38])], "upheld", "Bob")
