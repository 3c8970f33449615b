"""Decisions read from CSV: only what a person decided counts, never what a rule said."""

from pathlib import Path

import pytest

from flows.cli.decide import _read
from flows.errors import UsageError

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


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_b2_a_csv_of_results_is_not_a_list_of_decisions(bom: str, tmp_path: Path) -> None:
    """Its column `reason` is the rule's, and every exception of the run would be dismissed."""
    with pytest.raises(UsageError, match="is a result of a run"):
        _read(_file(tmp_path, bom + RESULT), [], [])


def test_b2_a_work_paper_saved_as_csv_says_what_its_dispositions_say(tmp_path: Path) -> None:
    """All its rows were dismissed, those to confirm too, with the rules' reasons."""
    problems: list[str] = []
    decisions = _read(_file(tmp_path, WORKPAPER), problems, [])
    assert [(d.exception_id, d.action, d.reason) for d in decisions] == [
        ("a1", "dismiss", "Dose confirmed by phone"),
        ("b2", "confirm", None),
        ("d4", "dismiss", None),
    ]
    assert not problems


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Confirm", "perhaps", "decisions.csv, row 3: unknown action"),
        ("review,QTY01,,,", "review,QTY01,,a note,", "decisions.csv, row 4: disposition_reason"),
        ("outcome,rule_id", "notes,rule_id", "decisions.csv, row 2: the column notes is not read"),
        (",c3", ",c3,more", "decisions.csv, row 4: the column which has no name"),
    ],
)
def test_b2_a_work_paper_saved_as_csv_is_checked_as_a_spreadsheet_is(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    problems: list[str] = []
    _read(_file(tmp_path, WORKPAPER.replace(old, new)), problems, [])
    assert len(problems) == 1 and problems[0].startswith(words)


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path: Path) -> None:
    text = 'exception_id,action,reason\n\na1,confirm,"two\nlines"\nb2,perhaps,\n'
    problems: list[str] = []
    _read(_file(tmp_path, text), problems, [])
    assert [problem.split(":")[0] for problem in problems] == ["decisions.csv, row 4"]
