"""Every total that a run shows is the sum of a column of its worklist, and says which."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import fastexcel
import polars as pl
import pytest

from flows.cli.app import main
from flows.cli.terminal import as_json, show
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.letters.batch import Batch, write_batch
from flows.letters.select import LetterKind
from flows.letters.write import MERGE
from flows.privacy import AGGREGATE
from flows.results.manifest import WORKPAPER
from flows.results.totals import SET_ASIDE, SUMMED, shown_totals, totals, with_leading
from flows.summary import Summary
from schemas.decisions import DISMISS, OVERTURNED, RECOVERED, UPHELD
from schemas.results import AGGREGATE as AGGREGATE_TABLE
from schemas.results import AMOUNT_COLUMNS, EXCEPTION, MONEY, WORKLIST
from tests.support.extracts import IMATINIB, Row, as_csv, good
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.shown_sums import in_work_paper, on_page, on_screen
from tests.support.sources import MODULES, ROOT, name_of
from tests.support.workbook import wrong_formulas

AT_RISK = (*AMOUNT_COLUMNS.values(), "amount_at_risk")
SHOWN = (*AT_RISK, "expected_amount", "dismissed_amount", "recovered_amount")
"""Of the runs below: something is dismissed, overturned, or came back."""
IMATINIB_400 = "47335047583"
MEMBERS = 14
MAY_ADD_AMOUNTS = {
    "flows/ledger/precision.py": "of every night: a worklist is of one, and lacks what is resolved",
    "flows/ledger/money_back.py": "whether more came back for a line than was paid; not shown",
    "flows/letters/letter.py": "of the exhibits of one letter, each a line of the worklist",
    "flows/letters/select.py": "of the lines of one payee: whether a letter is worth writing",
    "flows/letters/since.py": "whether more came back than the run still asks for; not shown",
    "flows/letters/write.py": "of the letters of a batch, each a sum of worklist amounts",
    "flows/results/small_cells.py": "whether a cell may be shown depends on its members' dollars",
    "flows/reports/page/timeline.py": "orders the courses; the sum is not shown",
}
ADDS_AMOUNTS = re.compile(
    r"(amount|dollars|paid|stake)[\w\"')\]. ]*\.sum\(|\bsum\([^)]*(amount|dollars|paid)"
    r"|pl\.sum\(\"\w*(amount|dollars|paid)"
)


def _column_sums(file: Path) -> dict[str, Decimal]:
    """The sum of every amount of a table, one value after the other."""
    table = pl.read_parquet(file)
    return {c: sum(table[c].to_list(), Decimal(0)) for c in SUMMED}


# ---------------------------------------------------------------- one function


def test_totals_by_label_add_up_to_the_whole() -> None:
    rows: list[Row] = [
        {"payer": payer, "outcome": "review", **dict.fromkeys(SUMMED, Decimal(cents) / 100)}
        for payer, cents in (("A", 10), ("A", 25), ("B", 10**17 - 1), ("B", 10**17 - 1))
    ]
    lines = pl.DataFrame(rows, schema=WORKLIST)
    by_payer = totals(lines, payer="payer").sort("payer")
    assert by_payer["lines"].to_list() == [2, 2]
    assert by_payer["amount_at_risk"].to_list()[0] == Decimal("0.35")
    for column in ("lines", *SUMMED):
        assert sum(by_payer[column].to_list()) == totals(lines)[column][0]
        assert totals(by_payer)[column][0] == totals(lines)[column][0]
    assert totals(lines)["review_amount"][0] == Decimal(2 * (10**17 - 1) + 35) / 100


def test_nothing_adds_up_to_nothing() -> None:
    empty = pl.DataFrame(schema=WORKLIST)
    assert set(totals(empty).row(0)) == {0}


def test_every_amount_of_the_worklist_is_added_up() -> None:
    assert tuple(name for name, dtype in WORKLIST.items() if dtype == MONEY) == SUMMED


def test_a_line_is_led_by_the_first_of_its_exceptions() -> None:
    exceptions = pl.DataFrame(
        [
            {"exception_id": "a", "rule_id": "DX01", "outcome": "review"},
            {"exception_id": "b", "rule_id": "QTY01", "outcome": "recover"},
        ],
        schema=EXCEPTION,
    )
    lines = pl.DataFrame([{"exception_ids": ["b", "a"], "outcome": None}], schema=WORKLIST)
    led = with_leading(lines, exceptions, "rule_id", "outcome")
    assert led.select("rule_id", "outcome").rows() == [("QTY01", "recover")]


@pytest.mark.parametrize(
    "text",
    ['worklist["amount_at_risk"].sum()', 'pl.col("dollars").sum()', 'pl.sum("amount_at_risk")'],
)
def test_adding_up_amounts_is_noticed(text: str) -> None:
    assert ADDS_AMOUNTS.search(text)


def test_no_other_module_adds_up_amounts() -> None:
    adding = {
        name_of(path)
        for path in MODULES
        if path.is_relative_to(ROOT / "flows")
        and path != ROOT / "flows/results/totals.py"
        and ADDS_AMOUNTS.search(path.read_text(encoding="utf-8"))
    }
    assert adding == MAY_ADD_AMOUNTS.keys()


def test_what_is_expected_is_shown_if_it_is_another_sum_and_what_is_set_aside_if_any_is() -> None:
    sums = dict.fromkeys(SUMMED, "7.00") | {"dismissed_amount": "0.00"}
    assert list(shown_totals(sums)) == ["amount_at_risk", *AMOUNT_COLUMNS.values(), *_other(sums)]
    sums["expected_amount"] = "6.99"
    assert "expected_amount" in shown_totals(sums)
    assert list(shown_totals({"amount_at_risk": "7.00"})) == ["amount_at_risk"]


def _other(sums: dict[str, str]) -> list[str]:
    """The columns of what is set aside that hold something."""
    return [c for c in SET_ASIDE if Decimal(sums[c])]


# ---------------------------------------------------------------- every output of one run


def _fill(member: int, kind: str, **changed: object) -> Row:
    return good(
        "pharmacy_claim",
        claim_id=f"{kind}{member}",
        member_id=f"M{member}",
        dispensing_channel="retail",
        prescribing_provider_npi="1234567893",
        dispensing_provider_npi="1234567893" if member % 2 else None,
        **changed,
    )


def _fills() -> Iterator[Row]:
    """Per member: one fill of each kind, each found by other rules."""
    for member in range(MEMBERS):
        over = {"quantity": 200, "paid_amount": f"{2000 + member}.40", "ndc_code": IMATINIB}
        yield _fill(member, "over", dispensing_date="2025-01-05", **over)
        may_be = {"quantity": 70, "paid_amount": "2100.00", "ndc_code": IMATINIB_400}
        yield _fill(member, "may-be", dispensing_date="2026-02-05", **may_be)
        hint = {"quantity": 170, "days_supply": 21, "paid_amount": "1700.00", "ndc_code": IMATINIB}
        yield _fill(member, "hint", dispensing_date="2026-05-05", **hint)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, Summary]:
    """A run after a dismissal, with everything that it can write, and the same as an aggregate."""
    base = tmp_path_factory.mktemp("totals")
    (base / "in").mkdir()
    (base / "in" / "pharmacy_claim.csv").write_text(as_csv(list(_fills())), encoding="utf-8")
    spans = [
        good("eligibility", member_id=f"M{member}", enrollment_start_date="2026-01-01")
        for member in range(MEMBERS)
    ]
    (base / "in" / "eligibility.csv").write_text(as_csv(spans), encoding="utf-8")
    request = request_for(base / "in", base / "out", base / "audit.duckdb")
    first = night(replace(request, as_of=date(2026, 6, 29)))
    found = pl.read_parquet(first.folder / "exceptions.parquet").filter(rule_id="QTY01")
    ids = found.sort("claim_id")["exception_id"]
    made = [Decision(i, "known", DISMISS) for i in ids.head(2)]
    made += [Decision(ids[-1], "appeal", OVERTURNED)]
    made += [Decision(i, action=UPHELD) for i in ids[2:5]]
    made += [Decision(ids[5], action=RECOVERED, amount=Decimal("10.01"))]
    decide(base / "audit.duckdb", made, by="me")
    full = night(replace(request, xlsx=True, page=True))
    aggregate = night(replace(request, xlsx=None, page=True, privacy=AGGREGATE))
    return full, aggregate


@pytest.fixture(scope="module")
def sums(runs: tuple[Summary, Summary]) -> dict[str, Decimal]:
    sums = _column_sums(runs[0].folder / "worklist.parquet")
    assert all(sums[column] for column in SHOWN)
    assert sums["expected_amount"] < sums["amount_at_risk"]
    assert sum(sums[c] for c in AMOUNT_COLUMNS.values()) == sums["amount_at_risk"]
    advisories = runs[0].folder / "advisories.parquet"
    assert pl.read_parquet(advisories).height > 0
    assert set(_column_sums(advisories).values()) - {_column_sums(advisories)["paid_amount"]} == {0}
    return sums


@pytest.mark.slow
def test_the_screen_and_the_json_show_the_sums_of_the_worklist(
    runs: tuple[Summary, Summary], sums: dict[str, Decimal], capsys: pytest.CaptureFixture[str]
) -> None:
    show(runs[0])
    assert on_screen(capsys.readouterr().out) == {c: sums[c] for c in SHOWN}
    found = json.loads(as_json(runs[0]))["found"]
    assert {c: Decimal(found[c]) for c in SUMMED} == sums


def _dollars(texts: list[str]) -> list[Decimal]:
    return [Decimal(text.replace(",", "")) for text in texts]


@pytest.mark.slow
def test_the_page_shows_the_sums_of_the_worklist(
    runs: tuple[Summary, Summary], sums: dict[str, Decimal]
) -> None:
    html = (runs[0].folder / "summary.html").read_text(encoding="utf-8")
    assert on_page(html) == {c: sums[c] for c in SHOWN}
    for name in ("Rule", "Outcome", "Payer", "Month", "Provider"):
        table = re.search(rf'<th scope="col">{name}</th>.*?</table>', html, re.DOTALL)
        assert table
        cells = [re.findall(r'class="number">\$([\d.,]+)<', row) for row in table[0].split("<tr>")]
        rows = [_dollars(row) for row in cells if row]
        assert sum(row[-1] for row in rows) == sums["amount_at_risk"], name
        for *by_outcome, at_risk in rows:
            assert not by_outcome or sum(by_outcome) == at_risk, "bars are divided by outcome"


@pytest.mark.slow
def test_the_work_paper_shows_the_sums_of_the_worklist(
    runs: tuple[Summary, Summary], sums: dict[str, Decimal]
) -> None:
    file = fastexcel.read_excel(runs[0].folder / WORKPAPER)
    cells = file.load_sheet("Summary", header_row=None, skip_rows=0, dtypes="string").to_polars()
    assert in_work_paper(runs[0].folder) == {c: sums[c] for c in SHOWN}
    exceptions = pl.read_parquet(runs[0].folder / "exceptions.parquet")
    found = set(exceptions["rule_id"])
    rules = [row for row in cells.iter_rows() if row[0] in found and row[6]]
    assert sum(Decimal(row[6]) for row in rules) == sums["amount_at_risk"]
    sheet = file.load_sheet("Rules", header_row=2, dtypes="string").to_polars()
    of_rules = sheet.filter(pl.col("rule_id").is_in(found))["amount_at_risk"].drop_nulls()
    assert sum(map(Decimal, of_rules)) == sums["amount_at_risk"]
    assert not wrong_formulas(runs[0].folder / WORKPAPER)


def _amounts(table: pl.DataFrame, amount: str = "amount_at_risk") -> dict[str, Decimal | None]:
    """Id of each exception of a table -> its amount, of text to the cent."""
    cents = pl.col(amount).cast(pl.String).replace("", None).cast(pl.Decimal(18, 2))
    return dict(table.select("exception_id", cents).iter_rows())


@pytest.mark.slow
def test_every_list_of_findings_states_the_amounts_of_the_exceptions(
    runs: tuple[Summary, Summary], sums: dict[str, Decimal], tmp_path: Path
) -> None:
    folder = runs[0].folder
    warehouse, ledger = folder.parent.parent / "audit.duckdb", tmp_path / "ledger.csv"
    exceptions = pl.read_parquet(folder / "exceptions.parquet")
    found = _amounts(exceptions)
    assert _amounts(pl.read_csv(folder / "exceptions.csv", infer_schema=False)) == found
    sheet = fastexcel.read_excel(folder / WORKPAPER).load_sheet("Exceptions", dtypes="string")
    dismissed = exceptions.filter(status="dismissed")["exception_id"]
    (back,) = exceptions.filter(decision=RECOVERED)["exception_id"]
    asked = found | dict.fromkeys(dismissed) | {back: (found[back] or 0) - sums["recovered_amount"]}
    assert _amounts(sheet.to_polars()) == asked, "a work-paper has what is still asked for"
    assert main(["ledger", "--warehouse", str(warehouse), "--export", str(ledger)]) == 0
    known = pl.read_csv(ledger, infer_schema=False)
    assert _amounts(known) == found
    assert _amounts(known, "recovered")[back] == sums["recovered_amount"]
    html = (folder / "summary.html").read_text(encoding="utf-8")
    rows = re.findall(r'<tr [^>]*data-amount="([\d.]*)"', html)
    assert len(rows) == runs[0].lines, "the folded ones too"
    assert sum(Decimal(amount or 0) for amount in rows) == sums["amount_at_risk"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "column"), [("finding", "recover_amount"), ("records", "records_request_amount")]
)
def test_letters_and_what_is_in_none_add_up_to_the_worklist(
    kind: LetterKind,
    column: str,
    runs: tuple[Summary, Summary],
    sums: dict[str, Decimal],
    tmp_path: Path,
) -> None:
    folder = runs[0].folder
    template = ROOT / "data" / "letter_template.toml"
    warehouse = folder.parent.parent / "audit.duckdb"
    write_batch(Batch(folder, warehouse, tmp_path, template, kind, "letter", with_pdf=False))
    (batch,) = tmp_path.iterdir()
    cover = (batch / "cover.html").read_text(encoding="utf-8")
    total, *left_out = re.findall(r'class="number">\$([\d.,]+)</td>', cover.split("Total of")[1])
    amounts = [Decimal(a.replace(",", "")) for a in (total, *left_out)]
    assert pl.read_parquet(batch / MERGE)["amount"].to_list() == amounts[:1], "of the one payee"
    assert 0 < amounts[0] < sum(amounts) == sums[column]


@pytest.mark.slow
def test_an_aggregate_shows_the_sums_of_the_worklist_and_no_others(
    runs: tuple[Summary, Summary], sums: dict[str, Decimal], capsys: pytest.CaptureFixture[str]
) -> None:
    aggregate = runs[1]
    table = pl.read_csv(aggregate.folder / "aggregate.csv", schema=AGGREGATE_TABLE)
    for (by,), rows in table.group_by("by"):
        assert sum(rows["amount_at_risk"].to_list()) == sums["amount_at_risk"], by
        assert sum(rows["lines"].to_list()) == runs[0].lines
    found = json.loads(as_json(aggregate))["found"]
    assert {c for c in SUMMED if found[c] is not None} == {"amount_at_risk"}
    assert Decimal(found["amount_at_risk"]) == sums["amount_at_risk"]
    show(aggregate)
    assert f"amount_at_risk          {sums['amount_at_risk']:,}" in capsys.readouterr().out
    html = (aggregate.folder / "summary.html").read_text(encoding="utf-8")
    assert f"<dt>amount_at_risk</dt><dd>${sums['amount_at_risk']:,}</dd>" in html
    assert "recover_amount" not in html
