"""Values as senders really write them: ids made numbers, words for nothing, dates that mean none.

Every row is loaded as CSV and as Parquet; both forms must give the same rows and checks.
"""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from flows.errors import InputRefused
from schemas.tables import TABLES
from tests.support.extracts import ANY_ERROR_RATE, Content, Ran, Row, good, run

pytestmark = pytest.mark.slow

BOTH = ("csv", "parquet")
"""The forms in which every row of this module is loaded."""


def typed(rows: list[Row]) -> pl.DataFrame:
    """Rows as a frame of texts, as a Parquet file without types has them."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {n: [row.get(n) for row in rows] for n in names}, dict.fromkeys(names, pl.String)
    )


def load(folder: Path, table: str, rows: list[Row]) -> tuple[list[Row], Ran]:
    """The stored rows of one table, which are the same in both forms, and the run of the CSV."""
    stored, ran = [], []
    for form in BOTH:
        files: dict[str, Content] = {f"{table}.{form}": rows if form == "csv" else typed(rows)}
        if not TABLES[table].is_claim:
            files["pharmacy_claim.csv"] = [good("pharmacy_claim", claim_id="other")]
        ran.append(run(folder / form, files, config=ANY_ERROR_RATE))
        stored.append([{k: v for k, v in r.items() if k != "file"} for r in ran[-1].rows(table)])
    assert stored[0] == stored[1]
    assert ran[0].warned(table) == ran[1].warned(table)
    assert ran[0].failed(table) == ran[1].failed(table)
    return stored[0], ran[0]


def test_an_identifier_or_code_made_a_number_is_corrected_and_warned_about(tmp_path: Path) -> None:
    made = {
        "claim_id": "1003.0",
        "person_id": "7.00",
        "member_id": "-12.0",
        "original_claim_id": "1.002E3",
        "hcpcs_code": "99213.0",
        "hcpcs_modifier_1": "59.0",
        "ndc_code": "47335047281.0",
        "rendering_npi": "1234567893.0",
        "place_of_service_code": "11.0",
        "claim_frequency_code": "7.0",
        "diagnosis_code_type": "10.0",
    }
    rows, ran = load(tmp_path, "medical_claim", [good("medical_claim", **made)])

    assert {name: rows[0][name] for name in made} == {
        "claim_id": "1003",
        "person_id": "7",
        "member_id": "-12",
        "original_claim_id": "1002",
        "hcpcs_code": "99213",
        "hcpcs_modifier_1": "59",
        "ndc_code": "47335047281",
        "rendering_npi": "1234567893",
        "place_of_service_code": "11",
        "claim_frequency_code": "7",
        "diagnosis_code_type": "10",
    }
    warned = [w for w in ran.warned("medical_claim") if w[1] != "unmatched_replacement"]
    assert warned == [(name, "made_a_number", 1, 1) for name in sorted(made)]


def test_a_frequency_has_no_leading_zero_and_no_decimals(tmp_path: Path) -> None:
    texts = {"07": "7", "7.0": "7", "01": "1", "1": "1", "7": "7"}
    rows = [
        good("pharmacy_claim", claim_id=f"C{i}", claim_frequency_code=text)
        for i, text in enumerate(texts)
    ]
    stored, ran = load(tmp_path, "pharmacy_claim", rows)

    assert [row["claim_frequency_code"] for row in stored] == list(texts.values())
    assert ran.warned("pharmacy_claim")[0] == ("claim_frequency_code", "made_a_number", 3, 1)


LOST = ("2.02603E+11", "1E+15", "9007199254740993.0", "1.0E10", "2.02603e+11")


def test_a_key_that_lost_digits_is_an_error_and_an_optional_one_null(tmp_path: Path) -> None:
    rows = [good("pharmacy_claim", claim_id=text) for text in LOST]
    rows += [
        good("pharmacy_claim", claim_id=f"C{i}", original_claim_id=text, daw_code=text)
        for i, text in enumerate(LOST)
    ]
    stored, ran = load(tmp_path, "pharmacy_claim", rows)

    lost = len(LOST)
    assert {(row["original_claim_id"], row["daw_code"]) for row in stored} == {(None, None)}
    assert ran.failed("pharmacy_claim") == [
        (n, "claim_id", "digits_lost") for n in range(1, lost + 1)
    ]
    assert ran.warned("pharmacy_claim") == [
        ("daw_code", "digits_lost", lost, lost + 1),
        ("original_claim_id", "digits_lost", lost, lost + 1),
    ]


def test_an_identifier_that_only_looks_like_a_number_stays_as_it_is(tmp_path: Path) -> None:
    texts = ("7E10", "1234E567", "12.5", "RX.0", "1.0.0", "E0100", "12E5.0", "1.5e+", "0.5")
    stored, ran = load(
        tmp_path, "pharmacy_claim", [good("pharmacy_claim", claim_id=text) for text in texts]
    )

    assert [row["claim_id"] for row in stored] == list(texts)
    assert ran.warned("pharmacy_claim") == []


WORDS = ("nan", "NaN", "None", "n/a", "N/A", "na", r"\N", ".", "-", "UNKNOWN", "0", "0000", "0.0")


def test_words_that_stand_for_nothing_are_null_in_keys(tmp_path: Path) -> None:
    rows = [
        good("pharmacy_claim", claim_id=f"C{i}", person_id=word, original_claim_id=word)
        for i, word in enumerate(WORDS)
    ]
    stored, ran = load(tmp_path, "pharmacy_claim", rows)

    assert {(row["person_id"], row["original_claim_id"]) for row in stored} == {(None, None)}
    assert ran.warned("pharmacy_claim") == [
        ("original_claim_id", "placeholder", len(WORDS), 1),
        ("person_id", "placeholder", len(WORDS), 1),
    ]


def test_words_that_stand_for_nothing_are_errors_in_bold_keys(tmp_path: Path) -> None:
    members = [good("pharmacy_claim", member_id=word) for word in WORDS]
    _, ran = load(tmp_path / "members", "pharmacy_claim", members)
    decisions = [good("authorization", authorization_id=word) for word in WORDS]
    _, decided = load(tmp_path / "decisions", "authorization", decisions)

    every = range(1, len(WORDS) + 1)
    assert ran.failed("pharmacy_claim") == [(n, "member_id", "placeholder") for n in every]
    assert decided.failed("authorization") == [
        (n, "authorization_id", "placeholder") for n in every
    ]


def test_words_that_stand_for_nothing_are_ordinary_in_other_columns(tmp_path: Path) -> None:
    row = good("pharmacy_claim", claim_id="0", daw_code="0", plan="unknown")
    stored, ran = load(tmp_path, "pharmacy_claim", [row])

    assert (stored[0]["claim_id"], stored[0]["daw_code"], stored[0]["plan"]) == (
        "0",
        "0",
        "unknown",
    )
    assert ran.warned("pharmacy_claim") == []


NEVER = ("1900-01-01", "1753-01-01", "0001-01-01")


def test_a_date_that_means_none_is_unknown_and_an_error_as_a_service_date(
    tmp_path: Path,
) -> None:
    never = (*NEVER, "9999-12-31")
    rows = [good("pharmacy_claim", claim_id=f"A{d}", paid_date=d) for d in never]
    rows += [good("pharmacy_claim", claim_id=f"B{d}", dispensing_date=d) for d in never]
    stored, ran = load(tmp_path, "pharmacy_claim", rows)

    assert [row["paid_date"] for row in stored] == [None] * 4
    assert ran.warned("pharmacy_claim") == [("paid_date", "sentinel_date", 4, 1)]
    assert ran.failed("pharmacy_claim") == [
        (n, "dispensing_date", "sentinel_date") for n in range(5, 9)
    ]


def test_a_date_that_means_none_leaves_a_span_open_on_its_side(tmp_path: Path) -> None:
    spans = [
        good("eligibility", enrollment_start_date=start, enrollment_end_date=end)
        for start in NEVER
        for end in ("9999-12-31", "1900-01-01")
    ]
    stored, ran = load(tmp_path / "spans", "eligibility", spans)
    decisions = [good("authorization", start_date="1900-01-01", end_date="9999-12-31")]
    decided, approved = load(tmp_path / "decisions", "authorization", decisions)

    assert [row["enrollment_start_date"] for row in stored[::2]] == [
        date(1900, 1, 1),
        date(1753, 1, 1),
        date(1, 1, 1),
    ]
    assert [row["enrollment_end_date"] for row in stored[:2]] == [date(9999, 12, 31), None]
    assert ran.warned("eligibility") == [("enrollment_end_date", "sentinel_date", 3, 2)]
    assert (decided[0]["start_date"], decided[0]["end_date"]) == (
        date(1900, 1, 1),
        date(9999, 12, 31),
    )
    assert approved.warned("authorization") == []


def test_the_wrong_end_of_a_calendar_is_neither_an_end_nor_a_start(tmp_path: Path) -> None:
    _, ran = load(
        tmp_path,
        "authorization",
        [
            good("authorization", start_date="9999-12-31", end_date="9999-12-31"),
            good("authorization", end_date="1900-01-01"),
        ],
    )

    assert ran.failed("authorization") == [
        (1, "start_date", "sentinel_date"),
        (2, "end_date", "sentinel_date"),
    ]


def test_an_r_for_which_nothing_was_paid_is_a_rejection(tmp_path: Path) -> None:
    becomes = {
        ("R", None): "denied",
        ("r", "0"): "denied",
        ("R", "0.00"): "denied",
        ("R", "10.00"): "reversed",
        ("R", "-10.00"): "reversed",
        ("reversed", "0"): "reversed",
        ("X", None): "reversed",
    }
    rows = [
        good("pharmacy_claim", claim_id=f"C{i}", claim_status=status, paid_amount=paid)
        for i, (status, paid) in enumerate(becomes)
    ]
    stored, _ = load(tmp_path, "pharmacy_claim", rows)

    assert [row["claim_status"] for row in stored] == list(becomes.values())


def test_a_timestamp_counts_with_the_day_that_it_shows_in_its_own_zone(tmp_path: Path) -> None:
    moment = pl.Series([datetime(2026, 1, 5, 3, 30)]).dt.replace_time_zone("UTC")
    zones = {"America/New_York": date(2026, 1, 4), "UTC": date(2026, 1, 5), "+05:30": None}
    rows = {}
    for number, zone in enumerate(["America/New_York", "UTC", "Asia/Kolkata"]):
        frame = pl.DataFrame([good("pharmacy_claim", claim_id=f"C{number}")]).with_columns(
            dispensing_date=moment.dt.convert_time_zone(zone)
        )
        rows[f"pharmacy_claim_{number}.parquet"] = frame
    stored = run(tmp_path, rows).rows("pharmacy_claim")

    assert [row["dispensing_date"] for row in stored] == [
        zones["America/New_York"],
        zones["UTC"],
        date(2026, 1, 5),
    ]


def test_a_timestamp_of_a_zone_that_is_not_known_is_refused(tmp_path: Path) -> None:
    row = {name: [value] for name, value in good("pharmacy_claim").items()}
    moment = pa.array([datetime(2026, 1, 5)], pa.timestamp("us", tz="+05:30"))
    parquet.write_table(pa.table(row | {"dispensing_date": moment}), tmp_path / "fills.parquet")
    content = (tmp_path / "fills.parquet").read_bytes()
    with pytest.raises(InputRefused, match="the time zone of a column is not known"):
        run(tmp_path, {"pharmacy_claim.parquet": content})


def test_a_birth_year_of_two_digits_is_never_after_the_as_of_date(tmp_path: Path) -> None:
    texts = ["05/01/58", "05/01/25", "05/01/2058", "05/01/69"]
    rows = [good("eligibility", member_id="M", birth_date=text) for text in texts]
    config = 'date_formats = ["%m/%d/%Y", "%m/%d/%y"]\n'
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim")],
            **{f"eligibility_{i}.csv": [row] for i, row in enumerate(rows)},
        },
        config=config,
    )
    births = ran.extracted().eligibility["birth_date"].to_list()

    assert sorted(births) == [
        date(1958, 5, 1),
        date(1969, 5, 1),
        date(2025, 5, 1),
        date(2058, 5, 1),  # a full year is what it says: unknown on every line, as it is after them
    ]
    assert {w.check for w in ran.warnings if w.table == "eligibility"} == {"two_digit_year"}


def test_identifiers_in_columns_of_floats_are_corrected_or_refused_too(tmp_path: Path) -> None:
    rows = [good("pharmacy_claim", person_id=None) for _ in range(4)]
    frame = pl.DataFrame(rows).with_columns(
        claim_id=pl.Series([1003.0, 1004.0, 2.0**53, 1e17]),
        person_id=pl.Series([7.0, float("nan"), None, 0.0]),
        prescribing_provider_npi=pl.Series([1234567893.0] * 4, dtype=pl.Float32),
    )
    ran = run(tmp_path, {"pharmacy_claim.parquet": frame}, config=ANY_ERROR_RATE)

    stored = ran.rows("pharmacy_claim")
    assert [(r["claim_id"], r["person_id"]) for r in stored] == [("1003", "7"), ("1004", None)]
    assert [r["prescribing_provider_npi"] for r in stored] == [None, None]
    assert ran.failed("pharmacy_claim") == [
        (3, "claim_id", "digits_lost"),
        (4, "claim_id", "digits_lost"),
    ]
