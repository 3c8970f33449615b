"""Who gets an answer: nobody without the token, from another host, or with a form of elsewhere."""

import logging
from pathlib import Path

import polars as pl
import pytest

from flows.review import answers
from flows.review.guard import COOKIE
from tests.support.ledger import rows_of
from tests.support.review import PORT, Browser, explanation_of, opened

PAGES = ("/", "/style.css", "/line/{}", "/line/{}/explanation")


@pytest.fixture(scope="module")
def browser(untouched: Path) -> Browser:
    return opened(untouched)


@pytest.fixture(scope="module")
def line(browser: Browser) -> str:
    return browser.lines()[0]


def _decisions(warehouse: Path) -> int:
    return len(rows_of(warehouse, "FROM decision"))


# ---------------------------------------------------------------- the token


@pytest.mark.parametrize("path", PAGES)
def test_without_the_token_nothing_is_shown(browser: Browser, line: str, path: str) -> None:
    path = path.format(line.removeprefix("/line/"))
    for cookies in ({}, {f"{COOKIE}-{PORT}": "guessed"}, {COOKIE: browser.guard.session}):
        stranger = Browser(browser.app, browser.guard, dict(cookies))
        for asked in (path, f"{path}?token=guessed"):
            answer = stranger.ask(asked)
            assert answer.status_code == 403 and "token" in answer.text
            assert "set-cookie" not in answer.headers and "CYC" not in answer.text


def test_the_token_becomes_a_cookie_and_leaves_the_address(browser: Browser) -> None:
    address = browser.guard.url.removeprefix(f"http://127.0.0.1:{PORT}")
    answer = Browser(browser.app, browser.guard).ask(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie
    assert browser.guard.token not in cookie and "Review queue" not in answer.text


def test_the_token_opens_no_form_and_no_other_page(
    browser: Browser, untouched: Path, line: str
) -> None:
    query = f"?token={browser.guard.token}"
    stranger = Browser(browser.app, browser.guard)
    form = browser.form(line, action="confirm")
    assert stranger.ask(f"{line}{query}").status_code == 403
    assert stranger.post(f"{line}{query}", form).status_code == 403
    assert _decisions(untouched) == 0


# ---------------------------------------------------------------- the host and the site


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1"]
)
def test_another_host_is_refused_with_the_right_token(browser: Browser, host: str) -> None:
    address = browser.guard.url.removeprefix(f"http://127.0.0.1:{PORT}")
    for path in ("/", address):
        answer = browser.ask(path, headers={"host": host})
        assert answer.status_code == 421 and "set-cookie" not in answer.headers
    assert browser.ask("/", headers={"host": f"localhost:{PORT}"}).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_site_or_port_asks_for_is_refused(browser: Browser, site: str) -> None:
    """Browsers send the cookie to every port of a host."""
    assert browser.ask("/", headers={"sec-fetch-site": site}).status_code == 403
    assert browser.ask("/", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/?token=wrong"])
def test_every_answer_forbids_scripts_frames_referrers_and_caches(
    browser: Browser, line: str, path: str
) -> None:
    for asking in (browser, Browser(browser.app, browser.guard)):
        headers = asking.ask(path.format(line.removeprefix("/line/"))).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none';") and "script" not in policy
        assert "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"


def test_no_page_holds_a_script_or_asks_elsewhere(browser: Browser, line: str) -> None:
    for path in ("/", line, explanation_of(line), "/nothing"):
        text = browser.ask(path).text
        assert "<script" not in text and " style=" not in text and " onclick" not in text
        assert "http:" not in text and "https:" not in text


# ---------------------------------------------------------------- the form


@pytest.mark.parametrize("token", [None, "", "guessed"])
def test_a_form_of_elsewhere_records_nothing(
    browser: Browser, untouched: Path, line: str, token: str | None
) -> None:
    form = [(n, v) for n, v in browser.form(line, action="confirm") if n != "form_token"]
    form += [] if token is None else [("form_token", token)]
    assert browser.post(line, form).status_code == 403
    assert _decisions(untouched) == 0


def test_a_form_of_another_start_of_the_app_records_nothing(
    browser: Browser, untouched: Path, line: str
) -> None:
    form = opened(untouched).form(line, action="confirm")
    answer = browser.post(line, form)
    assert answer.status_code == 403 and "another" not in answer.text
    assert _decisions(untouched) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"\xff=1", 400), (b"nonsense", 400), (b"x=1&" * 400 + b"y=" + b"a" * 70_000, 413)],
)
def test_a_body_that_is_no_form_is_refused(
    browser: Browser, line: str, body: bytes, status: int
) -> None:
    assert browser.ask(line, "POST", body=body).status_code == status


def test_read_only_shows_all_and_records_nothing(untouched: Path) -> None:
    reader = opened(untouched, read_only=True)
    line = reader.lines()[0]
    page = reader.ask(line).text
    assert "<form" not in page and "Read only" in page and "What was decided" in page
    writer = opened(untouched)
    form = [(n, v) for n, v in writer.form(line, action="confirm") if n != "form_token"]
    answer = reader.post(line, [*form, ("form_token", reader.guard.form)])
    assert answer.status_code == 403 and "read-only" in answer.text
    assert _decisions(untouched) == 0


def test_to_look_writes_nothing(browser: Browser, untouched: Path, line: str) -> None:
    before = untouched.read_bytes(), sorted(p.name for p in untouched.parent.iterdir())
    more = "&action=confirm&recorded=confirm&count=1"
    for path in ("/", line, explanation_of(line)):
        assert browser.ask(f"{path}{more if '?' in path else f'?{more}'}").status_code == 200
    for method in ("HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert browser.ask(line, method).status_code in (404, 405)
    assert (untouched.read_bytes(), sorted(p.name for p in untouched.parent.iterdir())) == before


# ---------------------------------------------------------------- what is left behind


def test_nothing_that_is_logged_or_in_an_address_names_a_claim(
    warehouse: Path,
    sample_results: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = opened(warehouse)
    lines = pl.read_parquet(sample_results / "worklist.parquet")
    ids = {*lines["claim_id"], *lines["member_id"]}
    paths = browser.lines("?decision=")
    answer = browser.post(paths[0], browser.form(paths[0], action="confirm"))
    browser.ask("/line/nothing")
    written = "".join([caplog.text, *capfd.readouterr(), *paths, answer.headers["location"]])
    assert [i for i in ids if i in written] == []


def test_a_fault_says_where_it_is_and_not_whom_it_is_about(
    browser: Browser,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_of: object) -> None:
        raise ValueError("member M4027")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(answers, "list_page", fail)
    monkeypatch.setattr(answers, "line_page", fail)
    form = [("form_token", browser.guard.form), ("finding", line[6:38])]
    for answer in (browser.ask("/"), browser.ask(line), browser.post(line, form)):
        assert answer.status_code == 500 and "A bug: ValueError at test_guard.py" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "M4027" not in "".join([answer.text, caplog.text, *capfd.readouterr()])
    (trace,) = tmp_path.iterdir()
    assert trace.stat().st_mode & 0o077 == 0
