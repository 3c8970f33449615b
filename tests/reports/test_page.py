"""summary.html: its content, that it fetches nothing, and its use by keyboard and screen reader."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import polars as pl
import pytest
from playwright.sync_api import Page, sync_playwright

from audit_rules.engine.worklist import worklists
from flows.reports.colours import IN_CHARTS as COLOURS
from flows.reports.page import chart_style, write
from flows.reports.page.charts import figure_chart
from flows.reports.page.figures import MOST_BARS, Figure, figures
from flows.reports.page.members import member_names
from flows.reports.run_facts import RunFacts
from flows.results.tables import write_tables
from flows.results.totals import TOTAL
from schemas.results import REPEATED
from tests.support.hostile import CSV, csv, fill
from tests.support.nights import night
from tests.support.payers import shown_payers
from tests.support.running import AS_OF, ROOT, request_for

WIDTHS = (390, 820, 1280)
CHARTS = ["rule", "outcome", "payer", "month", "provider", "payee", "doses"]


@pytest.fixture(scope="module")
def html(sample_results: Path) -> str:
    return (sample_results / write.PAGE).read_text(encoding="utf-8")


class _Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


# ---------------------------------------------------------------- content


def test_the_page_is_a_result_of_the_run(sample_results: Path) -> None:
    manifest = json.loads((sample_results / "manifest.json").read_text(encoding="utf-8"))
    assert write.PAGE in manifest["results"]


def test_its_figures_are_those_of_the_worklist(sample_results: Path, html: str) -> None:
    worklist, advisories = (
        pl.read_parquet(sample_results / f"{name}.parquet") for name in ("worklist", "advisories")
    )
    assert f"${worklist['amount_at_risk'].sum():,.2f}" in html
    assert html.count('<tr data-outcome="') == worklist.height + advisories.height
    for rule_id in pl.read_parquet(sample_results / "exceptions.parquet")["rule_id"].unique():
        assert f"<strong>{rule_id}</strong>" in html


def test_the_headline_says_how_many_lines_were_audited_and_what_part_has_findings(
    sample_results: Path, html: str
) -> None:
    lines = sum(
        pl.read_parquet(sample_results / f"{name}.parquet").height
        for name in ("worklist", "advisories")
    )
    assert "<dt>lines audited</dt><dd>386</dd>" in html  # counted by hand in the sample's files
    rate = f'{lines} <span class="quiet">{lines / 386:.1%} of those audited</span>'
    assert f"<dt>lines with findings</dt><dd>{rate}</dd>" in html


def test_what_changed_is_told_in_lines_and_dollars(tmp_path: Path, sample_results: Path) -> None:
    folder = tmp_path / "results"
    shutil.copytree(sample_results, folder)
    changes = pl.read_parquet(folder / "changes.parquet")
    line = {name: changes[name][0] for name in ("payer", "member_id", "claim_source", "claim_id")}
    of_line = pl.lit(changes["claim_line_number"][0]).alias("claim_line_number")
    three = changes.head(3).with_columns(
        *(pl.lit(value).alias(name) for name, value in line.items()),
        of_line,
        why=pl.Series(["policy", "policy", "claims"]),
        status=pl.Series(["new", "new", "resolved"]),
        amount_at_risk=pl.Series([Decimal(5), Decimal(7), None], dtype=pl.Decimal(18, 2)),
        previous_amount_at_risk=pl.Series([None, None, Decimal(9)], dtype=pl.Decimal(18, 2)),
    )
    three.write_parquet(folder / "changes.parquet")
    run = RunFacts("0" * 16, AS_OF, "0", "full", "since 2026-06-29: some", 1, 0, 0, 0)
    write.write_page(folder, run, {"files": [], "tables": []}, {})
    text = re.sub(r"<[^>]*>|\s+", " ", (folder / write.PAGE).read_text(encoding="utf-8"))
    rows = re.sub(r"\s+", " ", text)
    assert "new policy 2 1 $7.00" in rows and "resolved claims 1 1 $9.00" in rows


def test_the_table_of_a_divided_chart_splits_each_bar(sample_results: Path) -> None:
    exceptions, worklist = (
        pl.read_parquet(sample_results / f"{name}.parquet") for name in ("exceptions", "worklist")
    )
    by_rule, by_outcome, by_payer, *_ = figures(exceptions, worklist, {})
    assert by_rule.split.outcomes == ["recover", "records_request", "review"]
    for label, dollars, _ in by_rule.totals:
        parts = (d for (of, _), d in by_rule.split.dollars.items() if of == label)
        assert sum(parts) == dollars
    assert by_outcome.split.outcomes == by_payer.split.outcomes == []


def test_it_requests_nothing_from_outside(html: str) -> None:
    elements = _Elements(html)
    assert {t for t, _ in elements.found} & {
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
    } == set()
    named = [
        a
        for _, attributes in elements.found
        for n, a in attributes.items()
        if n in ("src", "href", "xlink:href", "action")
    ]
    assert all(target and target.startswith("#") for target in named)
    assert not re.search(r"url\((?!#)|@import", html)
    (policy,) = [a["content"] for a in elements.attributes("meta") if a.get("http-equiv")]
    assert policy and policy.startswith("default-src 'none';") and "http" not in policy


def test_members_are_named_by_letters(sample_results: Path, html: str) -> None:
    worklist = pl.read_parquet(sample_results / "worklist.parquet")
    ids = {*worklist["member_id"], *worklist["person_id"]}
    assert {i for i in ids if re.search(rf"\b{re.escape(i)}\b", html)} == set()
    assert "Member A" in html and "Member AA" in html


def test_names_go_from_a_to_z_and_on() -> None:
    worklist = pl.DataFrame(
        {"payer": "x", "person_id": [f"{n:03}" for n in range(704)], "amount_at_risk": [None] * 704}
    )
    names = member_names(worklist.cast({"amount_at_risk": pl.Decimal(18, 2)}))["member"].to_list()
    assert (names[0], names[25], names[26], names[701], names[702]) == tuple(
        f"Member {x}" for x in ("A", "Z", "AA", "ZZ", "AAA")
    )


def test_charts_and_tables_have_names_and_headers(html: str) -> None:
    elements = _Elements(html)
    charts = [a for a in elements.attributes("svg") if a.get("role") == "img"]
    assert [a["aria-labelledby"] for a in charts] == [
        f"{name}-title {name}-desc" for name in CHARTS
    ]
    ids = [a["id"] for _, a in elements.found if a.get("id")]
    assert len(ids) == len(set(ids)) and {
        f"{n}-{part}" for n in CHARTS for part in ("title", "desc")
    } <= set(ids)
    assert all(a.get("scope") in ("row", "col") for a in elements.attributes("th"))
    regions = [a for _, a in elements.found if a.get("role") == "region"]
    assert regions and all(a.get("aria-label") and a.get("tabindex") == "0" for a in regions)
    for drawing in re.findall(r"<svg .*?</svg>", html, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_a_long_worklist_is_cut_and_says_so(
    sample_results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.reports.page.lines.MOST_LINES", 3)
    monkeypatch.setattr(write, "drawn", lambda charts: [""] * len(charts))
    shutil.copytree(sample_results, tmp_path / "run")
    manifest = json.loads((sample_results / "manifest.json").read_text(encoding="utf-8"))
    run = RunFacts(manifest["run_id"], AS_OF, "1", "full", "since 2026-06-29: 185 new", 0, 0, 0)
    write.write_page(tmp_path / "run", run, manifest, {})
    text = (tmp_path / "run" / write.PAGE).read_text(encoding="utf-8")
    assert (
        "The 3 of 268 lines that come first in the order of work" in text
        and text.count('<tr data-outcome="') == 3
    )
    assert "Since 2026-06-29: 185 new." in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "labels", "drawn"),
    [
        ("payer", [f"Payer {n}" for n in range(2000)], MOST_BARS),
        ("month", [f"{y}-{m:02}" for y in range(1850, 2017) for m in range(1, 13)], 2004),
    ],
)
def test_a_chart_of_very_many_bars_draws_the_first(
    name: str, labels: list[str], drawn: int
) -> None:
    of_each = {"label": labels, "outcome": None, "dollars": Decimal("5.00"), "lines": 1}
    schema = {"label": pl.String, "outcome": pl.String, "dollars": TOTAL, "lines": pl.Int64}
    figure = Figure(name, "By it", "It", "Sums.", pl.DataFrame(of_each, schema=schema))
    assert len(figure.totals) == len(labels)
    assert [label for label, _, _ in figure.drawn.totals] == labels[:drawn]
    says = "The chart draws the first 50 of 2,000; the table has all."
    assert (says in figure.drawn.note) == (drawn < len(labels))
    (drawing,) = chart_style.drawn([figure_chart(figure.drawn)])
    assert drawing.startswith("<svg")


def test_text_of_extracts_is_never_markup(tmp_path: Path) -> None:
    evil = "</script><b onclick=alert(1)>x"
    rows = [
        fill(n, claim_id=f"{evil}{n}", member_id=evil, payer="Cigna", quantity="999")
        for n in range(2)
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(*rows))
    folder = night(
        request_for(
            tmp_path / "in", tmp_path / "out", tmp_path / "out" / "audit.duckdb", AS_OF, page=True
        )
    ).folder
    text = (folder / write.PAGE).read_text(encoding="utf-8")
    assert "&lt;b onclick" in text and "<b onclick" not in text


def test_a_run_without_exceptions_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / CSV).write_bytes(csv(fill(1, ndc_code="00000000000")))
    folder = night(
        request_for(
            tmp_path / "in", tmp_path / "out", tmp_path / "out" / "audit.duckdb", AS_OF, page=True
        )
    ).folder
    text = (folder / write.PAGE).read_text(encoding="utf-8")
    assert "No exceptions" in text and "<svg" not in text and "Rows in and out" in text


RENDER = """
import json, sys
from datetime import date
from pathlib import Path
from flows.reports.page.write import write_page
from flows.reports.run_facts import RunFacts
folder = Path(sys.argv[1])
run = RunFacts("r", date(2026, 6, 30), "1", "full", "changes", 0, 0, 0)
write_page(folder, run, json.loads((folder / "manifest.json").read_text()), {})
"""


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes_in_any_zone_and_process(
    sample_results: Path, tmp_path: Path
) -> None:
    pages = []
    for number, zone in enumerate(("Pacific/Honolulu", "Asia/Tokyo")):
        folder = tmp_path / str(number)
        shutil.copytree(sample_results, folder)
        arguments = [
            sys.executable,
            "-c",
            RENDER,
            str(folder),
        ]
        subprocess.run(
            arguments,
            check=True,
            cwd=ROOT,
            env=os.environ | {"TZ": zone, "PYTHONHASHSEED": str(number)},
        )
        pages.append((folder / write.PAGE).read_bytes())
    assert pages[0] == pages[1]


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def browser_page(sample_results: Path) -> Iterator[Page]:
    """The page in chromium; a request to anything but the file fails the test."""
    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    assert chromium, "these tests need chromium on the PATH (apt-get install chromium)"
    asked: list[str] = []
    troubles: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto((sample_results / write.PAGE).as_uri())
        yield page
        browser.close()
    assert {url for url in asked if not url.startswith("file:")} == set() and troubles == []


@pytest.fixture
def fresh(browser_page: Page) -> Page:
    browser_page.set_viewport_size({"width": 1280, "height": 900})
    browser_page.reload()
    return browser_page


EVERY_PAGE = """n => {
  const [before, after] = ['before', 'after'].map(id => document.getElementById(id));
  while (!before.disabled) before.click();
  const values = [];
  for (;;) {
    const rows = [...document.querySelectorAll('#worklist tbody tr:not([hidden])')];
    values.push(...rows.map(r => r.cells[n].dataset.value));
    if (after.disabled) break;
    after.click();
  }
  while (!before.disabled) before.click();
  return values;
}"""


def _column(page: Page, number: int) -> list[str]:
    """What a column of the worklist holds, page after page."""
    values: list[str] = page.evaluate(EVERY_PAGE, number)
    return values


def test_search_finds_lines_by_any_word(fresh: Page) -> None:
    whole = len(_column(fresh, 0))
    fresh.get_by_label("Search the lines below").fill("cyc-waste inotuzumab")
    found = _column(fresh, 0)
    assert 0 < len(found) < whole and all("CYC-WASTE" in claim for claim in found)
    assert f"{len(found)} of {whole} lines shown, $" in fresh.get_by_role("status").inner_text()
    fresh.get_by_label("Search the lines below").fill("no such words")
    assert _column(fresh, 0) == []
    fresh.get_by_label("Search the lines below").fill("")


def test_a_whole_exception_id_finds_its_line(fresh: Page, sample_results: Path) -> None:
    found = pl.read_parquet(sample_results / "exceptions.parquet").row(0, named=True)
    fresh.get_by_label("Search the lines below").fill(found["exception_id"])
    assert _column(fresh, 0) == [found["claim_id"]]


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("Outcome", "outcome"),
        ("Status", "status"),
        ("Rule", "rule_ids"),
        ("Payer", "payer"),
        ("Drug", "drug"),
        ("Payee", "billing_npi"),
        ("Month of service", "service_date"),
    ],
)
def test_a_filter_shows_its_lines_and_their_dollars(
    fresh: Page, sample_results: Path, title: str, column: str
) -> None:
    lines = pl.concat(
        pl.read_parquet(sample_results / f"{name}.parquet") for name in ("worklist", "advisories")
    ).with_columns(pl.col("service_date").dt.strftime("%Y-%m"))
    lines = shown_payers(lines)
    row = lines.row(0, named=True)
    chosen = row[column][0] if column == "rule_ids" else row[column]
    has = pl.col(column).list.contains(chosen) if column == "rule_ids" else pl.col(column) == chosen
    wanted = lines.filter(has)
    fresh.get_by_role("combobox", name=title, exact=True).select_option(chosen)
    assert sorted(_column(fresh, 0)) == sorted(wanted["claim_id"])
    at_risk = wanted["amount_at_risk"].sum()
    assert fresh.get_by_role("status").inner_text() == (
        f"{wanted.height} of {lines.height} lines shown, ${at_risk:,.2f} at risk"
    )


def test_the_filter_has_each_payer_once_as_its_chart_does(
    fresh: Page, sample_results: Path
) -> None:
    lines = pl.concat(
        pl.read_parquet(sample_results / f"{name}.parquet") for name in ("worklist", "advisories")
    )
    by_payer = fresh.locator("figure", has=fresh.get_by_role("heading", name="By payer"))
    charted = by_payer.locator("tbody tr").evaluate_all(
        "rows => rows.map(r => r.cells[0].textContent)"
    )
    choice = fresh.get_by_role("combobox", name="Payer", exact=True)
    assert choice.locator("option").all_inner_texts() == ["all", *sorted(charted)]
    assert lines["payer"].n_unique() > len(charted)
    amounts = by_payer.locator("tbody tr").evaluate_all(
        "rows => rows.map(r => r.cells[1].textContent)"
    )
    for payer, amount in zip(charted, amounts, strict=True):
        choice.select_option(payer)
        assert fresh.get_by_role("status").inner_text().endswith(f"shown, {amount} at risk")


def test_the_lines_shown_are_saved_as_csv(fresh: Page, tmp_path: Path) -> None:
    search = fresh.get_by_label("Search the lines below")
    search.fill("cyc-waste")
    fresh.evaluate("document.querySelector('#worklist tbody tr:not([hidden]) th').prepend('=1+1 ')")
    with fresh.expect_download() as download:
        fresh.get_by_role("button", name="Save these lines as CSV").click()
    download.value.save_as(tmp_path / "shown.csv")
    text = (tmp_path / "shown.csv").read_text(encoding="utf-8-sig")
    saved = pl.read_csv(text.encode(), infer_schema=False)
    assert saved.height == len(_column(fresh, 0))
    assert saved["At risk"].to_list() == _column(fresh, 7)
    assert saved["Claim line"].str.contains("CYC-WASTE").all()
    assert saved["Exception ids"].str.contains("^[0-9a-f]{32}( [0-9a-f]{32})*$").all()
    assert saved["Claim line"].str.contains("'=1+1", literal=True).sum() == 1


def test_columns_sort_with_the_keyboard_alone(fresh: Page) -> None:
    at_risk = fresh.get_by_role("columnheader", name="At risk")
    assert at_risk.get_attribute("aria-sort") is None  # it is the order of work
    before = [float(x) for x in _column(fresh, 7) if x]
    assert before == sorted(before, reverse=True)
    fresh.get_by_label("Search the lines below").focus()
    for _ in range(40):
        fresh.keyboard.press("Tab")
        if fresh.evaluate("document.activeElement.textContent") == "At risk":
            break
    fresh.keyboard.press("Enter")
    assert at_risk.get_attribute("aria-sort") == "descending"
    fresh.keyboard.press("Enter")
    assert at_risk.get_attribute("aria-sort") == "ascending"
    after = [float(x) for x in _column(fresh, 7) if x]
    assert after == sorted(before)
    fresh.get_by_role("button", name="Claim line").focus()
    fresh.keyboard.press("Space")
    assert at_risk.get_attribute("aria-sort") is None
    assert _column(fresh, 0) == sorted(_column(fresh, 0))


def test_the_explanation_of_a_line_opens_below_it(fresh: Page, sample_results: Path) -> None:
    found = pl.read_parquet(sample_results / "exceptions.parquet").row(0, named=True)
    exception_id, run = found["exception_id"], sample_results.name
    command = f"claims-audit packet {exception_id[:10]} --run {run}"
    fresh.get_by_label("Search the lines below").fill(exception_id)
    why = fresh.locator("#worklist tbody").get_by_role("button")
    assert fresh.get_by_text(found["rationale"]).count() == 0
    assert why.get_attribute("aria-expanded") == "false"
    why.focus()
    fresh.keyboard.press("Enter")
    assert fresh.get_by_text(found["rationale"]).is_visible()
    assert fresh.get_by_text(command, exact=True).is_visible()
    rows = "[...document.querySelectorAll('#worklist tbody tr')].map(r => !r.dataset.ids)"
    assert fresh.evaluate(rows) == [False, True]
    assert why.get_attribute("aria-expanded") == "true"
    fresh.keyboard.press("Enter")
    assert fresh.get_by_text(found["rationale"]).count() == 0


def test_a_finding_that_a_letter_is_about_has_its_command(
    fresh: Page, sample_results: Path
) -> None:
    exceptions = pl.read_parquet(sample_results / "exceptions.parquet")
    of = {"recover": "finding", "records_request": "records", "review": None}
    fresh.get_by_role("button", name="Show every explanation").click()
    for outcome, kind in of.items():
        found = exceptions.filter(outcome=outcome).row(0, named=True)
        fresh.get_by_label("Search the lines below").fill(found["exception_id"])
        command = f"claims-audit letters --kind {kind} --payee {found['billing_npi']} --run"
        wanted = f"{command} {sample_results.name} --warehouse WAREHOUSE"
        assert fresh.get_by_text(wanted).count() == (kind is not None)


def test_every_explanation_opens_at_once_and_stays_open_on_every_page(fresh: Page) -> None:
    opened = "document.querySelectorAll('#worklist tbody .detail').length"
    every = fresh.get_by_role("button", name="Show every explanation")
    every.click()
    assert fresh.evaluate(opened) == write.PAGE_LINES
    fresh.get_by_role("button", name="Next page").click()
    assert fresh.evaluate(opened) == write.PAGE_LINES
    every.click()
    assert fresh.evaluate(opened) == 0


def test_without_scripts_every_explanation_is_shown(browser_page: Page, html: str) -> None:
    assert browser_page.context.browser
    context = browser_page.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(html)
    assert page.locator("#worklist tr.detail:visible").count() == write.PAGE_LINES
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(fresh: Page, width: int) -> None:
    fresh.set_viewport_size({"width": width, "height": 900})
    assert fresh.evaluate("document.documentElement.scrollWidth") <= width
    is_wide = "s => s.getBoundingClientRect().right > innerWidth"
    wide = fresh.evaluate(f"[...document.querySelectorAll('svg')].filter({is_wide}).length")
    assert wide == 0


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_of_a_chart_covers_no_other(fresh: Page, width: int) -> None:
    fresh.set_viewport_size({"width": width, "height": 900})
    fresh.evaluate("document.querySelectorAll('.charts details').forEach(d => d.open = true)")
    is_wide = """f => [...f.querySelectorAll('.scroll, svg, summary')].some(
      e => e.getBoundingClientRect().right > f.getBoundingClientRect().right + 1)"""
    wide = fresh.evaluate(
        f"[...document.querySelectorAll('.charts figure')].filter({is_wide}).length"
    )
    assert wide == 0
    cut = "s => s.scrollWidth > s.clientWidth"
    shown = fresh.evaluate(
        f"[...document.querySelectorAll('.charts .scroll')].filter({cut}).length"
    )
    assert shown == 0 or width == min(WIDTHS)
    assert fresh.evaluate("document.documentElement.scrollWidth") <= width


CONTRAST = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = (rgb) => {
    const f = rgb.map(linear);
    return 0.2126 * f[0] + 0.7152 * f[1] + 0.0722 * f[2];
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const paper = light(numbers(getComputedStyle(document.body).backgroundColor));
  const low = new Set();
  for (const e of document.querySelectorAll('body *')) {
    const hasText = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!hasText || e.closest('svg, script')) continue;
    const found = ratio(light(numbers(getComputedStyle(e).color)), paper);
    if (found < 4.5) low.add(e.tagName + ' ' + found.toFixed(1));
  }
  return [...low];
}"""


@pytest.mark.parametrize(
    ("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 30)")]
)
def test_text_has_enough_contrast(
    fresh: Page, scheme: Literal["light", "dark"], paper: str
) -> None:
    fresh.emulate_media(color_scheme=scheme)
    assert fresh.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert fresh.evaluate(CONTRAST) == []
    fresh.emulate_media(color_scheme="light")


def test_outcomes_differ_in_lightness_as_well_as_hue() -> None:
    def lightness(colour: str) -> float:
        parts = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
        red, green, blue = (
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts
        )
        return float(116 * (0.2126 * red + 0.7152 * green + 0.0722 * blue) ** (1 / 3) - 16)

    found = sorted(map(lightness, COLOURS.values()))
    assert min(b - a for a, b in pairwise(found)) > 5


def test_print_ends_before_the_worklist_and_repeats_the_heads_of_tables(fresh: Page) -> None:
    fresh.emulate_media(media="print")
    assert not fresh.get_by_role("heading", name="Worklist").is_visible()
    assert fresh.get_by_text("The worklist is not printed").is_visible()
    head = "getComputedStyle(document.querySelector('#coverage ~ .scroll thead')).display"
    assert fresh.evaluate(head) == "table-header-group"
    fresh.emulate_media(media="screen")
    assert not fresh.get_by_text("The worklist is not printed").is_visible()


def test_a_long_worklist_has_pages_that_the_keyboard_turns(
    fresh: Page, sample_results: Path
) -> None:
    def shown() -> list[str]:
        ids: list[str] = fresh.evaluate(
            "[...document.querySelectorAll('#worklist tbody tr')].map(r => r.dataset.ids)"
        )
        return ids

    first = shown()
    assert len(first) == write.PAGE_LINES
    assert fresh.get_by_text("Page 1 of 3", exact=True).is_visible()
    fresh.get_by_role("button", name="Next page").focus()
    fresh.keyboard.press("Enter")
    second = shown()
    assert not {*first} & {*second} and len(second) == write.PAGE_LINES
    fresh.get_by_role("button", name="Page before").focus()
    fresh.keyboard.press("Enter")
    assert shown() == first
    fresh.get_by_label("Search the lines below").fill("cyc-waste")
    assert not fresh.get_by_role("button", name="Next page").is_visible()


def test_a_screen_reader_hears_the_charts_by_name(fresh: Page) -> None:
    images: list[Any] = fresh.get_by_role("img").all()
    assert [i.get_attribute("aria-labelledby") for i in images] == [
        f"{n}-title {n}-desc" for n in CHARTS
    ]
    assert fresh.get_by_role("img", name="At risk and lines by rule").count() == 1
    assert fresh.get_by_role("heading", level=1).count() == 1


@pytest.mark.slow
def test_lines_that_persons_have_set_aside_are_folded_away_and_carry_no_amount(
    sample_results: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(sample_results, folder)
    exceptions = pl.read_parquet(folder / "exceptions.parquet")
    line = exceptions.filter(pl.col("outcome") == "recover")["claim_id"][0]
    is_dismissed = pl.col("claim_id") == line
    status = pl.when(is_dismissed).then(pl.lit("dismissed")).otherwise(pl.lit("open"))
    decision = pl.when(is_dismissed).then(pl.lit("overturned"))
    known = exceptions.with_columns(status=status, decision=decision)
    lines = worklists(known, pl.DataFrame(schema=REPEATED))
    write_tables(folder, {"exceptions": known, **lines._asdict()})
    run = RunFacts("0" * 16, AS_OF, "0", "full", "nothing changed", 1, 0, 0)
    write.write_page(folder, run, {"files": [], "tables": []}, {})
    text = (folder / write.PAGE).read_text(encoding="utf-8")
    worklist, _, folded = text.partition('<details id="set-aside">')
    assert "1 line that a person has set aside" in folded
    assert f'data-value="{line}"' in folded and f'data-value="{line}"' not in worklist
    assert "$0.00" in folded and "latest decision: overturned" in folded
    assert "Status open, first found on" in worklist
