"""`claims-audit policy test`: the cases next to a policy, and what is said of those that differ."""

import os
import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from flows.cli.app import main
from flows.errors import InputRefused
from flows.replay.expected import EXPECTED, Answer, read_expected
from flows.replay.policy_cases import JudgedCase, compared, judge_case
from tests.support.guide import guide_files

HEADER = "claim_id,claim_source,claim_line_number,rule_id,term_id,outcome,reason,amount"
EXACT = "A2,pharmacy,1,QTY10,lakeside-limits.list.aripiprazole,recover,quantity_over_limit,300.00"
ANY = "R2,,,,,,,"
FOUND = "QTY10 lakeside-limits.list.aripiprazole recover quantity_over_limit 300.00"


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide")
    guide_files(folder)
    return folder


@pytest.fixture(scope="module")
def judged(guide: Path) -> JudgedCase:
    """The case of the quantity limits, with a finding of a shipped document."""
    folder = guide / "limits"
    found = judge_case(_case(folder), folder, frozenset({"lakeside-limits"}))
    key = ("pharmacy", "A1", 1)
    shipped = Answer(key, "DUP01", None, "recover", "paid_twice", Decimal(300), is_own=False)
    return replace(found, answers=(*found.answers, shipped))


@pytest.fixture
def limits(guide: Path, tmp_path: Path) -> Path:
    """The folder of a policy with one case."""
    return shutil.copytree(guide / "limits", tmp_path / "limits")


def _case(limits: Path) -> Path:
    return limits / "cases" / "two-drugs"


def _differences(judged: JudgedCase, folder: Path, *rows: str) -> list[str]:
    path = folder / EXPECTED
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return list(compared("two-drugs", read_expected(path, "two-drugs"), judged))


def _tested(limits: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str], str]:
    """Exit code, lines on standard output, and standard error."""
    code = main(["policy", "test", str(limits)])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err


# ---------------------------------------------------------------- what differs


@pytest.mark.parametrize(
    "row",
    [
        "A1,,,QTY10,,pass,,",
        "A1,,,,,clean,,",
        "A1,,,INT10,,not_applicable,,",
        'A2,Pharmacy,,,,RECOVER,,"$300"',
        "A1,,,DUP01,,,,",
        "",
    ],
)
def test_what_is_as_expected_is_no_difference(row: str, judged: JudgedCase, tmp_path: Path) -> None:
    assert _differences(judged, tmp_path, EXACT, ANY, row) == []


@pytest.mark.parametrize(
    ("row", "difference"),
    [
        ("A2,,,,,,,299.99", f"expected 299.99, found {FOUND}"),
        ("A2,,,,,review,,", f"expected review, found {FOUND}"),
        ("A2,,,,,,doses_too_close,", f"expected doses_too_close, found {FOUND}"),
        ("A2,,,INT10,,,,", "expected INT10, found nothing"),
        ("A2,,,QTY10,,pass,,", f"expected QTY10 pass, found {FOUND}"),
        ("A2,,,QTY10,,not_applicable,,", f"expected QTY10 not_applicable, found {FOUND}"),
        ("A2,,,,,clean,,", f"expected clean, found {FOUND}"),
    ],
)
def test_a_finding_that_is_not_as_expected_is_shown_with_what_was_found(
    row: str, difference: str, judged: JudgedCase, tmp_path: Path
) -> None:
    unexpected = f"found {FOUND}, which is not expected"
    assert _differences(judged, tmp_path, row, ANY) == [
        f"pharmacy A2 line 1: {text}" for text in (difference, unexpected)
    ]


def test_a_finding_that_no_row_expects_is_a_difference(judged: JudgedCase, tmp_path: Path) -> None:
    assert _differences(judged, tmp_path, ANY) == [
        f"pharmacy A2 line 1: found {FOUND}, which is not expected"
    ]


@pytest.mark.parametrize("told", ["recover", ""])
def test_a_finding_that_is_missing_is_shown_with_what_its_rule_answered(
    told: str, judged: JudgedCase, tmp_path: Path
) -> None:
    row = f"R1,,,QTY10,,{told},,"
    expected = f"QTY10 {told}".strip()
    assert _differences(judged, tmp_path, EXACT, ANY, row) == [
        f"pharmacy R1 line 1: expected {expected}, found QTY10"
        " lakeside-limits.list.risedronate pass"
    ]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("claim_id,rule,amount\nA2,QTY10,1\n", "unknown column 'rule'"),
        ("rule_id\nQTY10\n", "no column claim_id"),
        ("", "no column claim_id"),
        ("claim_id,outcome\nA2,refund\n", "row 2: unknown outcome"),
        ("claim_id,outcome\n,review\n", "row 2: no claim_id"),
        ("claim_id,amount\nA2,much\n", "row 2: amount is not a number"),
        ("claim_id,amount\nA2,NaN\n", "row 2: amount is not a number"),
        ("claim_id,claim_line_number\nA2,first\n", "row 2: claim_line_number is not a number"),
        ("claim_id,claim_line_number\nA2,1.5\n", "row 2: claim_line_number is not a number"),
        ("claim_id,outcome\nA2,not_applicable\n", "row 2: what is not applicable?"),
        ("claim_id\nA2,QTY10\n", "row 2: more cells than the header has"),
        ("claim_id\nA1\nZ9\n", "row 3: the case has no such claim line"),
        ("claim_id,claim_source\nA2,medical\n", "row 2: the case has no such claim line"),
        ("claim_id,claim_line_number\nA2,2\n", "row 2: the case has no such claim line"),
    ],
)
def test_an_expectation_that_cannot_be_read_is_refused(
    text: str, message: str, judged: JudgedCase, tmp_path: Path
) -> None:
    path = tmp_path / EXPECTED
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputRefused) as refused:
        list(compared("two-drugs", read_expected(path, "two-drugs"), judged))
    assert str(refused.value).startswith(f"case two-drugs: expected.csv: {message}")


def test_a_case_that_cannot_be_judged_is_refused(
    limits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = _case(limits) / "pharmacy_claim.csv"
    header, *rows = claims.read_text(encoding="utf-8").splitlines()
    claims.write_text("\n".join([header, *rows]).replace("2026-03-16", "soon"), encoding="utf-8")
    code, _, said = _tested(limits, capsys)
    assert code == 3 and "case two-drugs: pharmacy_claim.csv, row 4, dispensing_date" in said
    claims.write_text(header + "\n", encoding="utf-8")
    (_case(limits) / EXPECTED).write_text("claim_id\n", encoding="utf-8")
    code, _, said = _tested(limits, capsys)
    assert code == 3 and "case two-drugs: there is no claim line" in said
    os.mkfifo(_case(limits) / "provider.csv")
    code, _, said = _tested(limits, capsys)
    assert code == 3 and "case two-drugs: it holds what is neither a file nor a folder" in said
    (_case(limits) / EXPECTED).unlink()
    os.mkfifo(_case(limits) / EXPECTED)
    code, _, said = _tested(limits, capsys)
    assert code == 3 and "case two-drugs: expected.csv: there is no such file" in said


def test_a_folder_without_cases_or_policies_is_refused(
    limits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _tested(limits / "nowhere", capsys)[0] == 2
    policy = limits / "lakeside-limits.toml"
    policy.write_text("[document]\n", encoding="utf-8")
    assert _tested(limits, capsys)[0] == 6
    policy.unlink()
    assert _tested(limits, capsys)[0] == 6
    shutil.rmtree(limits / "cases")
    assert _tested(limits, capsys)[0] == 2


# ---------------------------------------------------------------- the command


@pytest.mark.slow
def test_each_case_is_judged_by_itself_and_one_that_differs_ends_with_1(
    limits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(_case(limits), limits / "cases" / "again")
    before = sorted(tmp_path.rglob("*"))
    assert _tested(limits, capsys) == (
        0,
        [
            "again: as expected (2 findings on 4 lines)",
            "two-drugs: as expected (2 findings on 4 lines)",
            "2 of 2 cases as expected.",
        ],
        "",
    )
    assert sorted(tmp_path.rglob("*")) == before, "a test leaves nothing behind"
    (_case(limits) / EXPECTED).write_text("claim_id\nA2\n", encoding="utf-8")
    code, printed, _ = _tested(limits, capsys)
    assert code == 1
    assert printed[0] == "again: as expected (2 findings on 4 lines)"
    assert printed[1] == "two-drugs: 1 difference (2 findings on 4 lines)"
    assert printed[2].startswith("  pharmacy R2 line 1: found QTY10 ")
    assert printed[3:] == ["1 of 2 cases as expected."]


def test_the_as_of_date_hides_later_claims(
    limits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (_case(limits) / EXPECTED).write_text("claim_id\nA2\n", encoding="utf-8")
    assert main(["policy", "test", str(limits), "--as-of", "2026-03-10"]) == 0
    assert "1 finding on 3 lines" in capsys.readouterr().out
