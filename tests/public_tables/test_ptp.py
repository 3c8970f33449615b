"""CMS procedure-to-procedure edits, from the published table to the answer on a line."""

from datetime import date
from pathlib import Path

import pytest

from tests.support.published import NEXT, imported, ptp_table, rows_of, said
from tests.support.spoken import World

DAY = date(2026, 2, 1)
ROWS = [
    ("96413", "J1000", "20200101", "*", "0"),
    ("96413", "J2000", "20200101", "*", "1"),
    ("96413", "J3000", "20200101", "20200101", "9"),
    ("96413", "J4000", "20200101", "20260131", "0"),
]
TABLE = {"ccipra.TXT": ptp_table(ROWS)}


def line(code: str, day: date = DAY, npi: str = "1", **more: object) -> dict[str, object]:
    return {"hcpcs_code": code, "service_date": day, "billing_npi": npi} | more


def outcomes(folder: Path, *lines: dict[str, object]) -> dict[str, str]:
    found = said(folder, "ptp-acme", World(medical=lines))
    return {claim.split()[0]: words for claim, words in found.items()}


def test_a_code_next_to_its_column_1_code_is_found(tmp_path: Path) -> None:
    imported("ptp", TABLE, tmp_path)
    found = outcomes(tmp_path, line("96413"), line("J1000"), line("J2000"), line("J3000"))
    assert found == {
        "C2": "recover excluded_on_file amount=100.00",
        "C3": "records_request excluded_on_file amount=100.00",
    }


@pytest.mark.parametrize(
    "other", [line("96413", npi="2"), line("96413", date(2026, 2, 2)), line("96409")]
)
def test_another_provider_date_or_code_is_not_accused(
    other: dict[str, object], tmp_path: Path
) -> None:
    imported("ptp", TABLE, tmp_path)
    assert outcomes(tmp_path, other, line("J1000"), line("J2000")) == {"C2": "pass", "C3": "pass"}


@pytest.mark.parametrize(
    ("modifier", "answer"),
    [
        ("59", "pass"),
        ("F9", "pass"),
        ("XU", "pass"),
        ("JW", "records_request"),
        ("FB", "records_request"),
    ],
)
def test_a_modifier_that_may_separate_two_codes_excuses_under_indicator_1(
    modifier: str, answer: str, tmp_path: Path
) -> None:
    imported("ptp", TABLE, tmp_path)
    lines = [
        line("96413"),
        line("J1000", hcpcs_modifier_1=modifier),
        line("J2000", hcpcs_modifier_1=modifier),
    ]
    found = outcomes(tmp_path, *lines)
    assert (found["C2"].split()[0], found["C3"].split()[0]) == ("recover", answer)


@pytest.mark.parametrize(("day", "judged"), [(date(2026, 1, 31), True), (DAY, False)])
def test_the_day_of_deletion_is_the_last_day(day: date, judged: bool, tmp_path: Path) -> None:
    imported("ptp", TABLE, tmp_path)
    assert ("C2" in outcomes(tmp_path, line("96413", day), line("J4000", day))) == judged


def test_an_edit_that_a_later_release_deletes_or_leaves_out_ends(tmp_path: Path) -> None:
    imported("ptp", TABLE, tmp_path)
    later = [("96413", "J1000", "20200101", "20260228", "0"), ROWS[3]]
    imported("ptp", {"ccipra.TXT": ptp_table(later)}, tmp_path, release=NEXT)
    rows = rows_of(tmp_path, "ptp-acme-indicator-0.csv")
    rows += rows_of(tmp_path, "ptp-acme-indicator-1.csv")
    assert {r["hcpcs"]: (r["effective_from"], r["effective_to"]) for r in rows} == {
        "J1000": ("2020-01-01", "2026-03-01"),
        "J2000": ("2020-01-01", NEXT),
        "J4000": ("2020-01-01", "2026-02-01"),
    }
    assert f"release {NEXT}, ccipra.TXT row 7: J1000 not with 96413" in rows[0]["cite"]


def test_a_pair_can_come_again_with_other_dates(tmp_path: Path) -> None:
    again = [("96413", "J1000", "20190101", "20190630", "1"), *ROWS]
    assert imported("ptp", {"ccipra.TXT": ptp_table(again)}, tmp_path) == 0
    day = date(2019, 3, 1)
    assert outcomes(tmp_path, line("96413", day), line("J1000", day))["C2"].startswith("records")


def test_a_pair_of_both_settings_accuses_nothing_that_one_of_them_allows(tmp_path: Path) -> None:
    imported("ptp", TABLE, tmp_path)
    imported(
        "ptp",
        {"ccioph.TXT": ptp_table([("96413", "J1000", "20200101", "*", "1")])},
        tmp_path,
        *("--setting", "outpatient"),
    )
    lines = [line("96413"), line("J1000", hcpcs_modifier_1="59"), line("J1000")]
    found = outcomes(tmp_path, *lines)
    assert (found["C2"], found["C3"].split()[0]) == ("pass", "records_request")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("9641", "J1000", "20200101", "*", "0"), "row 7: no code in column_1"),
        (("96413", "J1000", "20200132", "*", "0"), "row 7: the since is not a date"),
        (("96413", "J1000", "20200101", "*", "3"), "row 7: the indicator is not 0, 1 or 9"),
    ],
)
def test_a_row_that_is_no_edit_is_named(
    row: tuple[str, str, str, str, str],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert imported("ptp", {"ccipra.TXT": ptp_table([row])}, tmp_path) == 6
    assert words in capsys.readouterr().err
