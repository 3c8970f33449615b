"""The worklist of a work-paper: its totals, what `decide` reads, what the next one carries."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.reports.workpaper import worklist
from flows.reports.workpaper.carried import LastPaper
from flows.reports.workpaper.read import read_workpaper
from flows.reports.workpaper.write import WORKPAPER, write_workpaper
from flows.results.for_editing import add_for_editing
from flows.results.tables import write_table
from schemas.results import CHANGE, EXCEPTION
from tests.support.workbook import Sheet, edit, sheets_of, wrong_formulas
from tests.support.workpapers import RUN, exception, written

NEXT = replace(RUN, run_id="fedcba9876543210", as_of=date(2026, 7, 1))
Marks = Mapping[str, str | float]


def _rows(sheet: Sheet, header: int) -> list[dict[str, str | None]]:
    """The rows below a header, by the names of the columns."""
    names = {p.rstrip("0123456789"): c.value for p, c in sheet.cells.items() if _row(p) == header}
    last = max(map(_row, sheet.cells))
    return [
        {
            str(name): getattr(sheet.cells.get(f"{letter}{n}"), "value", None)
            for letter, name in names.items()
        }
        for n in range(header + 1, last + 1)
    ]


def _row(place: str) -> int:
    return int(place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def _lines(file: Path) -> list[dict[str, str | None]]:
    return _rows(sheets_of(file)["Worklist"], 3)


def _changes(file: Path) -> list[dict[str, str | None]]:
    return _rows(sheets_of(file)["Changes"], 3)


def _mark(file: Path, marks: Mapping[str, Marks], sheet: str = "Worklist") -> Path:
    """Fill cells of the rows of these claims, as a reviewer does, and save."""
    header = 3 if sheet == "Worklist" else 1
    cells = sheets_of(file)[sheet].cells
    letters = {c.value: p.rstrip("0123456789") for p, c in cells.items() if _row(p) == header}
    rows = {c.value: _row(p) for p, c in cells.items() if p.startswith(letters["claim_id"])}
    edit(
        file,
        sheet,
        {
            f"{letters[column]}{rows[claim]}": value
            for claim, of_claim in marks.items()
            for column, value in of_claim.items()
        },
    )
    return file


def _next(
    folder: Path,
    last: Path,
    *exceptions: dict[str, object],
    changes: Sequence[dict[str, object]] = (),
) -> tuple[tuple[str, ...], Path]:
    """The work-paper of the night after, and its notes."""
    written(folder, *exceptions)
    frame = pl.DataFrame(changes, schema=CHANGE)
    write_table(folder / "changes.parquet", "changes", frame)
    paper = LastPaper(last, RUN.run_id, RUN.as_of)
    return write_workpaper(folder, NEXT, None, folder, paper), folder / WORKPAPER


ALL_MARKS: Marks = {
    "owner": "Ann",
    "due_date": 46240,
    "disposition": "dismiss",
    "amount_confirmed": 5.25,
    "note": "=1+1 seen",
}
SHOWN = ("owner", "due_date", "disposition", "amount_confirmed", "note", "carried_from")


def _shown(row: Mapping[str, str | None]) -> tuple[str | None, ...]:
    return tuple(row[name] for name in SHOWN)


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """Last night's work-paper, of two claims."""
    written(tmp_path / "last", exception(1), exception(2))
    return tmp_path / "last" / WORKPAPER


# ---------------------------------------------------------------- totals


def test_every_formula_of_the_sample_comes_to_the_value_in_its_cell(sample_results: Path) -> None:
    """And the totals of worklist, payees and rules are those of the summary."""
    file = sample_results / WORKPAPER
    assert not wrong_formulas(file)
    book = sheets_of(file)
    summary = {
        c.value: book["Summary"].cells[f"F{_row(p)}"]
        for p, c in book["Summary"].cells.items()
        if p[0] == "E"
    }
    results = pl.read_parquet(sample_results / "worklist.parquet")
    for name in ("recover_amount", "records_request_amount", "review_amount", "amount_at_risk"):
        assert summary[name].formula
        assert Decimal(str(summary[name].value)) == results[name].sum() > 0
    for name in ("Worklist", "Providers", "Rules"):
        sheet = book[name]
        (letter,) = [
            p[:-1] for p, c in sheet.cells.items() if c.value == "amount_at_risk" and _row(p) == 3
        ]
        for total in (sheet.cells[f"{letter}1"], sheet.cells[f"{letter}2"]):
            assert total.formula and total.value == summary["amount_at_risk"].value, name
        assert "SUBTOTAL(109," in str(sheet.cells[f"{letter}2"].formula)


def test_a_total_that_excel_cannot_add_up_exactly_is_no_formula(tmp_path: Path) -> None:
    written(tmp_path, exception(1, amount_at_risk=Decimal("9999999999999999.99")), exception(2))
    total = next(
        sheets_of(tmp_path / WORKPAPER)["Worklist"].cells[f"{p[:-1]}1"]
        for p, c in sheets_of(tmp_path / WORKPAPER)["Worklist"].cells.items()
        if c.value == "amount_at_risk"
    )
    assert total.formula is None and total.value == "10000000000000010.09"


def test_lines_that_do_not_fit_are_said_and_the_totals_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "MOST_LINES", 1)
    (note,) = written(tmp_path, exception(1), exception(2))
    assert note.startswith(f"{WORKPAPER}: Left out: 1 line: a sheet has")
    cells = sheets_of(tmp_path / WORKPAPER)["Summary"].cells
    (row,) = [_row(p) for p, c in cells.items() if p[0] == "E" and c.value == "amount_at_risk"]
    assert cells[f"F{row}"].value == "20.2" and cells[f"F{row}"].formula is None
    assert not wrong_formulas(tmp_path / WORKPAPER)


def test_days_left_are_counted_from_the_as_of_date(tmp_path: Path) -> None:
    written(tmp_path, exception(1, recoup_by=date(2026, 7, 10)), exception(2))
    days = {row["claim_id"]: row["days left"] for row in _lines(tmp_path / WORKPAPER)}
    assert days == {"00001": "10", "00002": None}


# ---------------------------------------------------------------- decide


def test_a_disposition_of_a_line_is_about_its_exceptions_that_are_not_set_aside(
    tmp_path: Path,
) -> None:
    written(tmp_path, exception(1), exception(2, status="dismissed"), exception(3))
    file = _mark(tmp_path / WORKPAPER, {"00001": {"disposition": "confirm", "note": "chart"}})
    both = f"{1:032x} {2:032x} {3:032x}"
    lines = pl.read_parquet(tmp_path / "worklist.parquet").head(1)
    exceptions = pl.read_parquet(tmp_path / "exceptions.parquet")
    of_one = lines.with_columns(exception_ids=pl.lit(both.split()))
    ids = worklist.worklist_rows(of_one, exceptions, RUN.as_of)["exception_ids"].to_list()
    assert ids == [[f"{1:032x}", f"{3:032x}"]]
    problems: list[str] = []
    read = read_workpaper(file, problems)
    assert [(d.exception_id, d.action, d.reason) for d in read] == [
        (f"{1:032x}", "confirm", "chart")
    ]
    assert read[0].place.startswith(f"{WORKPAPER}, Worklist row ") and not problems


def test_what_the_ledger_has_no_place_for_is_said(last: Path) -> None:
    _mark(last, {"00001": {**ALL_MARKS, "disposition": "confirm"}, "00002": {"note": "call"}})
    problems: list[str] = []
    remarks: list[str] = []
    assert len(read_workpaper(last, problems, remarks)) == 1 and not problems
    said = "\n".join(remarks)
    for words in (
        "owner of 1 row",
        "due_date of 1 row",
        "amount_confirmed of 1 row",
        "note without a disposition of 1 row",
        "in 1 row amount_confirmed is not amount_at_risk",
    ):
        assert words in said
    assert "Ann" not in said and "seen" not in said and "call" not in said


def test_a_disposition_without_exceptions_and_a_column_of_ones_own_are_refused(last: Path) -> None:
    _mark(last, {"00001": {"disposition": "confirm", "exception_ids": " "}})
    edit(last, "Worklist", {"AZ3": "mine", "AZ4": "see mail"})
    problems: list[str] = []
    assert read_workpaper(last, problems) == []
    assert "Worklist row 4: a disposition without exception_ids" in problems[0]
    assert "Worklist row 4: the column mine is not read" in problems[1]


# ---------------------------------------------------------------- carried


def test_what_was_written_about_a_line_is_in_the_next_work_paper(
    last: Path, tmp_path: Path
) -> None:
    _mark(last, {"00001": ALL_MARKS})
    notes, file = _next(tmp_path / "next", last, exception(2), exception(1), exception(3))
    assert notes == (f"{WORKPAPER}: Carried from the work-paper of 2026-06-30: 1 line.",)
    rows = {row["claim_id"]: _shown(row) for row in _lines(file)}
    source = "work-paper of 2026-06-30"
    assert rows["00001"] == ("Ann", "46240", "dismiss", "5.25", "=1+1 seen", source)
    assert rows["00002"] == rows["00003"] == (None,) * 6
    assert not wrong_formulas(file)
    sheet = sheets_of(file)["Worklist"]
    types = {c.value: c.type for c in sheet.cells.values()}
    assert (types["=1+1 seen"], types["46240"], types["5.25"]) == ("inlineStr", "n", "n")
    assert not any("not carried" in (row["status"] or "") for row in _changes(file))
    assert [d.action for d in read_workpaper(file, [])] == ["dismiss"], "and decide takes it"


def test_the_next_work_paper_but_one_carries_it_too_and_texts_that_are_no_day(
    last: Path, tmp_path: Path
) -> None:
    _mark(last, {"00001": {"owner": "Ann", "due_date": "next week", "amount_confirmed": "half"}})
    _, second = _next(tmp_path / "second", last, exception(1))
    _, third = _next(tmp_path / "third", second, exception(1))
    (row,) = _lines(third)
    assert _shown(row)[:4] == ("Ann", "next week", None, "half")


def test_what_is_in_the_ledger_by_now_is_not_carried_as_undecided(
    last: Path, tmp_path: Path
) -> None:
    _mark(last, {"00001": ALL_MARKS})
    _mark(last, {"00002": {"disposition": "request records"}}, "Exceptions")
    now = [exception(1, decision="dismiss"), exception(2, decision="request_records")]
    _, file = _next(tmp_path / "next", last, *now)
    rows = {row["claim_id"]: row for row in _lines(file)}
    assert _shown(rows["00001"])[:5] == ("Ann", "46240", None, "5.25", "=1+1 seen")
    exceptions = _rows(sheets_of(file)["Exceptions"], 1)
    assert {row["disposition"] for row in exceptions} == {None}
    assert not _changes(file), "what is recorded is not lost"


def test_a_disposition_is_not_carried_to_what_has_changed(last: Path, tmp_path: Path) -> None:
    _mark(last, {"00001": ALL_MARKS})
    _mark(last, {"00002": {"disposition": "confirm"}}, "Exceptions")
    changes: list[dict[str, object]] = [
        {"exception_id": f"{n:032x}", "status": "changed", "why": "amount"} for n in (1, 2)
    ]
    _, file = _next(tmp_path / "next", last, exception(1), exception(2), changes=changes)
    rows = {row["claim_id"]: _shown(row) for row in _lines(file)}
    assert rows["00001"][:5] == ("Ann", "46240", None, None, "=1+1 seen")
    exceptions = _rows(sheets_of(file)["Exceptions"], 1)
    assert {row["disposition"] for row in exceptions} == {None}
    listed = [row for row in _changes(file) if row["status"] == "not carried"]
    assert [(row["claim_id"], row["disposition"], row["amount_confirmed"]) for row in listed] == [
        ("00002", "confirm", None),
        ("00001", "dismiss", "5.25"),
    ]
    assert all("what was found has changed" in str(row["why"]) for row in listed)


def test_a_disposition_is_not_carried_to_an_exception_that_has_joined_the_line(
    last: Path, tmp_path: Path
) -> None:
    """It was never looked at: the disposition goes on for the earlier one alone."""
    _mark(last, {"00001": ALL_MARKS})
    joined = exception(9, claim_id="00001", rule_id="GEN01")
    folder = tmp_path / "next"
    written(folder, exception(1))
    line = pl.read_parquet(folder / "worklist.parquet")
    both = line.with_columns(exception_ids=pl.Series([[f"{1:032x}", f"{9:032x}"]]))
    write_table(folder / "worklist.parquet", "worklist", both)
    found = pl.DataFrame([exception(1), joined], schema=EXCEPTION)
    write_table(folder / "exceptions.parquet", "exceptions", found)
    write_workpaper(folder, NEXT, None, folder, LastPaper(last, RUN.run_id, RUN.as_of))
    (row,) = _lines(folder / WORKPAPER)
    assert _shown(row)[:5] == ("Ann", "46240", None, None, "=1+1 seen")
    of_each = {
        row["exception_id"]: (row["disposition"], row["disposition_reason"], row["carried_from"])
        for row in _rows(sheets_of(folder / WORKPAPER)["Exceptions"], 1)
    }
    assert of_each == {
        f"{1:032x}": ("dismiss", "=1+1 seen", "work-paper of 2026-06-30"),
        f"{9:032x}": (None, None, None),
    }
    (listed,) = _changes(folder / WORKPAPER)
    assert (listed["disposition"], listed["amount_confirmed"]) == (None, "5.25")


def test_what_was_written_about_a_line_that_is_gone_is_listed(last: Path, tmp_path: Path) -> None:
    _mark(last, {"00001": ALL_MARKS})
    notes, file = _next(tmp_path / "next", last, exception(2))
    assert notes == (
        f"{WORKPAPER}: Not carried from the work-paper of 2026-06-30: 1 row, listed on the sheet "
        "Changes.",
    )
    (row,) = _changes(file)
    assert row["status"] == "not carried" and "not in the worklist any more" in str(row["why"])
    assert row["claim_id"] == "00001" and row["exception_id"] == f"{1:032x}"
    assert _shown(row | {"carried_from": None})[:5] == (
        "Ann",
        "46240",
        "dismiss",
        "5.25",
        "=1+1 seen",
    )
    assert not wrong_formulas(file)


def test_a_line_that_was_rebilled_keeps_owner_and_note_but_no_disposition(
    last: Path, tmp_path: Path
) -> None:
    _mark(last, {"00001": ALL_MARKS})
    change = {"exception_id": f"{7:032x}", "status": "changed", "continues": f"{1:032x}"}
    _, file = _next(tmp_path / "next", last, exception(7), changes=[change])
    (row,) = _lines(file)
    assert _shown(row)[:5] == ("Ann", "46240", None, None, "=1+1 seen")
    listed = [row for row in _changes(file) if row["status"] == "not carried"]
    assert [(row["disposition"], row["amount_confirmed"]) for row in listed] == [
        ("dismiss", "5.25")
    ]


@pytest.mark.parametrize("content", [b"", b"no spreadsheet", b"PK\x05\x06" + b"\0" * 18, None])
def test_a_last_work_paper_that_cannot_be_read_is_said_and_the_run_goes_on(
    content: bytes | None, tmp_path: Path
) -> None:
    broken = tmp_path / WORKPAPER
    if content is not None:
        broken.write_bytes(content)
    (note,), file = _next(tmp_path / "next", broken, exception(1))
    assert "(run=0123456789abcdef) cannot be read: nothing was carried" in note
    assert "NOT CARRIED" in {c.value for c in sheets_of(file)["Summary"].cells.values()}
    assert len(_lines(file)) == 1


def test_a_column_of_ones_own_is_not_carried_and_that_is_said(last: Path, tmp_path: Path) -> None:
    edit(last, "Worklist", {"AZ3": "mine", "AZ4": "see mail"})
    (note,), _ = _next(tmp_path / "next", last, exception(1), exception(2))
    assert note.endswith("1 column that somebody had added.")


def test_the_same_last_work_paper_gives_the_same_bytes(last: Path, tmp_path: Path) -> None:
    _mark(last, {"00001": ALL_MARKS})
    files = [_next(tmp_path / name, last, exception(1))[1] for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_standing_work_paper_is_said_to_be_edited_only_if_it_was(
    last: Path, tmp_path: Path
) -> None:
    _, kept = _next(tmp_path / "kept", last, exception(1))
    _, fresh = _next(tmp_path / "same", last, exception(1))
    assert add_for_editing(fresh, kept) is None
    _mark(last, {"00001": {"owner": "Ann"}})
    _, other = _next(tmp_path / "other", last, exception(1))
    said = add_for_editing(other, kept)
    assert said and "the work-paper before it is another one by now" in said
    assert "edited" not in said and other.exists()
    _mark(kept, {"00001": {"owner": "Eve"}})
    assert add_for_editing(fresh, kept) == (
        f"{WORKPAPER} was edited after it was written, and is left alone."
    )
