"""The OIG's list of excluded providers: a dated table, because no term asks for an NPI."""

from datetime import date
from pathlib import Path

import pytest

from audit_rules.policy.document import load_policy
from tests.support.published import NEXT, bytes_of, imported, leie_table, rows_of
from tests.support.spoken import World, judgement

NONE, FIRST, SECOND = "0000000000", "1972902351", "1234567893"
NO_DATE = "00000000"
TABLE = {
    "UPDATED.csv": leie_table(
        [
            (NONE, "20200319", NO_DATE),
            (FIRST, "20220320", NO_DATE),
            (SECOND, "20210101", "20250630"),
        ]
    )
}


def test_each_npi_is_excluded_until_it_is_reinstated(tmp_path: Path) -> None:
    assert imported("leie", TABLE, tmp_path) == 0
    rows = rows_of(tmp_path, "leie-acme.csv")
    assert [(r["npi"], r["effective_from"], r["effective_to"], r["authority"]) for r in rows] == [
        (SECOND, "2021-01-01", "2025-06-30", "1128a1"),
        (FIRST, "2022-03-20", "", "1128a1"),
    ]
    assert rows[1]["cite"].startswith("LEIE, release 2026-01-01, UPDATED.csv row 3: NPI")


def test_an_exclusion_that_a_later_release_does_not_list_ends_with_it(tmp_path: Path) -> None:
    imported("leie", TABLE, tmp_path)
    later = {"UPDATED.csv": leie_table([(SECOND, "20210101", "20250630")])}
    imported("leie", later, tmp_path, release=NEXT)
    ends = {r["npi"]: r["effective_to"] for r in rows_of(tmp_path, "leie-acme.csv")}
    assert ends == {FIRST: NEXT, SECOND: "2025-06-30"}
    after = bytes_of(tmp_path)
    imported("leie", TABLE, tmp_path)
    imported("leie", later, tmp_path, release=NEXT)
    assert bytes_of(tmp_path) == after


def test_the_document_says_that_nothing_asks_for_an_npi(tmp_path: Path) -> None:
    imported("leie", TABLE, tmp_path)
    policy = load_policy(tmp_path / "policies" / "leie-acme.toml")
    assert policy.terms == ()
    assert [(c.clause.split(" (")[0], c.why) for c in policy.not_auditable] == [
        ("payment to a provider of the list", "no kind of term asks for the NPI of a provider")
    ]


def test_no_line_is_judged_by_it(tmp_path: Path) -> None:
    imported("leie", TABLE, tmp_path)
    excluded = load_policy(tmp_path / "policies" / "leie-acme.toml")
    day = date(2026, 2, 1)
    line = {"hcpcs_code": "J9229", "quantity": 99, "service_date": day, "billing_npi": FIRST}
    other = line | {"hcpcs_code": "J1000"}
    world = World(medical=[line, other])
    without, with_it = (
        judgement([], world, shipped=True),
        judgement([excluded], world, shipped=True),
    )
    assert with_it.exceptions.equals(without.exceptions)
    assert with_it.rule_coverage.equals(without.rule_coverage)


def test_a_row_that_is_no_exclusion_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"UPDATED.csv": leie_table([(FIRST, "20221320", NO_DATE)])}
    assert imported("leie", wrong, tmp_path) == 6
    assert "UPDATED.csv: row 2: EXCLDATE is not a date" in capsys.readouterr().err
