"""Decisions of every kind, from the command line, a CSV and a work-paper; nothing is dropped."""

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
import xlsxwriter

from flows.cli.app import main
from flows.clock import today
from flows.errors import UsageError
from flows.ledger.decisions import decide
from flows.ledger.precision import read_all_verdicts
from flows.ledger.written_decisions import Decision, action_of, amount_of
from flows.warehouse import rescue
from flows.warehouse.layout import SCHEMA_VERSION
from schemas.decisions import DISMISS, MEANINGS, NEED_REASON, RECOVERED
from tests.support.ledger import event, exception_id, ledger_warehouse, rows_of

DECIDED = "SELECT exception_id, action, amount, reason, decided_by, decided_on, until FROM decision"
TOMORROW = today() + timedelta(days=1)


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """Three exceptions, of which the last two are on one line."""
    second = event(2)
    same_line = {name: second[name] for name in ("member_id", "claim_id")}
    return ledger_warehouse(
        tmp_path / "audit.duckdb", event(1), second, event(3, rule_id="GEN01", **same_line)
    )


def _decide(warehouse: Path, *words: str, by: str | None = "Ann") -> int:
    named = ["--by", by] if by else []
    return main(["decide", *words, "--warehouse", str(warehouse), *named])


def _csv(warehouse: Path, text: str) -> list[str]:
    path = warehouse.with_name("list.csv")
    path.write_text(text, encoding="utf-8")
    return ["--file", str(path)]


def _workpaper(warehouse: Path, *rows: tuple[object, ...], more: tuple[str, ...] = ()) -> list[str]:
    path = warehouse.with_name("exceptions.xlsx")
    with xlsxwriter.Workbook(str(path)) as workbook:
        page = workbook.add_worksheet("Lines")
        names = ["outcome", "exception_id", "disposition", "disposition_reason", *more]
        page.write_row(0, 0, names)
        for i, row in enumerate(rows, 1):
            page.write_row(i, 0, ["recover", *row])
    return ["--file", str(path)]


# ---------------------------------------------------------------- what is taken


@pytest.mark.parametrize("action", MEANINGS)
def test_every_action_is_recorded_with_who_when_and_why(action: str, warehouse: Path) -> None:
    money = ["75.50"] if action == RECOVERED else []
    words = [action, *money, exception_id(1), "--reason", "as agreed", "--when", "2026-07-02"]
    assert _decide(warehouse, *words) == 0
    amount = Decimal("75.50") if money else None
    day = date(2026, 7, 2)
    assert rows_of(warehouse, DECIDED) == [
        (exception_id(1), action, amount, "as agreed", "Ann", day, None)
    ]


def test_an_exception_is_named_by_any_prefix_of_eight_characters(warehouse: Path) -> None:
    assert _decide(warehouse, "confirm", exception_id(1)[:8].upper(), exception_id(2)[:20]) == 0
    assert [row[0] for row in rows_of(warehouse, DECIDED)] == [exception_id(1), exception_id(2)]


def test_a_csv_says_all_of_it_row_by_row(warehouse: Path) -> None:
    rows = (
        "Exception_ID,action,amount,reason,decided_by,when,until\n"
        f"{exception_id(1)},Dismiss,,known to us,Bob,2026-07-01,{TOMORROW}\n"
        "\n"
        f'{exception_id(2)[:8]},recovered,"$1,0.5",,Eve,,\n'
    )
    assert _decide(warehouse, *_csv(warehouse, rows), by=None) == 2  # 1,0.5 is no amount
    good = rows.replace('"$1,0.5"', "$99.5")
    assert _decide(warehouse, *_csv(warehouse, good), by=None) == 0
    assert rows_of(warehouse, DECIDED) == [
        (exception_id(1), DISMISS, None, "known to us", "Bob", date(2026, 7, 1), TOMORROW),
        (exception_id(2), RECOVERED, Decimal("99.50"), None, "Eve", today(), None),
    ]


def test_a_work_paper_gives_every_disposition_that_it_offers(warehouse: Path) -> None:
    rows = [
        (exception_id(1), "Confirm", None),
        (exception_id(2), "request records", "chart missing"),
        (exception_id(3), " Overturned ", "appeal 7"),
    ]
    assert _decide(warehouse, *_workpaper(warehouse, *rows)) == 0
    assert [row[1:4] for row in rows_of(warehouse, DECIDED)] == [
        ("confirm", None, None),
        ("request_records", None, "chart missing"),
        ("overturned", None, "appeal 7"),
    ]


def test_dismiss_takes_the_dismissals_of_a_work_paper_and_says_what_it_left(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(exception_id(1), "confirm", None), (exception_id(2), "dismiss", "seen")]
    words = ["--warehouse", str(warehouse), "--by", "Ann", *_workpaper(warehouse, *rows)]
    assert main(["dismiss", *words]) == 0
    assert [row[:2] for row in rows_of(warehouse, DECIDED)] == [(exception_id(2), DISMISS)]
    assert "Rows with another disposition, not recorded: 1." in capsys.readouterr().out


def test_a_list_that_is_given_twice_counts_once(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (
        f"exception_id,action,amount\n{exception_id(1)},recovered,60\n{exception_id(2)},upheld,\n"
    )
    assert _decide(warehouse, *_csv(warehouse, rows)) == 0
    assert _decide(warehouse, *_csv(warehouse, rows)) == 0
    assert len(rows_of(warehouse, DECIDED)) == 2
    assert "In the ledger already, not recorded again: 2" in capsys.readouterr().out


def test_sums_that_come_back_in_parts_add_up_in_the_ledger(warehouse: Path) -> None:
    for amount in ("10", "20.25"):
        assert _decide(warehouse, "recovered", amount, exception_id(1)) == 0
    query = "SELECT decision, recovered FROM ledger WHERE recovered IS NOT NULL"
    assert rows_of(warehouse, query) == [(RECOVERED, Decimal("30.25"))]


def test_a_sum_that_is_taken_back_counts_no_more_and_may_be_recorded_again(
    warehouse: Path,
) -> None:
    shown = (
        f"SELECT status, decision, recovered FROM ledger WHERE exception_id = '{exception_id(1)}'"
    )
    verdict = f"exception_id = '{exception_id(1)}'"
    for words in (["dismiss"], ["recovered", "90"]):
        assert _decide(warehouse, *words, exception_id(1), "--reason", "x") == 0
    assert _decide(warehouse, "reopen", exception_id(1), "--reason", "mistyped") == 0
    assert rows_of(warehouse, shown) == [("dismissed", None, None)], "the sum alone is taken back"
    known = read_all_verdicts(warehouse).filter(pl.sql_expr(verdict))
    assert known.select("verdict", "recovered").rows() == [("dismiss", None)]
    assert _decide(warehouse, "recovered", "90", exception_id(1), "--reason", "x") == 0
    assert _decide(warehouse, "recovered", "11", exception_id(1)) == 2, "with 90, more than paid"
    assert rows_of(warehouse, shown) == [("dismissed", RECOVERED, Decimal(90))]


def test_a_request_about_what_is_set_aside_is_recorded_and_said_to_be_in_vain(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _decide(warehouse, "overturned", exception_id(1), "--reason", "appeal") == 0
    assert _decide(warehouse, "request_records", exception_id(1), exception_id(2)) == 0
    assert "Requests about what was set aside: 1. It stays so" in capsys.readouterr().out
    query = "SELECT status, decision FROM ledger WHERE decision IS NOT NULL ORDER BY exception_id"
    found = [("dismissed", "request_records"), ("new", "request_records")]
    assert sorted(rows_of(warehouse, query)) == found
    assert _decide(warehouse, "upheld", exception_id(1)) == 0
    assert _decide(warehouse, "request_records", exception_id(1)) == 0
    assert "set aside" not in capsys.readouterr().out


def test_the_metadata_of_the_warehouse_is_saved_once(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved, write = [], rescue._write
    monkeypatch.setattr(rescue, "_write", lambda p, c: (saved.append(p), write(p, c)))
    assert _decide(warehouse, "confirm", exception_id(1)) == 0
    assert len(saved) == 1


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("CREATE TABLE t (x INTEGER)", "not a warehouse of this program"),
        (
            f"CREATE TABLE meta AS SELECT {SCHEMA_VERSION + 1} AS schema_version",
            f"has schema version {SCHEMA_VERSION + 1}",
        ),
    ],
)
@pytest.mark.parametrize(
    "words",
    [["dismiss", "0" * 32, "--by", "Ann", "--reason", "r"], ["forget-night", "2026-01-01"]],
    ids=["dismiss", "forget-night"],
)
def test_the_file_of_another_program_is_called_that(
    words: list[str], made: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(made)
    assert main([*words, "--warehouse", str(file)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "amount"),
    [("$1,250.00", "1250.00"), ("1250", "1250"), ("0.5", "0.5"), ("1,25", None), ("12.345", None)]
    + [(text, None) for text in ("-5", "0", "0.00", "many", "1.250,00", "1e3", "", "NaN", "٣")],
)
def test_an_amount_is_dollars_above_zero(text: str, amount: str | None) -> None:
    assert amount_of(text) == (None if amount is None else Decimal(amount))


def test_an_action_is_known_in_any_case_and_with_any_separator() -> None:
    assert {action_of(t) for t in ("Request records", "request-records ", "REQUEST_RECORDS")} == {
        "request_records"
    }
    assert action_of("perhaps") is None


# ---------------------------------------------------------------- what is refused


CSV_REFUSED = {
    "an unknown action": ("exception_id,action\n{1},perhaps\n", "row 2: unknown action"),
    "no action": ("exception_id,reason\n{1},a note\n", "row 2: no action"),
    "an action without an exception": ("exception_id,action\n,confirm\n", "row 2: no exception_id"),
    "an amount that is none": ("exception_id,action,amount\n{1},recovered,lots\n", "row 2: the am"),
    "no amount": ("exception_id,action,amount\n{1},recovered,\n", "row 2: recovered without an am"),
    "an amount that nothing takes": (
        "exception_id,action,amount\n{1},upheld,5\n",
        "row 2: an amou",
    ),
    "more than was paid": (
        "exception_id,action,amount\n{1},recovered,100.01\n",
        "row 2: more came back than was paid",
    ),
    "more than was paid for the line of two": (
        "exception_id,action,amount\n{2},recovered,60\n{3},recovered,60\n",
        "row 2, list.csv, row 3: more came back than was paid for the line",
    ),
    "an id that the ledger lacks": (
        "exception_id,action\n{9},confirm\n",
        "row 2: the ledger has no exception with that id",
    ),
    "a prefix of several": ("exception_id,action\n00000000,confirm\n", "row 2: the ledger has no"),
    "a short prefix": (
        "exception_id,action\n0000,confirm\n",
        "row 2: .* 4 characters is too short",
    ),
    "two rows that differ": (
        "exception_id,action,reason\n{1},confirm,\n{2},confirm,\n{1},dismiss,no\n",
        "row 2 and list.csv, row 4: two decisions on one exception that differ",
    ),
    "two rows whose reasons differ": (
        "exception_id,action,reason\n{1},dismiss,one\n{1},dismiss,two\n",
        "row 2 and list.csv, row 3: two decisions",
    ),
    "one sum twice": (
        "exception_id,action,amount\n{1},recovered,5\n{1},recovered,5\n",
        "row 2 and list.csv, row 3: the same sum twice",
    ),
    "a dismissal without a reason": (
        "exception_id,action\n{1},dismiss\n",
        "row 2: dismiss without",
    ),
    "a day to come": (
        f"exception_id,action,when\n{{1}},confirm,{TOMORROW}\n",
        "row 2: it was decided on a day after today",
    ),
    "a day that is none": (
        "exception_id,action,when\n{1},confirm,1/2/2026\n",
        "row 2: decided_on is",
    ),
    "a last day in the past": (
        "exception_id,action,reason,until\n{1},dismiss,x,2020-01-01\n",
        "row 2: `until` is in the past",
    ),
    "a last day of a confirmation": (
        f"exception_id,action,until\n{{1}},confirm,{TOMORROW}\n",
        "row 2: confirm has no last day",
    ),
    "a column of notes": (
        "exception_id,action,note\n{1},confirm,\n{2},confirm,see mail\n",
        "row 3: the column note is not one that is read",
    ),
    "a note beyond the header": (
        "exception_id,action\n{1},confirm,see mail\n",
        "row 2: more cells",
    ),
    "a note under no name": (
        "exception_id,action,\n{1},confirm,see\n",
        "row 2: column 3, which has",
    ),
    "a column twice": (
        "exception_id,action,reason,reason\n{1},confirm,a,b\n",
        "2 columns are reason",
    ),
    "a column under both of its names": (
        "exception_id,action,when,decided_on\n{1},confirm,2026-07-01,2026-07-02\n",
        "2 columns are decided_on",
    ),
}


@pytest.mark.parametrize("case", CSV_REFUSED)
def test_a_csv_with_something_wrong_is_refused_whole_and_the_row_is_named(
    case: str, warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = CSV_REFUSED[case]
    for number in (1, 2, 3, 9):
        text = text.replace(f"{{{number}}}", exception_id(number))
    assert _decide(warehouse, *_csv(warehouse, text)) == 2
    printed = capsys.readouterr().err
    assert re.search(f"list.csv.*{words}", printed), printed
    assert "Nothing was recorded." in printed and "see mail" not in printed
    assert rows_of(warehouse, DECIDED) == []


def test_a_prefix_of_several_exceptions_is_refused_with_their_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twins = [event(n, exception_id=f"abcdef12{n:024x}") for n in (1, 2)]
    warehouse = ledger_warehouse(tmp_path / "audit.duckdb", *twins)
    assert _decide(warehouse, "confirm", "abcdef12") == 2
    printed = capsys.readouterr().err
    assert "exception id 1 of the command: 2 exceptions of the ledger" in printed
    assert _decide(warehouse, "confirm", f"abcdef12{2:024x}") == 0


def test_everything_that_is_wrong_is_said_at_once(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["exception_id,action", f"{exception_id(1)},perhaps", ",confirm", "ffffffff,confirm"]
    assert _decide(warehouse, *_csv(warehouse, "\n".join(rows) + "\n"), by=None) == 2
    printed = capsys.readouterr().err
    for words in ("row 2: unknown action", "row 3: no exception_id", "row 4: the ledger has no"):
        assert f"list.csv, {words}" in printed
    assert printed.count("it is not said who decides") == 2


WORKPAPER_REFUSED = {
    "an unknown disposition": ([("{1}", "perhaps", None)], (), "row 2: unknown action"),
    "a note without a disposition": (
        [("{1}", "confirm", None), ("{2}", None, "a thought")],
        (),
        "row 3: disposition_reason without a disposition",
    ),
    "no exception": ([(None, "confirm", None)], (), "row 2: a disposition without an exception_id"),
    "a dismissal without a reason": ([("{1}", "dismiss", "  ")], (), "row 2: dismiss without a re"),
    "a column of notes": (
        [("{1}", "confirm", None, "see mail")],
        ("my notes",),
        "row 2: the column my notes is not read",
    ),
    "a note beyond the columns": (
        [("{1}", "confirm", None, "see mail")],
        (),
        "row 2: the column which has no name is not read",
    ),
    "money without an amount": ([("{1}", "recovered", None)], (), "row 2: recovered without an am"),
}


@pytest.mark.parametrize("case", WORKPAPER_REFUSED)
def test_a_work_paper_with_something_wrong_is_refused_and_the_row_is_named(
    case: str, warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, more, words = WORKPAPER_REFUSED[case]
    filled = [
        tuple(exception_id(int(c[1])) if str(c).startswith("{") else c for c in row) for row in rows
    ]
    assert _decide(warehouse, *_workpaper(warehouse, *filled, more=more)) == 2
    printed = capsys.readouterr().err
    assert f"exceptions.xlsx, {words}" in printed
    assert "see mail" not in printed and "thought" not in printed
    assert rows_of(warehouse, DECIDED) == []


@pytest.mark.parametrize("action", NEED_REASON)
def test_what_sets_an_exception_aside_or_takes_that_back_needs_a_reason(
    action: str, warehouse: Path
) -> None:
    with pytest.raises(UsageError, match=f"{action} without a reason"):
        decide(warehouse, [Decision(exception_id(1))], action, "Ann")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["perhaps", exception_id(1)], "Say first what was decided: confirm,"),
        (["recovered", exception_id(1)], "recovered needs the dollars"),
        (["confirm"], "No exception is named"),
        ([], "No exception is named"),
    ],
)
def test_a_command_that_says_too_little_is_refused(
    words: list[str], said: str, warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _decide(warehouse, *words) == 2
    assert said in capsys.readouterr().err


def test_a_row_that_says_something_else_than_the_command_is_refused(
    warehouse: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = f"exception_id,action\n{exception_id(1)},confirm\n{exception_id(2)},upheld\n"
    assert _decide(warehouse, "confirm", *_csv(warehouse, rows)) == 2
    said = "list.csv, row 3: it says upheld, but the command confirm"
    assert said in capsys.readouterr().err
