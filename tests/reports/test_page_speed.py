"""How fast the longest page opens, sorts and searches, by the clock of the browser."""

import shutil
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import sync_playwright

from flows.reports.page import lines, write
from flows.reports.run_facts import RunFacts
from tests.support.running import AS_OF

OPENED, AT_ONCE = 2_000, 300
"""Milliseconds that the page takes at most on a machine that does nothing else."""
UNDER_LOAD = 5
OPEN = "performance.getEntriesByType('navigation')[0].loadEventEnd"
SORT = """() => {
  const heads = [...document.querySelectorAll('#worklist thead button')];
  const start = performance.now();
  heads.find(head => head.textContent === 'At risk').click();
  document.body.offsetHeight;
  return performance.now() - start;
}"""
SEARCH = """() => {
  const search = document.getElementById('search');
  search.value = 'cyc-waste';
  const start = performance.now();
  search.dispatchEvent(new Event('input'));
  document.body.offsetHeight;
  return performance.now() - start;
}"""


@pytest.fixture(scope="module")
def longest(sample_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the sample's lines, each under so many claim ids that no page has more lines."""
    folder = shutil.copytree(sample_results, tmp_path_factory.mktemp("longest") / "run")
    tables = {
        name: pl.read_parquet(folder / f"{name}.parquet")
        for name in ("worklist", "advisories", "exceptions")
    }
    copies = -(-lines.MOST_LINES // tables["worklist"].height)
    for name, table in tables.items():
        claim_id = pl.concat_str("claim_id", pl.lit("-"), "copy")
        many = table.join(pl.DataFrame({"copy": range(copies)}), how="cross")
        many.with_columns(claim_id).select(table.columns).write_parquet(folder / f"{name}.parquet")
    run = RunFacts("0" * 16, AS_OF, "0", "full", "since 2026-06-29: nothing new", 1, 0, 0)
    write.write_page(folder, run, {"files": [], "tables": []}, {})
    return folder / write.PAGE


@pytest.mark.slow
def test_ten_thousand_lines_open_and_sort_at_once(
    longest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(longest.as_uri())
        assert f"of {lines.MOST_LINES} lines shown" in page.locator("#count").inner_text()
        took = {"opens": page.evaluate(OPEN), "sorts": page.evaluate(SORT)}
        took["searches"] = page.evaluate(SEARCH)
        browser.close()
    with capsys.disabled():
        print(*(f"{what} in {ms:,.0f} ms" for what, ms in took.items()), sep=", ")
    assert took["opens"] < OPENED * UNDER_LOAD
    assert took["sorts"] < AT_ONCE * UNDER_LOAD and took["searches"] < AT_ONCE * UNDER_LOAD
