"""A finding from the night it is found to the day it is settled, as an analyst works it."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from flows.cli.terminal import as_json, show
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.letters.batch import Batch, write_batch
from flows.letters.write import MERGE
from flows.privacy import AGGREGATE
from flows.results.manifest import WORKPAPER
from flows.results.totals import SUMMED, shown_totals
from flows.summary import Summary
from tests.support.extracts import IMATINIB, Row, as_csv, good, write
from tests.support.nights import night
from tests.support.running import ROOT, request_for
from tests.support.shown_sums import in_work_paper, on_page, on_screen

pytestmark = pytest.mark.slow  # four runs and three batches of letters

DAYS = [date(2026, 6, n) for n in (27, 28, 29)]
NPI = "1234567893"
FILLS = 22
EXCESS = 600  # dollars of each fill above its limit


def _fill(number: int) -> Row:
    return good(
        "pharmacy_claim",
        claim_id=f"C{number:02}",
        member_id=f"M{number:02}",
        dispensing_provider_npi=NPI,
        quantity=240,
        paid_amount="2400.00",
        paid_date="2026-06-20",
        ndc_code=IMATINIB,
        dispensing_channel="retail",
    )


def _night(base: Path, number: int, **options: object) -> Summary:
    landing = base / "in"
    if not landing.exists():
        write(landing, {"pharmacy_claim.csv": as_csv([_fill(n) for n in range(FILLS)])})
    given = {"xlsx": True, "page": True} | options
    request = request_for(landing, base / "out", base / "audit.duckdb", DAYS[number])
    return night(replace(request, **given))  # type: ignore[arg-type]


def _letters(base: Path, run: Summary, number: int) -> tuple[Decimal, str]:
    """What the letters about the findings of a night ask for, and their text."""
    output = base / f"letters{number}"
    output.mkdir()
    template = ROOT / "data" / "letter_template.toml"
    asked = Batch(run.folder, base / "audit.duckdb", output, template, "finding", "letter")
    write_batch(replace(asked, with_pdf=False))
    (folder,) = output.iterdir()
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("finding-*.html"))]
    amounts = pl.read_parquet(folder / MERGE)["amount"].to_list()
    asked_for = re.findall(r"We ask for \$([\d.,]+)\.", "".join(texts))
    assert [Decimal(a.replace(",", "")) for a in asked_for] == amounts
    return sum(amounts, Decimal(0)), "".join(texts)


def _sums(run: Summary, printed: str) -> dict[str, Decimal]:
    """The sums of the worklist, which every output of a run shows."""
    worklist = pl.read_parquet(run.folder / "worklist.parquet")
    sums = {c: sum(worklist[c].to_list(), Decimal(0)) for c in SUMMED}
    assert {c: Decimal(json.loads(as_json(run))["found"][c]) for c in SUMMED} == sums
    shown = shown_totals({c: str(amount) for c, amount in sums.items()})
    html = (run.folder / "summary.html").read_text(encoding="utf-8")
    assert on_screen(printed) == on_page(html) == in_work_paper(run.folder) == shown
    return {c: amount for c, amount in sums.items() if amount and c != "paid_amount"}


def test_three_nights_of_an_analyst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def sums(run: Summary) -> dict[str, Decimal]:
        capsys.readouterr()
        show(run)
        return _sums(run, capsys.readouterr().out)

    warehouse = tmp_path / "audit.duckdb"
    first = _night(tmp_path, 0)
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="QTY01")
    assert set(found["outcome"]) == {"recover"}
    ids = found.sort("claim_id")["exception_id"].to_list()
    whole = Decimal(FILLS * EXCESS)
    same = dict.fromkeys(("recover_amount", "amount_at_risk", "expected_amount"), whole)
    assert sums(first) == same, "nothing is decided, so every amount counts in full"
    assert _letters(tmp_path, first, 0)[0] == whole

    made = [
        Decision(ids[0], "trial in the chart", "dismiss"),
        Decision(ids[1], action="recovered", amount=Decimal(EXCESS)),
        Decision(ids[2], action="recovered", amount=Decimal("100.00")),
        *(Decision(i, action="upheld") for i in ids[3:6]),
    ]
    decide(warehouse, made, by="Ann")
    second = _night(tmp_path, 1)
    left = whole - 2 * EXCESS - 100
    assert sums(second) == {
        **dict.fromkeys(("recover_amount", "amount_at_risk", "expected_amount"), left),
        "dismissed_amount": EXCESS,
        "recovered_amount": EXCESS + 100,
    }
    asked, text = _letters(tmp_path, second, 1)
    assert asked == left
    assert "C00" not in text and "C01" not in text, "dismissed, and settled"
    assert "$100.00 came back already" in text and "Asked for this line: $500.00" in text

    decide(warehouse, [Decision(i, "appeal", "overturned") for i in ids[6:11]], by="Ann")
    third = _night(tmp_path, 2)
    left -= 5 * EXCESS
    assert sums(third) == {
        **dict.fromkeys(("review_amount", "amount_at_risk"), left),
        "expected_amount": left / 2,  # five of ten reviewed findings held
        "dismissed_amount": 6 * EXCESS,
        "recovered_amount": EXCESS + 100,
    }
    assert _letters(tmp_path, third, 2) == (0, ""), "a review is in no letter"
    now = pl.read_parquet(third.folder / "exceptions.parquet").filter(rule_id="QTY01")
    assert set(now["outcome"]) == {"review"}
    aside = now.filter(pl.col("claim_id").is_in(["C00", *(f"C{n:02}" for n in range(6, 11))]))
    assert set(aside["status"]) == {"dismissed"} and aside.height == 6
    _says_that_the_term_is_demoted(third)

    aggregate = _night(tmp_path, 2, privacy=AGGREGATE, xlsx=None)
    table = pl.read_csv(aggregate.folder / "aggregate.csv")
    for (by,), rows in table.group_by("by"):
        assert Decimal(str(rows["amount_at_risk"].sum())) == left, by


def _says_that_the_term_is_demoted(run: Summary) -> None:
    note = "5 of 10 reviewed findings were overturned"
    assert any(note in text for text in run.notes)
    for name in ("manifest.json", "summary.html"):
        assert note in (run.folder / name).read_text(encoding="utf-8"), name
    book = fastexcel.read_excel(run.folder / WORKPAPER)
    of_work_paper = book.load_sheet("Exceptions", dtypes="string").to_polars()
    for lines in (pl.read_parquet(run.folder / "exceptions.parquet"), of_work_paper):
        rationales = lines.filter(rule_id="QTY01")["rationale"]
        assert rationales.str.contains("were overturned when they were reviewed").all()
    summary = book.load_sheet("Summary", header_row=None, skip_rows=0, dtypes="string").to_polars()
    assert "5 of 10" in [cell for row in summary.iter_rows() for cell in row]
