"""The page of histories names cases that exist and that answer as it says."""

import re
from pathlib import Path

import pytest

from tests.support.case_files import Case, read_case_file

ROOT = Path(__file__).parent.parent.parent
ROW = re.compile(r"^\| (?!what happened|---)(.+) \| (.+) \| ([A-Z]+\d\d) \| (.+) \|$", re.MULTILINE)
HISTORIES = ROW.findall((ROOT / "docs" / "histories.md").read_text())


def _case(rule_id: str, sentence: str) -> Case:
    cases = read_case_file(ROOT / "tests" / "cases" / f"{rule_id}.md").cases
    return next(c for c in cases if c.sentence == sentence)


def test_every_row_of_the_page_is_read() -> None:
    rows = (ROOT / "docs" / "histories.md").read_text().count("\n| ")
    assert len(HISTORIES) == rows - 4  # two tables, each with two lines of heading


@pytest.mark.parametrize(
    ("answer", "rule_id", "sentence"), [h[1:] for h in HISTORIES], ids=[h[0] for h in HISTORIES]
)
def test_a_case_has_the_history(answer: str, rule_id: str, sentence: str) -> None:
    expected = {a.outcome for e in _case(rule_id, sentence).expected for a in e.answers}
    assert set(re.findall("`([a-z_]+)`", answer)) <= expected
