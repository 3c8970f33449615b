"""The command `review`, and the app in Chromium: by keyboard alone, and without JavaScript."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, sync_playwright

from flows.cli.app import main
from flows.errors import InputRefused, UsageError
from flows.review.serve import LOOPBACK, listen
from tests.support.ledger import rows_of
from tests.support.processes import wait_until
from tests.support.running import ROOT

WIDTHS, SCHEMES = (390, 1280), ("light", "dark")
_MOST_TABS = 60


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(
    untouched: Path, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["review", "--warehouse", str(untouched), f"--port={port}"]
    assert main(words) == UsageError.exit_code
    assert "--port is a number from 1 to 65535" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(untouched: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        words = ["review", "--warehouse", str(untouched), "--port", str(port)]
        assert main(words) == UsageError.exit_code
    said = capsys.readouterr().err
    assert f"--port {port} is taken" in said and "leave --port out" in said


def test_what_is_not_there_is_refused_with_what_to_do(
    untouched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", "--warehouse", str(tmp_path / "none")]) == UsageError.exit_code
    assert "Name, with --warehouse" in capsys.readouterr().err
    words = ["review", "--warehouse", str(untouched), "--run", str(tmp_path)]
    assert main(words) == InputRefused.exit_code
    assert "Give a folder run=ID" in capsys.readouterr().err


def test_only_this_machine_can_reach_it() -> None:
    with listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"
        assert listening.family == socket.AF_INET


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def served(untouched: Path) -> Iterator[tuple[str, Path]]:
    """The printed address of an app, and its warehouse. It ends as Ctrl-C ends it."""
    words = ["-m", "flows", "review", "--warehouse", str(untouched)]
    app = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that only the process that is meant hears the signal
    )
    assert app.stdout
    try:
        first, second = app.stdout.readline(), app.stdout.readline()
        found = re.fullmatch(r"Review queue: (http://127\.0\.0\.1:\d+/\?token=\S+)\n", first)
        assert found, app.communicate()
        assert second.endswith("Stop with Ctrl-C.\n")
        yield found[1], untouched
    finally:
        app.send_signal(signal.SIGINT)
        rest, said = app.communicate(timeout=60)
    assert (app.returncode, rest, said) == (0, "", "claims-audit: Stopped by Ctrl-C.\n")


@pytest.fixture(scope="module")
def open_page(served: tuple[str, Path]) -> Iterator[Callable[[int, str], Page]]:
    """Opens the app in chromium, which runs no script of a page and asks for nothing else."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "these tests need chromium on the PATH (apt-get install chromium)"
    address = served[0]
    base = address.partition("?")[0]
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])

        def open_at(width: int, scheme: str) -> Page:
            page = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if scheme == "dark" else "light",
                java_script_enabled=False,
            ).new_page()
            page.on("request", lambda request: asked.append(request.url))
            page.goto(address)
            assert page.url == base  # the token has left the address bar
            return page

        yield open_at
        browser.close()
    assert {url for url in asked if not url.startswith((base, "data:"))} == set()


_FOCUSED = """() => {
  const e = document.activeElement;
  const named = e.labels && e.labels.length ? e.labels[0].textContent : e.textContent;
  const outline = getComputedStyle(e).outlineStyle;
  const name = e === document.body ? '' : named.replace(/\\s+/g, ' ').trim();
  return [name, outline, e.getBoundingClientRect().height];
}"""


def _tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Go to what is called so; whatever has the focus on the way shows it."""
    for _ in range(_MOST_TABS):
        page.keyboard.press(key)
        found, outline, height = page.evaluate(_FOCUSED)
        if found:
            assert outline != "none" and height > 0, found
        if found.startswith(name):
            return
    raise AssertionError(f"the keyboard does not reach {name}")


@pytest.mark.slow
def test_findings_are_decided_by_keyboard_alone(
    served: tuple[str, Path], open_page: Callable[[int, str], Page]
) -> None:
    page = open_page(1280, "light")
    press = page.keyboard.press
    _tab_to(page, "Skip to the content")
    press("Enter")
    page.wait_for_url(lambda url: url.endswith("#main"))
    _tab_to(page, "Rule")
    page.keyboard.type("CYC01")
    _tab_to(page, "Show these lines")
    press("Enter")
    page.wait_for_url(lambda url: "rules=CYC01" in url)
    shown = page.locator(".count").inner_text()
    page.locator("tbody tr").first.wait_for()
    first = page.locator("tbody a").first.inner_text()
    _tab_to(page, " ".join(first.split()))
    press("Enter")
    page.get_by_role("heading", level=1).wait_for()
    findings = page.locator("article").count()
    _tab_to(page, "Decide")
    press("Enter")
    _tab_to(page, "confirm")
    press("ArrowDown")
    assert page.evaluate(_FOCUSED)[0].startswith("dismiss")
    _tab_to(page, "Who decides")
    page.keyboard.type("Ann Lee")
    press("Enter")
    page.get_by_role("alert").wait_for()
    # what is missing has the focus
    assert wait_until(lambda: "Nothing was recorded" in page.evaluate(_FOCUSED)[0])
    assert page.get_by_role("radio", name="dismiss").is_checked()
    _tab_to(page, "Reason")
    page.keyboard.type("The clinic sent the chart")
    _tab_to(page, "Record, then the next line")
    press("Enter")
    page.get_by_role("status").wait_for()
    assert "Recorded: dismiss, on" in page.get_by_role("status").inner_text()
    assert "rules=CYC01" in page.url and " ".join(first.split()) not in page.content()
    query = "SELECT count(*), min(action), min(reason), min(decided_by) FROM decision"
    wanted = (findings, "dismiss", "The clinic sent the chart", "Ann Lee")
    assert rows_of(served[1], query) == [wanted]
    _tab_to(page, "Queue")
    press("Enter")
    page.locator(".count").wait_for()
    assert page.locator(".count").inner_text() != shown


_LOW = """() => {
  const linear = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = numbers(text).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (e) => {
    for (; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
  };
  const low = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const hasText = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!hasText && !['INPUT', 'SELECT', 'TEXTAREA'].includes(e.tagName)) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(paper(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.add(e.tagName + ' ' + e.className);
  }
  return [...low];
}"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_fits_and_can_be_read(
    open_page: Callable[[int, str], Page], width: int, scheme: str
) -> None:
    page = open_page(width, scheme)
    base = page.url
    href = page.locator("tbody a").first.get_attribute("href")
    assert href
    papers = set()
    for path in ("", href[1:], "?rules=NOPE", "nothing"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(_LOW) == [], path
        assert page.get_by_role("heading", level=1).count() == 1
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    page.get_by_role("link", name="Go to the queue").click()
    page.get_by_role("link", name=re.compile("line 1")).first.click()
    page.get_by_role("textbox", name="Who decides").fill("Ann Lee")
    page.get_by_role("button", name="Record").click()
    page.get_by_role("alert").wait_for()
    page.wait_for_load_state()  # the style too
    assert page.evaluate(_LOW) == []
    (paper,) = papers
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")


@pytest.mark.slow
def test_without_the_token_the_server_says_nothing(served: tuple[str, Path]) -> None:
    for path in ("", "?token=x", "nothing"):
        with pytest.raises(HTTPError) as refused:
            urlopen(served[0].partition("?")[0] + path)
        assert refused.value.code == 403
        assert "server" not in {name.lower() for name in refused.value.headers}
        refused.value.close()
