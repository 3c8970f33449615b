"""CMS ASP crosswalk, from the published table to the answer on a line."""

from datetime import date
from pathlib import Path

import pytest

from tests.support.published import NEXT, crosswalk, imported, rows_of, said
from tests.support.spoken import World

OWN, SHARED, OTHER = "00001-0001-01", "00001-0001-02", "00002-0002-02"
PAIRS = [("J1000", OWN), ("J1000", SHARED), ("J2000", SHARED), ("J2000", OTHER)]
TABLE = {"asp.csv": crosswalk(PAIRS)}


def line(code: str, ndc: str | None, day: date = date(2026, 2, 1)) -> dict[str, object]:
    text = None if ndc is None else ndc.replace("-", "")
    return {"hcpcs_code": code, "ndc_code": text, "service_date": day}


def outcomes(folder: Path, *lines: dict[str, object]) -> dict[str, str]:
    found = said(folder, "asp-crosswalk-acme", World(medical=lines))
    return {claim.split()[0]: words for claim, words in found.items()}


@pytest.mark.parametrize("word", ["asp-crosswalk", "asp"])
def test_an_ndc_of_another_code_is_found_and_the_rest_passes(word: str, tmp_path: Path) -> None:
    assert imported(word, TABLE, tmp_path) == 0
    lines = [
        line("J1000", OTHER),
        line("J1000", OWN),
        line("J1000", SHARED),
        line("J2000", SHARED),
        line("J2000", None),
        line("J1000", "00009-0009-09"),
        line("J9000", OWN),
    ]
    assert outcomes(tmp_path, *lines) == {
        "C1": "records_request ndc_of_another_code amount=100.00",
        **dict.fromkeys(("C2", "C3", "C4", "C5", "C6"), "pass"),
    }


def test_each_release_is_asked_in_its_own_time(tmp_path: Path) -> None:
    imported("asp", TABLE, tmp_path)
    later = {"asp.csv": crosswalk([("J1000", OTHER), ("J3000", OWN)], 2025, "NDC2")}
    imported("asp", later, tmp_path, release=NEXT)
    day = date(2026, 3, 1)
    lines = [line("J1000", OTHER, day), line("J1000", OWN, day), line("J2000", OTHER, day)]
    lines += [line("J3000", OTHER), line("J1000", OTHER)]
    found = {claim: words.split()[0] for claim, words in outcomes(tmp_path, *lines).items()}
    assert found == {"C1": "pass", "C2": "records_request", "C5": "records_request"}


def test_each_pair_keeps_its_row(tmp_path: Path) -> None:
    imported("asp", TABLE, tmp_path)
    rows = rows_of(tmp_path, "asp-crosswalk-acme-2026-01-01.csv")
    assert rows[0] == {"hcpcs": "J1000", "ndc11": "00001000101", "file": "asp.csv", "row": "4"}


def test_an_ndc_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported("asp", {"asp.csv": crosswalk([("J1000", "1-1-1")])}, tmp_path) == 6
    assert "asp.csv: row 4: the NDC has not 5, 4 and 2 digits" in capsys.readouterr().err
