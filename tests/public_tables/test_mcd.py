"""Articles of the Medicare Coverage Database, from the archive to the answer on a line."""

import csv
from datetime import date
from pathlib import Path

import pytest

from audit_rules.policy.document import load_policy
from tests.support.published import NEXT, articles_archive, bytes_of, imported, rows_of, said
from tests.support.spoken import World

DAY = date(2026, 2, 1)
COVERED = [("100", "1", "1", "M81.0"), ("100", "1", "1", "M80.08XA*"), ("100", "1", "2", "C50.911")]
NONCOVERED = [("100", "1", "1", "E83.51")]
TITLES = {("100", "1"): {"title": 'Billing, "Coding" and\nmore', "display_id": "A100"}}
SET = '\n[[products]]\nname = "infused"\nhcpcs = ["J1000"]\n'


def archive(**more: object) -> dict[str, bytes]:
    given = {"covered": COVERED, "noncovered": NONCOVERED, "titles": TITLES} | more
    return {"current_article.zip": articles_archive(**given)}  # type: ignore[arg-type]


def fill(folder: Path, side: str, group: str) -> None:
    """Write the set into the rows of a group, as an analyst would."""
    policies = folder / "policies"
    toml = policies / "mcd-acme.toml"
    if SET not in toml.read_text(encoding="utf-8"):
        toml.write_text(toml.read_text(encoding="utf-8") + SET, encoding="utf-8")
    name = f"mcd-acme-{side}.csv"
    rows = rows_of(folder, name)
    for row in rows:
        if f".{side}.{group}." in row["id"]:
            row["of"] = "infused"
    with (policies / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def line(claim: str, *diagnoses: str) -> dict[str, object]:
    codes = {f"diagnosis_code_{n}": code for n, code in enumerate(diagnoses, 1)}
    return {"hcpcs_code": "J1000", "service_date": DAY, "claim_id": claim} | codes


def outcomes(folder: Path, world: World) -> dict[str, str]:
    found = said(folder, "mcd-acme", world)
    return {claim.replace("mcd-acme.", ""): words for claim, words in found.items()}


WORLD = World(medical=[line("A", "M80.08XA"), line("B", "C50.911", "E83.51"), line("C")])


def test_a_list_asks_nothing_until_a_set_is_named(tmp_path: Path) -> None:
    assert imported("mcd", archive(), tmp_path) == 0
    assert outcomes(tmp_path, WORLD) == {}


def test_a_covered_list_asks_for_one_of_its_codes_on_the_claim(tmp_path: Path) -> None:
    imported("mcd", archive(), tmp_path)
    fill(tmp_path, "covered", "1")
    term = "covered.A100.1.covered.1.2026-01-01"
    assert outcomes(tmp_path, WORLD) == {
        f"A {term}": "pass",
        f"B {term}": "records_request not_on_file amount=100.00",
        f"C {term}": "records_request not_on_file amount=100.00",
    }


def test_a_noncovered_list_asks_that_none_of_its_codes_is_on_the_claim(tmp_path: Path) -> None:
    imported("mcd", archive(), tmp_path)
    fill(tmp_path, "noncovered", "1")
    term = "noncovered.A100.1.noncovered.1.2026-01-01"
    assert outcomes(tmp_path, WORLD) == {
        f"A {term}": "pass",
        f"B {term}": "records_request excluded_on_file amount=100.00",
        f"C {term}": "pass",
    }


def test_what_the_analyst_filled_is_kept_for_the_same_version_only(tmp_path: Path) -> None:
    imported("mcd", archive(), tmp_path)
    fill(tmp_path, "covered", "1")
    imported("mcd", archive(), tmp_path)
    before = bytes_of(tmp_path)
    imported("mcd", archive(), tmp_path)
    assert bytes_of(tmp_path) == before
    newer = [("100", "2", g, c) for _, _, g, c in COVERED]
    imported("mcd", archive(), tmp_path, release=NEXT)
    imported("mcd", archive(covered=newer), tmp_path, release="2026-05-01")
    rows = rows_of(tmp_path, "mcd-acme-covered.csv")
    assert {r["id"]: (r["of"], r["effective_to"]) for r in rows if ".covered.1." in r["id"]} == {
        "A100.1.covered.1.2026-01-01": ("infused", NEXT),
        f"A100.1.covered.1.{NEXT}": ("infused", "2026-05-01"),
        "A100.2.covered.1.2026-05-01": ("", ""),
    }


def test_dates_of_the_article_shorten_its_rows(tmp_path: Path) -> None:
    titles = {
        ("100", "1"): {"title": "Retired before", "date_retired": "2025-12-31"},
        ("200", "1"): {"title": "Begins later", "article_eff_date": "2026-04-01 00:00:00"},
        ("300", "1"): {"title": "Ends", "article_end_date": "2026-06-30"},
    }
    rows = [*COVERED, ("200", "1", "1", "M81.0"), ("300", "1", "1", "M81.0")]
    imported("mcd", archive(covered=rows, titles=titles), tmp_path)
    found = rows_of(tmp_path, "mcd-acme-covered.csv")
    assert [(r["id"][:4], r["effective_from"], r["effective_to"]) for r in found] == [
        ("A200", "2026-04-01", ""),
        ("A300", "2026-01-01", "2026-07-01"),
    ]


def test_codes_of_two_versions_are_not_mixed(tmp_path: Path) -> None:
    rows = [*COVERED, ("100", "2", "1", "C61")]
    imported("mcd", archive(covered=rows), tmp_path)
    lists = load_policy(tmp_path / "policies" / "mcd-acme.toml").declared.codes
    assert {n: sorted(c.codes) for n, c in lists.items() if " covered 1" in n} == {
        "A100 version 1 covered 1 2026-01-01": ["M80.08XA", "M81.0"],
        "A100 version 2 covered 1 2026-01-01": ["C61"],
    }


def test_what_a_row_leaves_open_and_what_the_article_says_are_there_to_read(tmp_path: Path) -> None:
    imported("mcd", archive(), tmp_path)
    first, second = rows_of(tmp_path, "mcd-acme-covered.csv")
    assert "asterisk (1)" in first["partly"] and second["partly"] == ""
    assert first["cite"].endswith('row 2: Billing, "Coding" and more')
    texts = {r["what"]: r["text"] for r in rows_of(tmp_path, "mcd-acme-groups-2026-01-01.csv")}
    assert texts["ICD-10 covered 1"] == "Group 1 is for J1000"
    assert texts["HCPCS 1"] == "J1000"


def test_only_the_articles_asked_for_are_written_and_closed(tmp_path: Path) -> None:
    rows = [*COVERED, ("200", "1", "1", "M81.0")]
    imported("mcd", archive(covered=rows), tmp_path, "--article", "A200")
    assert {r["id"][:4] for r in rows_of(tmp_path, "mcd-acme-covered.csv")} == {"A200"}
    imported("mcd", archive(covered=rows), tmp_path, "--article", "100")
    both = rows_of(tmp_path, "mcd-acme-covered.csv")
    assert {r["id"][:4] for r in both} == {"A100", "A200"}
    imported("mcd", archive(covered=rows), tmp_path, "--article", "A100", release=NEXT)
    ends = {r["id"][:4]: r["effective_to"] for r in rows_of(tmp_path, "mcd-acme-covered.csv")[:3]}
    assert ends["A100"] == NEXT
    assert {r["effective_to"] for r in rows_of(tmp_path, "mcd-acme-covered.csv")} == {NEXT, ""}


def test_a_code_that_is_no_diagnosis_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert imported("mcd", archive(covered=[("100", "1", "1", "M8-1")]), tmp_path) == 6
    assert "article_x_icd10_covered.csv: row 2" in capsys.readouterr().err
