"""Decisions read from CSV: only what a person decided counts, never what a rule said."""

from pathlib import Path

import pytest

from flows.cli.decide import _read
from flows.errors import UsageError
from flows.ledger.decisions import DISMISS, REOPEN, Decision

RESULT = (
    "exception_id,rule_id,reason,outcome\n"
    "a1,QTY01,days_supply_missing,review\n"
    "b2,GEN01,history_too_short,records_request\n"
)
WORKPAPER = (
    "outcome,rule_id,disposition,disposition_reason,reason,exception_id\n"
    "review,QTY01,dismiss,Dose confirmed by phone,days_supply_missing,a1\n"
    "review,QTY01,Confirm,,days_supply_missing,b2\n"
    "review,QTY01,,,days_supply_missing,c3\n"
    "review,QTY01, Dismiss ,,days_supply_missing,d4\n"
)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "decisions.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("action", [DISMISS, REOPEN])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_b2_a_csv_of_results_is_not_a_list_of_decisions(
    action: str, bom: str, tmp_path: Path
) -> None:
    """Its column `reason` is the rule's, and every exception of the run would be dismissed."""
    with pytest.raises(UsageError, match="is a result of a run"):
        _read(_file(tmp_path, bom + RESULT), "mine", action)


def test_b2_a_work_paper_saved_as_csv_dismisses_what_it_says(tmp_path: Path) -> None:
    """All its rows were dismissed, those to confirm too, with the rules' reasons."""
    decisions = _read(_file(tmp_path, WORKPAPER), "Reviewed", DISMISS)
    assert decisions == [
        Decision("a1", "Dose confirmed by phone"),
        Decision("d4", "Reviewed"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Confirm", "perhaps", "row 3: unknown disposition"),
        (" Dismiss ,", " Dismiss ,Other words", "rows 2 and 5: two dispositions"),
    ],
)
def test_b2_a_work_paper_saved_as_csv_is_checked_as_a_spreadsheet_is(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    text = WORKPAPER.replace(old, new).replace("d4", "a1" if "rows" in words else "d4")
    with pytest.raises(UsageError, match=words):
        _read(_file(tmp_path, text), None, DISMISS)


def test_b2_a_work_paper_saved_as_csv_reopens_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not what to reopen"):
        _read(_file(tmp_path, WORKPAPER), "mine", REOPEN)


def test_b2_one_exception_has_one_reason(tmp_path: Path) -> None:
    """The last of several reasons counted, whichever it was."""
    text = "exception_id,reason\na1,one\nb2,two\nA1,one\nb2,three\n"
    with pytest.raises(UsageError, match="rows 3 and 5: two reasons for one exception"):
        _read(_file(tmp_path, text), None, DISMISS)
    same = "exception_id,reason\na1,one\nA1 , one\n"
    assert {d.reason for d in _read(_file(tmp_path, same), None, DISMISS)} == {"one"}
