"""CMS Medically Unlikely Edits, from the published table to the answer on a line."""

from datetime import date
from pathlib import Path

import pytest

from tests.support.published import (
    CLINICAL,
    LINE,
    NEXT,
    POLICY,
    imported,
    mue_table,
    rows_of,
    said,
)
from tests.support.spoken import World

TABLE = mue_table([("J1000", 10, LINE), ("J2000", 4, POLICY), ("J3000", 0, CLINICAL)])

DAY = date(2026, 2, 1)


def line(code: str, units: object, day: date = DAY, **more: object) -> dict[str, object]:
    return {
        "hcpcs_code": code,
        "product_code": code,
        "quantity": units,
        "service_date": day,
        "billing_npi": "1",
    } | more


def test_each_indicator_is_asked_in_its_period_with_its_outcome(tmp_path: Path) -> None:
    assert imported("mue", {"mue.csv": TABLE}, tmp_path) == 0
    lines = [
        line("J1000", 11),
        line("J1000", 10),
        line("J2000", 3),
        line("J2000", 2),
        line("J2000", 4, billing_npi="2"),
        line("J3000", 1),
    ]
    found = said(tmp_path, "mue-acme", World(medical=lines))
    assert found == {
        "C1 mue-acme.mai-1.practitioner.J1000.2026-01-01": (
            "recover quantity_over_limit observed=11 allowed=10 amount=100.00"
        ),
        "C2 mue-acme.mai-1.practitioner.J1000.2026-01-01": "pass",
        "C3 mue-acme.mai-2.practitioner.J2000.2026-01-01": "pass",
        "C4 mue-acme.mai-2.practitioner.J2000.2026-01-01": (
            "recover quantity_over_limit observed=5 allowed=4 amount=100.00"
        ),
        "C5 mue-acme.mai-2.practitioner.J2000.2026-01-01": "pass",
        "C6 mue-acme.mai-3.practitioner.J3000.2026-01-01": (
            "records_request quantity_over_limit observed=1 allowed=0 amount=100.00"
        ),
    }


def test_waste_counts_and_other_payers_and_codes_are_not_asked(tmp_path: Path) -> None:
    imported("mue", {"mue.csv": TABLE}, tmp_path)
    lines = [
        line("J2000", 3),
        line("J2000", 2, hcpcs_modifier_1="JW"),
        line("J1000", 99, payer_id="other", payer="Other"),
        line("J9000", 99),
    ]
    found = said(tmp_path, "mue-acme", World(medical=lines))
    assert {claim.split()[0]: words.split()[0] for claim, words in found.items()} == {
        "C1": "pass",
        "C2": "recover",
    }


def test_a_later_release_ends_rows_and_begins_its_own(tmp_path: Path) -> None:
    imported("mue", {"mue.csv": TABLE}, tmp_path)
    later = mue_table([("J1000", 20, LINE), ("J4000", 1, LINE)])
    imported("mue", {"mue.csv": later}, tmp_path, release=NEXT)
    lines = [line("J1000", 15, day) for day in (date(2026, 2, 28), date(2026, 3, 1))]
    lines += [line("J2000", 9, date(2026, 3, 1)), line("J4000", 2, date(2026, 2, 28))]
    found = said(tmp_path, "mue-acme", World(medical=lines))
    assert {claim: words.split()[0] for claim, words in found.items()} == {
        "C1 mue-acme.mai-1.practitioner.J1000.2026-01-01": "recover",
        "C2 mue-acme.mai-1.practitioner.J1000.2026-03-01": "pass",
    }


def test_each_row_cites_table_release_and_row(tmp_path: Path) -> None:
    imported("mue", {"mue.csv": TABLE}, tmp_path)
    (row,) = rows_of(tmp_path, "mue-acme-mai-2.csv")
    assert row["cite"].startswith("CMS MUE practitioner, release 2026-01-01, mue.csv row 4: J2000,")


def test_one_of_several_tables_that_allows_the_units_is_enough(tmp_path: Path) -> None:
    hospital = mue_table([("J1000", 30, POLICY)], "Outpatient Hospital Services")
    supplier = mue_table([("J1000", 2, CLINICAL)], "DME Supplier Services")
    files = {"a.csv": TABLE, "b.csv": hospital, "c.csv": supplier}
    imported("mue", files, tmp_path)
    found = said(tmp_path, "mue-acme", World(medical=[line("J1000", 25), line("J1000", 31)]))
    assert {claim.split()[0]: words for claim, words in found.items()} == {
        "C1": "pass",
        "C2": "records_request quantity_over_limit observed=33 allowed=2 amount=100.00",
    }


def test_a_release_of_one_setting_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    imported("mue", {"mue.csv": TABLE}, tmp_path)
    hospital = mue_table([("J2000", 9, POLICY)], "Outpatient Hospital Services")
    imported("mue", {"mue.csv": hospital}, tmp_path, release=NEXT)
    ends = {row["id"]: row["effective_to"] for row in rows_of(tmp_path, "mue-acme-mai-2.csv")}
    assert ends == {"practitioner.J2000.2026-01-01": "", "outpatient.J2000.2026-03-01": ""}


def test_only_the_codes_asked_for_are_written(tmp_path: Path) -> None:
    table = mue_table([("J1000", 1, LINE), ("J1999", 1, LINE), ("J2000", 1, LINE)])
    imported("mue", {"mue.csv": table}, tmp_path, "--only", "J19*", "--only", "J2000")
    assert [row["hcpcs"] for row in rows_of(tmp_path, "mue-acme-mai-1.csv")] == ["J1999", "J2000"]


def test_a_code_that_names_no_drug_has_no_row(tmp_path: Path) -> None:
    table = mue_table([("J3490", 1, LINE), ("J1000", 1, LINE)])
    imported("mue", {"mue.csv": table}, tmp_path)
    assert [row["hcpcs"] for row in rows_of(tmp_path, "mue-acme-mai-1.csv")] == ["J1000"]


def test_a_change_back_in_time_is_a_row_of_its_own_that_imports_keep(tmp_path: Path) -> None:
    imported("mue", {"mue.csv": TABLE}, tmp_path)
    file = tmp_path / "policies" / "mue-acme-mai-1.csv"
    own = "correction.J1000.2026,J1000,20,2026-01-15,,,a change of which CMS informed later"
    file.write_text(f"{file.read_text()}{own}\n")
    imported("mue", {"mue.csv": TABLE}, tmp_path, release=NEXT)
    lines = [line("J1000", 15, date(2026, 1, day)) for day in (14, 15)]
    found = said(tmp_path, "mue-acme", World(medical=lines))
    assert {claim.split()[0]: words.split()[0] for claim, words in found.items()} == {
        "C1": "recover",
        "C2": "pass",
    }


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("J1000", 1, LINE), ("J100", 1, LINE)], "mue.csv: row 4: no HCPCS code"),
        ([("J1000", 1, LINE), ("J1000", 2, LINE)], "mue.csv: row 4: the code comes twice"),
        ([("J1000", 1, "4 Other")], "mue.csv: row 3: the indicator is not 1, 2 or 3"),
        ([("J1000", "one", LINE)], "mue.csv: row 3: the value is not a number"),
    ],
)
def test_a_row_that_is_not_of_the_table_is_named(
    rows: list[tuple[str, int, str]],
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert imported("mue", {"mue.csv": mue_table(rows)}, tmp_path) == 6
    assert words in capsys.readouterr().err
    assert not (tmp_path / "policies").exists()


def test_a_table_without_indicators_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    medicaid = TABLE.replace(b"MUE Adjudication Indicator", b"MUE Something")
    assert imported("mue", {"mue.csv": medicaid}, tmp_path) == 6
    assert "mue.csv: no MUE table" in capsys.readouterr().err
