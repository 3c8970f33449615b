"""Who is who, and what dates an undated diagnosis: rows for each sentence of the rules.

All cases are in one run; the ids of a case carry its number, so that cases do not meet.
"""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from schemas.tables import TABLES
from tests.support.extracts import ANY_ERROR_RATE, Ran, Row, good, run

pytestmark = pytest.mark.slow

CLAIM, SERVICE, DX, SPAN, AUTH, FACT = (
    "pharmacy_claim",
    "medical_claim",
    "diagnosis",
    "eligibility",
    "authorization",
    "clinical_evidence",
)
LINKING = (CLAIM, SERVICE, DX, SPAN, AUTH, FACT)
IDS = ("claim_id", "original_claim_id", "person_id", "member_id")
LATE = "2026-07-01"  # after the as-of date
BAD_ROW: dict[str, dict[str, str]] = {
    CLAIM: {"paid_date": "soon"},
    SERVICE: {"paid_date": "soon"},
    DX: {"diagnosis_date": "soon"},
    SPAN: {"birth_date": "soon"},
    AUTH: {"status": "perhaps"},
    FACT: {"evidence_value": "perhaps"},
}
"""For each table a value that quarantines the row."""


@dataclass(frozen=True)
class Case:
    """Rows, and the expected person of pharmacy claims and date of undated diagnoses by claim id.

    A date of None means that the diagnosis is quarantined.
    """

    sentence: str
    rows: tuple[tuple[str, dict[str, str]], ...]
    persons: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str | None] = field(default_factory=dict)


def undated(claim_id: str, **values: str) -> tuple[str, dict[str, str]]:
    return DX, {"claim_id": claim_id, "diagnosis_date": "", **values}


PERSONS = (
    Case(
        "a person is the person_id if there is one",
        ((CLAIM, {"claim_id": "1", "member_id": "m", "person_id": "p"}),),
        {"1": "p"},
    ),
    Case(
        "without any person_id the person is the member_id",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (SPAN, {"member_id": "m"}),
        ),
        {"1": "m"},
    ),
    *(
        Case(
            f"a member_id that goes with one person_id in {table} is that person everywhere",
            (
                (CLAIM, {"claim_id": "1", "member_id": "m"}),
                (table, {"claim_id": "2", "member_id": "m", "person_id": "p"}),
            ),
            {"1": "p"},
        )
        for table in LINKING
    ),
    Case(
        "the link may be in many rows and still be one person_id",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (SPAN, {"member_id": "m", "person_id": "p"}),
            (AUTH, {"member_id": "m", "person_id": "p"}),
            (SPAN, {"member_id": "m", "enrollment_start_date": "2021-01-01"}),
        ),
        {"1": "p"},
    ),
    Case(
        "a member_id with two person_ids is neither: rows without one are the member_id's",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (CLAIM, {"claim_id": "2", "member_id": "m", "person_id": "p"}),
            (CLAIM, {"claim_id": "3", "member_id": "m", "person_id": "q"}),
        ),
        {"1": "m", "2": "p", "3": "q"},
    ),
    Case(
        "two person_ids count also in two tables",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (SPAN, {"member_id": "m", "person_id": "p"}),
            (FACT, {"member_id": "m", "person_id": "q"}),
        ),
        {"1": "m"},
    ),
    Case(
        "two member_ids may be one person",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (CLAIM, {"claim_id": "2", "member_id": "n"}),
            (SPAN, {"member_id": "m", "person_id": "p"}),
            (SPAN, {"member_id": "n", "person_id": "p"}),
        ),
        {"1": "p", "2": "p"},
    ),
    Case(
        "whitespace and NULL are not a person_id",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "person_id": "NULL"}),
            (SPAN, {"member_id": "m", "person_id": " "}),
            (AUTH, {"member_id": "m", "person_id": " p "}),
        ),
        {"1": "p"},
    ),
    Case(
        "a denied claim links",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (
                CLAIM,
                {"claim_id": "2", "member_id": "m", "person_id": "p", "claim_status": "denied"},
            ),
        ),
        {"1": "p"},
    ),
    Case(
        "a voided claim links",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (CLAIM, {"claim_id": "2", "member_id": "m", "person_id": "p"}),
            (
                CLAIM,
                {
                    "claim_id": "9",
                    "member_id": "m",
                    "claim_frequency_code": "8",
                    "original_claim_id": "2",
                },
            ),
        ),
        {"1": "p"},
    ),
    *(
        Case(
            f"a quarantined row of {table} links nobody",
            (
                (CLAIM, {"claim_id": "1", "member_id": "m"}),
                (table, {"claim_id": "2", "member_id": "m", "person_id": "p", **BAD_ROW[table]}),
            ),
            {"1": "m"},
        )
        for table in LINKING
    ),
    *(
        Case(
            f"a quarantined row of {table} makes no second person",
            (
                (CLAIM, {"claim_id": "1", "member_id": "m"}),
                (SPAN, {"member_id": "m", "person_id": "p"}),
                (table, {"claim_id": "2", "member_id": "m", "person_id": "q", **BAD_ROW[table]}),
            ),
            {"1": "p"},
        )
        for table in LINKING
    ),
    Case(
        "a diagnosis that is quarantined because no claim dates it links nobody",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            undated("77", member_id="m", person_id="p"),
        ),
        {"1": "m"},
        {"77": None},
    ),
    Case(
        "a diagnosis that is quarantined because no claim dates it makes no second person",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m"}),
            (SPAN, {"member_id": "m", "person_id": "p"}),
            undated("77", member_id="m", person_id="q"),
        ),
        {"1": "p"},
        {"77": None},
    ),
    *(
        Case(
            f"a {table} after the as-of date links nobody",
            (
                (CLAIM, {"claim_id": "1", "member_id": "m"}),
                (table, {"claim_id": "2", "member_id": "m", "person_id": "p", column: LATE}),
            ),
            {"1": "m"},
        )
        for table, column in ((CLAIM, "dispensing_date"), (SERVICE, "claim_line_start_date"))
    ),
    *(
        Case(
            f"a {table} after the as-of date makes no second person",
            (
                (CLAIM, {"claim_id": "1", "member_id": "m"}),
                (SPAN, {"member_id": "m", "person_id": "p"}),
                (table, {"claim_id": "2", "member_id": "m", "person_id": "q", column: LATE}),
            ),
            {"1": "p"},
        )
        for table, column in ((CLAIM, "dispensing_date"), (SERVICE, "claim_line_start_date"))
    ),
)

DATES = (
    Case(
        "an undated diagnosis takes the earliest service date of its claim, in either claim table",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "dispensing_date": "2026-03-04"}),
            (
                SERVICE,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "claim_line_number": "1",
                    "claim_line_start_date": "2026-03-03",
                },
            ),
            (
                SERVICE,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "claim_line_number": "2",
                    "claim_line_start_date": "2026-03-02",
                },
            ),
            (CLAIM, {"claim_id": "2", "member_id": "m", "dispensing_date": "2026-03-01"}),
            undated("1", member_id="m"),
        ),
        dates={"1": "2026-03-02"},
    ),
    Case(
        "a pharmacy claim dates it as well",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "dispensing_date": "2026-03-01"}),
            (SERVICE, {"claim_id": "1", "member_id": "m", "claim_line_start_date": "2026-03-02"}),
            undated("1", member_id="m"),
        ),
        dates={"1": "2026-03-01"},
    ),
    Case(
        "the service date of a medical line is the line's date if it has one",
        (
            (CLAIM, {"claim_id": "9", "member_id": "m"}),
            (
                SERVICE,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "claim_start_date": "2026-03-01",
                    "claim_line_start_date": "2026-03-05",
                },
            ),
            undated("1", member_id="m"),
        ),
        dates={"1": "2026-03-05"},
    ),
    Case(
        "and the claim's date if the line has none",
        (
            (CLAIM, {"claim_id": "9", "member_id": "m"}),
            (
                SERVICE,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "claim_start_date": "2026-03-01",
                    "claim_line_start_date": "",
                },
            ),
            undated("1", member_id="m"),
        ),
        dates={"1": "2026-03-01"},
    ),
    Case(
        "another person's claim of that id does not date it",
        (
            (CLAIM, {"claim_id": "1", "member_id": "n", "dispensing_date": "2026-03-01"}),
            (
                CLAIM,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "dispensing_date": "2026-03-02",
                    "claim_line_number": "2",
                },
            ),
            undated("1", member_id="m"),
        ),
        dates={"1": "2026-03-02"},
    ),
    Case(
        "if only another person has a claim of that id, it is quarantined",
        (
            (CLAIM, {"claim_id": "1", "member_id": "n"}),
            (CLAIM, {"claim_id": "2", "member_id": "m"}),
            undated("1", member_id="m"),
        ),
        dates={"1": None},
    ),
    Case(
        "the claim may be under another member_id of the person",
        (
            (
                CLAIM,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "person_id": "p",
                    "dispensing_date": "2026-03-01",
                },
            ),
            (SPAN, {"member_id": "n", "person_id": "p"}),
            undated("1", member_id="n"),
        ),
        dates={"1": "2026-03-01"},
    ),
    Case(
        "the diagnosis's own person_id counts before its member_id",
        (
            (
                CLAIM,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "person_id": "p",
                    "dispensing_date": "2026-03-01",
                },
            ),
            (
                CLAIM,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "person_id": "q",
                    "dispensing_date": "2026-02-01",
                    "claim_line_number": "2",
                },
            ),
            undated("1", member_id="m", person_id="p"),
        ),
        dates={"1": "2026-03-01"},
    ),
    *(
        Case(
            f"a {word} claim dates it: it is the person's claim all the same",
            (
                (
                    CLAIM,
                    {
                        "claim_id": "1",
                        "member_id": "m",
                        "dispensing_date": "2026-03-01",
                        "claim_status": word,
                    },
                ),
                (CLAIM, {"claim_id": "2", "member_id": "m"}),
                undated("1", member_id="m"),
            ),
            dates={"1": "2026-03-01"},
        )
        for word in ("denied", "reversed")
    ),
    Case(
        "a quarantined claim row does not date it",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "paid_amount": "ten"}),
            (CLAIM, {"claim_id": "2", "member_id": "m"}),
            undated("1", member_id="m"),
        ),
        dates={"1": None},
    ),
    Case(
        "a claim after the as-of date is unknown and does not date it",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "dispensing_date": LATE}),
            (CLAIM, {"claim_id": "2", "member_id": "m"}),
            undated("1", member_id="m"),
        ),
        dates={"1": None},
    ),
    Case(
        "of a claim with a line after the as-of date the other lines date it",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "dispensing_date": "2026-06-30"}),
            (
                CLAIM,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "dispensing_date": LATE,
                    "claim_line_number": "2",
                },
            ),
            undated("1", member_id="m"),
        ),
        dates={"1": "2026-06-30"},
    ),
    Case(
        "a diagnosis with a date keeps it",
        (
            (CLAIM, {"claim_id": "1", "member_id": "m", "dispensing_date": "2026-03-01"}),
            (DX, {"claim_id": "1", "member_id": "m", "diagnosis_date": "2026-03-09"}),
        ),
        dates={"1": "2026-03-09"},
    ),
    Case(
        "a diagnosis with a date needs no claim",
        (
            (CLAIM, {"claim_id": "2", "member_id": "m"}),
            (DX, {"claim_id": "1", "member_id": "m", "diagnosis_date": "2026-03-09"}),
        ),
        dates={"1": "2026-03-09"},
    ),
    Case(
        "a quarantined diagnosis lends its person to no other row: its claim is not that person's",
        (
            (CLAIM, {"claim_id": "1", "member_id": "n", "person_id": "p"}),
            (CLAIM, {"claim_id": "2", "member_id": "m"}),
            undated("77", member_id="m", person_id="p"),
            undated("1", member_id="m"),
        ),
        {"2": "m"},
        {"77": None, "1": None},
    ),
    Case(
        "a quarantined diagnosis takes no person away: another's claim stays that person's",
        (
            (
                CLAIM,
                {
                    "claim_id": "1",
                    "member_id": "m",
                    "person_id": "p",
                    "dispensing_date": "2026-03-01",
                },
            ),
            (CLAIM, {"claim_id": "2", "member_id": "m"}),
            undated("77", member_id="m", person_id="q"),
            undated("1", member_id="m"),
        ),
        {"2": "p"},
        {"77": None, "1": "2026-03-01"},
    ),
)
CASES = (*PERSONS, *DATES)


@dataclass(frozen=True)
class Together:
    """All cases in one run."""

    claims: dict[str, str]  # claim_id -> person
    diagnoses: dict[
        str, str | None
    ]  # claim_id -> date; absent if no such row is given to the rules
    quarantined: set[str]  # claim ids of diagnosis rows without a date


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    files: dict[str, list[Row]] = {table: [] for table in LINKING}
    for n, case in enumerate(CASES):
        for table, values in case.rows:
            known = {c.name for c in TABLES[table].columns}
            row = good(table, **{k: v for k, v in values.items() if k in known})
            files[table].append(row | {k: prefixed(n, str(row[k])) for k in IDS if row.get(k)})
    ran = run(
        tmp_path_factory.mktemp("persons"),
        {f"{t}.csv": rows for t, rows in files.items()},
        config=ANY_ERROR_RATE,
    )
    extracted = ran.extracted()
    return Together(
        {row["claim_id"]: row["person"] for row in extracted.pharmacy.to_dicts()},
        {
            row["claim_id"]: row["diagnosis_date"].isoformat()
            for row in extracted.diagnosis.to_dicts()
            if row["diagnosis_date"]
        },
        {
            str(files[DX][n - 1]["claim_id"])
            for n, column, check in ran.failed(DX)
            if (column, check) == ("claim_id", "claim_date_unknown")
        },
    )


def prefixed(number: int, text: str) -> str:
    """An id of a case; whitespace and NULL stay what they are."""
    return (
        text.replace(text.strip(), f"{number}.{text.strip()}")
        if text.strip() not in ("", "NULL")
        else text
    )


@pytest.mark.parametrize("case", [c for c in CASES if c.persons], ids=lambda c: c.sentence)
def test_the_person_of_a_row(together: Together, case: Case) -> None:
    n = CASES.index(case)

    assert {k: together.claims[f"{n}.{k}"] for k in case.persons} == {
        k: f"{n}.{p}" for k, p in case.persons.items()
    }


@pytest.mark.parametrize("case", [c for c in CASES if c.dates], ids=lambda c: c.sentence)
def test_the_date_of_a_diagnosis(together: Together, case: Case) -> None:
    n = CASES.index(case)

    assert {k: together.diagnoses.get(f"{n}.{k}") for k in case.dates} == case.dates
    assert {k for k in case.dates if f"{n}.{k}" in together.quarantined} == {
        k for k, day in case.dates.items() if day is None
    }


def diagnosis_counts(ran: Ran) -> list[tuple[int, int]]:
    return [(f.accepted, f.quarantined) for f in ran.balance.files if f.table == DX]


def test_an_undated_diagnosis_is_accepted_as_soon_as_its_claim_is_there(tmp_path: Path) -> None:
    other = good(CLAIM, claim_id="2")
    first = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [other],
            "diagnosis.csv": [good(DX, claim_id="1", diagnosis_date=None)],
        },
        config=ANY_ERROR_RATE,
    )
    assert diagnosis_counts(first) == [(0, 1)]
    first.keep()

    later = run(
        tmp_path,
        {"pharmacy_claim.csv": [good(CLAIM, claim_id="1", dispensing_date="2026-03-01")]},
        landing="second",
    )

    assert diagnosis_counts(later) == [(1, 0)]
    assert later.quarantine == []
    assert later.extracted().diagnosis["diagnosis_date"].to_list() == [date(2026, 3, 1)]


def test_links_of_earlier_runs_count(tmp_path: Path) -> None:
    run(
        tmp_path, {"pharmacy_claim.csv": [good(CLAIM, claim_id="2", member_id="m", person_id="p")]}
    ).keep()
    later = run(
        tmp_path,
        {"pharmacy_claim.csv": [good(CLAIM, claim_id="1", member_id="m")]},
        landing="second",
    )

    assert later.extracted().pharmacy["person"].to_list() == ["p", "p"]


def test_a_claim_after_the_as_of_date_links_in_a_later_run(tmp_path: Path) -> None:
    known = good(CLAIM, claim_id="1", member_id="m")
    linking = good(CLAIM, claim_id="2", member_id="m", person_id="p", dispensing_date="2026-03-01")
    files = {"pharmacy_claim.csv": [known, linking]}
    before = run(tmp_path / "a", files, as_of=date(2026, 2, 28))
    after = run(tmp_path / "b", files, as_of=date(2026, 3, 1))

    assert before.extracted().pharmacy["person"].to_list() == ["m"]
    assert after.extracted().pharmacy["person"].to_list() == ["p", "p"]
