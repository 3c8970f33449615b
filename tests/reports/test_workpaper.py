"""The work-paper: its cells, what Excel's limits leave out, and what is read back from it."""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import fastexcel
import polars as pl
import pytest
import xlsxwriter

from audit_rules import catalogue
from audit_rules.rules import CATALOGUE
from flows.cli.app import main
from flows.errors import UsageError
from flows.reports.workpaper import cells, lines, write
from flows.reports.workpaper.disposition import DISPOSITION, REASON
from flows.reports.workpaper.read import read_workpaper
from flows.reports.workpaper.write import WORKPAPER
from schemas.outcomes import EXCEPTIONS
from tests.support.extracts import IMATINIB, as_csv, good
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.workbook import sheets_of
from tests.support.workpapers import exception as _exception
from tests.support.workpapers import written as _written

HEAD = [c.title or c.name for c in lines.COLUMNS]


def _cells(file: Path, sheet: str = "Exceptions") -> list[list[Any]]:
    """Every cell of a sheet as a reader sees it."""
    frame = (
        fastexcel.read_excel(file)
        .load_sheet(sheet, header_row=None, skip_rows=0, dtypes="string")
        .to_polars()
    )
    return [list(row) for row in frame.iter_rows()]


def _types(file: Path, row: int) -> dict[str, str | None]:
    """The type in the file of each cell of a row of the lines: inlineStr, n, or none."""
    names = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    tree = ElementTree.fromstring(sheets_of(file)["Exceptions"].xml)
    cells = tree.findall(f"m:sheetData/m:row[@r='{row}']/m:c", names)
    assert not tree.findall(".//m:f", names)
    return dict(
        zip(
            HEAD,
            (c.get("t", "n" if c.find("m:v", names) is not None else None) for c in cells),
            strict=True,
        )
    )


# ---------------------------------------------------------------- cells

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "http://example.org",
    "00012",
    "{=1}",
    "a\x0bb",
    "mailto:x@y",
    "<b>&\u4e2d",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_stays_text(text: str, tmp_path: Path) -> None:
    _written(
        tmp_path,
        _exception(1, claim_id=text, payer=text, rationale=text, product_code="00078064930"),
    )
    (row,) = _cells(tmp_path / WORKPAPER)[1:]
    shown = dict(zip(HEAD, row, strict=True))
    assert [shown["claim_id"], shown["payer"], shown["rationale"]] == [text] * 3
    assert shown["product_code"] == "00078064930"
    types = _types(tmp_path / WORKPAPER, 2)
    assert {types[n] for n in ("claim_id", "payer", "rationale", "product_code")} == {"inlineStr"}


def test_money_and_dates_are_written_as_numbers(tmp_path: Path) -> None:
    _written(
        tmp_path,
        _exception(
            1, paid_amount=Decimal("-1234567.89"), observed=180.5, paid_date=date(1900, 3, 1)
        ),
    )
    types = _types(tmp_path / WORKPAPER, 2)
    assert {
        types[n]
        for n in ("amount_at_risk", "paid_amount", "service_date", "paid_date", "observed", "line")
    } == {"n"}
    sheet = fastexcel.read_excel(tmp_path / WORKPAPER).load_sheet("Exceptions").to_polars()
    row = sheet.row(0, named=True)
    assert row["paid_amount"] == -1234567.89 and row["service_date"] in (
        date(2026, 2, 1),
        datetime(2026, 2, 1),
    )
    assert row["paid_date"] in (date(1900, 3, 1), datetime(1900, 3, 1))


def test_dates_amounts_and_paper_are_those_of_whoever_reads_it(tmp_path: Path) -> None:
    """14 is the short date of the reader's region; no sheet names a size of paper."""
    _written(tmp_path, _exception(1))
    with zipfile.ZipFile(tmp_path / WORKPAPER) as parts:
        styles = parts.read("xl/styles.xml").decode()
        sheets = [parts.read(n).decode() for n in parts.namelist() if "worksheets/sheet" in n]
    assert 'numFmtId="14"' in styles and "yy" not in styles
    assert "#,##0.00;" in styles and "$" not in styles
    assert sheets and not any("paperSize" in sheet for sheet in sheets)


NOT_EXACT = [
    ("paid_amount", Decimal("12345678901234.56")),
    ("line", 2**60),
    ("service_date", date(1900, 2, 28)),
    ("observed", 2.0**60),
]


@pytest.mark.parametrize(("column", "value"), NOT_EXACT)
def test_what_excel_would_change_is_written_as_text(
    column: str, value: object, tmp_path: Path
) -> None:
    name = "claim_line_number" if column == "line" else column
    _written(tmp_path, _exception(1, **{name: value}))
    assert _types(tmp_path / WORKPAPER, 2)[column] == "inlineStr"
    shown = dict(zip(HEAD, _cells(tmp_path / WORKPAPER)[1], strict=True))
    assert shown[column] == str(value)


def test_the_strongest_and_largest_come_first(tmp_path: Path) -> None:
    amounts = [
        ("review", "5.00"),
        ("recover", "1.00"),
        ("records_request", None),
        ("recover", "9.00"),
        ("records_request", "2.00"),
    ]
    _written(
        tmp_path,
        *(
            _exception(n, outcome=o, amount_at_risk=a and Decimal(a))
            for n, (o, a) in enumerate(amounts)
        ),
    )
    assert [int(row[HEAD.index("claim_id")]) for row in _cells(tmp_path / WORKPAPER)[1:]] == [
        3,
        1,
        4,
        2,
        0,
    ]


def test_the_work_paper_of_the_sample_is_complete(sample_results: Path) -> None:
    file = sample_results / WORKPAPER
    exceptions = pl.read_parquet(sample_results / "exceptions.parquet")
    found = [m for m in CATALOGUE if m.RULE.id in set(exceptions["rule_id"])]
    assert fastexcel.read_excel(file).sheet_names == [
        "Summary",
        "Worklist",
        "Changes",
        "Providers",
        "Exceptions",
        "Evidence",
        "Rules",
    ]
    shown = _cells(file)
    ids = [row[HEAD.index("exception_id")] for row in shown[1:]]
    assert sorted(ids) == sorted(exceptions["exception_id"])
    assert {row[HEAD.index(n)] for row in shown[1:] for n in (DISPOSITION, REASON)} == {None}
    facts = _cells(file, "Evidence")
    assert len(facts) - 1 == exceptions["evidence"].list.len().sum()
    rules = _cells(file, "Rules")
    text = {line for (line, *_) in rules if line}
    for module in found:
        assert set(filter(None, catalogue.describe(module).splitlines())) <= text
    coverage = pl.read_parquet(sample_results / "rule_coverage.parquet")
    answers = ("rule_id", "policy_id", "outcome", "reason")
    counted = coverage.group_by(answers, maintain_order=True).agg(pl.col("lines").sum())
    rows = [(*row[:4], int(row[4])) for row in rules[3 : 3 + counted.height]]
    assert rows == list(counted.iter_rows())
    overview = _cells(file, "Summary")
    outcomes = {row[0]: row for row in overview if row[0] in EXCEPTIONS}
    counts = dict(exceptions.group_by("outcome").len().iter_rows())
    assert {o: int(float(row[2])) for o, row in outcomes.items()} == {
        o: counts.get(o, 0) for o in EXCEPTIONS
    }
    (total,) = [row for row in overview if row[0] == "all"]
    assert (
        Decimal(total[5])
        == pl.read_parquet(sample_results / "worklist.parquet")["amount_at_risk"].sum()
    )


def test_the_evidence_has_two_cycle_numbers_only_if_the_count_is_uncertain(
    sample_results: Path,
) -> None:
    exceptions = pl.read_parquet(sample_results / "exceptions.parquet")
    dose = pl.element().filter(pl.element().struct.field("kind") == "dose")
    found = exceptions["evidence"].list.eval(dose).explode().drop_nulls()
    cycles = [value.split(" cycle ")[1].split(" to ") for value in found.struct.field("value")]
    wanted = sorted(" or ".join(dict.fromkeys(numbers)) for numbers in cycles)
    head, *rows = _cells(sample_results / WORKPAPER, "Evidence")
    shown = [row[head.index("evidence value")] for row in rows if "dose" in row]
    assert sorted(str(value).split(" cycle ")[1] for value in shown) == wanted


def test_the_same_results_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _written(tmp_path / name, _exception(1), _exception(2, outcome="review"))
    assert (tmp_path / "a" / WORKPAPER).read_bytes() == (tmp_path / "b" / WORKPAPER).read_bytes()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        "advisories.parquet",
        "changes.parquet",
        "exceptions.parquet",
        WORKPAPER,
        "rule_coverage.parquet",
        "worklist.parquet",
    ]


def test_the_sheet_of_lines_has_a_drop_down_list_and_filters(tmp_path: Path) -> None:
    _written(tmp_path, _exception(1), _exception(2))
    text = sheets_of(tmp_path / WORKPAPER)["Exceptions"].xml
    assert (
        '<dataValidation type="list"' in text
        and '"confirm,dismiss,request records,upheld,overturned"' in text
    )
    assert "<autoFilter" in text and 'state="frozen"' in text and "<conditionalFormatting" in text


def test_a_run_without_exceptions_has_a_work_paper_too(tmp_path: Path) -> None:
    assert _written(tmp_path) == ()
    assert _cells(tmp_path / WORKPAPER) == [HEAD]


# ---------------------------------------------------------------- when it is written


def test_it_is_written_if_requested_or_small_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "ROW_LIMIT", 1)
    both = [_exception(1), _exception(2)]
    (note,) = _written(tmp_path / "large", *both)
    assert (
        "2 exceptions are more than 1" in note
        and "--xlsx" in note
        and not (tmp_path / "large" / WORKPAPER).exists()
    )
    assert (
        _written(tmp_path / "asked", *both, wanted=True) == ()
        and (tmp_path / "asked" / WORKPAPER).exists()
    )
    assert _written(tmp_path / "small", both[0]) == () and (tmp_path / "small" / WORKPAPER).exists()
    assert (
        _written(tmp_path / "never", both[0], wanted=False) == ()
        and not (tmp_path / "never" / WORKPAPER).exists()
    )


def test_rows_beyond_a_sheets_limit_are_left_out_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lines, write):
        monkeypatch.setattr(module, "EXCEL_ROWS", 3)
    fact = {"kind": "fill", "side": "against"}
    notes = _written(
        tmp_path,
        _exception(1, amount_at_risk=Decimal(1)),
        *(_exception(n, evidence=[fact, fact]) for n in (2, 3)),
        wanted=True,
    )
    assert len(notes) == 2
    assert "Left out: 1 of 3 exceptions" in notes[0] and "2 facts" in notes[1]
    assert [row[HEAD.index("claim_id")] for row in _cells(tmp_path / WORKPAPER)[1:]] == [
        "00002",
        "00003",
    ]
    shown = [row[1] for row in _cells(tmp_path / WORKPAPER, "Summary") if row[0] == "NOT INCLUDED"]
    assert [f"{WORKPAPER}: {note}" for note in shown] == list(notes)


def test_a_text_longer_than_a_cell_is_cut_and_reported(tmp_path: Path) -> None:
    notes = _written(
        tmp_path,
        _exception(1, rationale="x" * 32_767),
        _exception(2, rationale="\U0001f48a" * 20_000),
    )
    assert len(notes) == 1 and "Cut: 1 text." in notes[0]
    whole, cut = (row[HEAD.index("rationale")] for row in _cells(tmp_path / WORKPAPER)[1:])
    assert whole == "x" * 32_767
    assert cut.endswith(cells.CUT) and len(cut.encode("utf-16-le")) // 2 == 32_766  # a pill is two


# ---------------------------------------------------------------- read back


def _filled(file: Path, *rows: tuple[object, object, object], sheet: str = "Lines") -> Path:
    """A saved work-paper with rows of exception_id, disposition and reason."""
    with xlsxwriter.Workbook(str(file)) as workbook:
        page = workbook.add_worksheet(sheet)
        page.write_row(0, 0, ["outcome", "exception_id", "disposition", "disposition_reason"])
        for i, row in enumerate(rows, 1):
            page.write_row(i, 0, ["recover", *row])
    return file


def test_every_disposition_is_read_back(tmp_path: Path) -> None:
    file = _filled(
        tmp_path / "w.xlsx",
        ("a", "confirm", None),
        ("b", " Dismiss ", " trial documented "),
        ("c", None, None),
        ("d", "request  records", None),
        ("f", "dismiss", 7),
    )
    problems: list[str] = []
    read = read_workpaper(file, problems)
    assert [(d.exception_id, d.action, d.reason) for d in read] == [
        ("a", "confirm", ""),
        ("b", "Dismiss", "trial documented"),
        ("d", "request  records", ""),
        ("f", "dismiss", "7"),
    ]
    assert [d.place for d in read] == [f"w.xlsx, row {n}" for n in (2, 3, 5, 6)] and not problems


def test_a_file_that_is_not_a_work_paper_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.xlsx").write_text("exception_id\n")
    _filled(tmp_path / "other.xlsx", sheet="Sheet1")
    for name in ("text.xlsx", "other.xlsx", "gone.xlsx"):
        with pytest.raises(UsageError, match=f"{name} is not a work-paper"):
            read_workpaper(tmp_path / name, [])


# ---------------------------------------------------------------- there and back


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Path]:
    """A folder with a run that found one fill, and its work-paper."""
    figures = {
        "quantity": 500,
        "paid_amount": "5000.00",
        "ndc_code": IMATINIB,
        "dispensing_channel": "retail",
    }
    too_many = good(
        "pharmacy_claim", claim_id="A", member_id="M-A", dispensing_date="2026-02-01", **figures
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "pharmacy_claim.csv").write_text(as_csv([too_many]), encoding="utf-8")
    night(
        request_for(
            tmp_path / "in",
            tmp_path / "out",
            tmp_path / "audit.duckdb",
            date(2026, 3, 1),
            xlsx=True,
        )
    )
    yield tmp_path


def test_a_disposition_made_in_the_spreadsheet_comes_back(audited: Path) -> None:
    (paper,) = audited.glob("out/run=*/exceptions.xlsx")
    shown = _cells(paper)
    ids = [row[HEAD.index("exception_id")] for row in shown[1:]]
    file = _filled(
        audited / "looked at.xlsx",
        (ids[0], "dismiss", "trial documented"),
        *((i, "confirm", None) for i in ids[1:]),
    )
    arguments = [
        "--warehouse",
        str(audited / "audit.duckdb"),
        "--by",
        "an analyst",
        "--file",
        str(file),
    ]
    assert main(["reopen", *arguments]) == 2
    assert main(["dismiss", *arguments]) == 0
    with duckdb.connect(str(audited / "audit.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "SELECT exception_id, decision_reason FROM ledger WHERE status = 'dismissed'"
        ).fetchall()
    assert found == [(ids[0], "trial documented")]


def test_dismissed_exceptions_come_last_without_an_amount_behind_a_filter(tmp_path: Path) -> None:
    _written(
        tmp_path,
        _exception(1, status="dismissed", decision="dismiss", amount_at_risk=Decimal("99.00")),
        _exception(2, status="open", decision="confirm", first_seen=date(2026, 1, 2)),
    )
    rows = _cells(tmp_path / WORKPAPER)
    shown = [
        [row[HEAD.index(name)] for name in ("claim_id", "status", "decision", "amount_at_risk")]
        for row in rows[1:]
    ]
    assert shown[0][:3] == ["00002", "open", "confirm"]
    assert shown[1] == ["00001", "dismissed", "dismiss", None]
    sheet = sheets_of(tmp_path / WORKPAPER)["Exceptions"].xml
    hidden = re.findall(r'<row r="(\d+)"[^>]*hidden="1"', sheet)
    assert hidden == ["3"] and '<filter val="open"/>' in sheet
    assert '<filter val="dismissed"/>' not in sheet
