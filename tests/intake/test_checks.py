"""Every check has a planted row: an error quarantines it, with its place; a warning is counted.

Most plants are derived from the vocabulary, so that a new column is covered at once. What the
contract states outright is planted as literal rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from flows.errors import TooManyBadRows
from schemas.rows import error_model, failures, warning_checks
from schemas.table import NAMES, Column, Kind, Table
from schemas.tables import TABLES
from tests.support.extracts import (
    ANY_ERROR_RATE,
    GOOD,
    Content,
    Failure,
    Ran,
    Row,
    Warned,
    good,
    run,
)

DOES_NOT_PARSE = {
    Kind.DATE: ("2026-02-30", "date_does_not_parse"),
    Kind.AMOUNT: ("10.005", "amount_does_not_parse"),
    Kind.QUANTITY: ("1,5", "number_does_not_parse"),
    Kind.INTEGER: ("1.5", "number_does_not_parse"),
}
MALFORMED = {
    Kind.NDC: ("1234567890", "ndc_malformed"),
    Kind.ICD10CM: ("92.10", "icd10cm_malformed"),
    Kind.HCPCS: ("J92299", "hcpcs_malformed"),
    Kind.MODIFIER: ("J", "modifier_malformed"),
    Kind.TAXONOMY: ("207RH0003", "taxonomy_malformed"),
    Kind.NPI: ("1234567890", "npi_malformed"),  # ten digits; the check digit would be 3
}
MADE_A_NUMBER = {
    Kind.IDENTIFIER: "1003.0",
    Kind.CODE: "7.0",
    Kind.NDC: "47335047281.0",
    Kind.HCPCS: "99213.0",
    Kind.MODIFIER: "59.0",
    Kind.NPI: "1234567893.0",
}
DIGITS_LOST = "2.02603E+11"
FREE = {Kind.TEXT, Kind.PAYER, Kind.WORD, Kind.IDENTIFIER, Kind.CODE}
"""Kinds whose text is the value (except in a column with a word list)."""

MUST_HAVE_A_VALUE = {
    "medical_claim": {"claim_id", "claim_line_number", "member_id", "payer"},
    "pharmacy_claim": {"claim_id", "member_id", "payer", "dispensing_date"},
    "diagnosis": {"member_id", "diagnosis_code"},
    "eligibility": {"member_id", "payer", "enrollment_start_date"},
    "authorization": {
        "authorization_id",
        "member_id",
        "payer",
        "drug",
        "status",
        "start_date",
        "end_date",
    },
    "clinical_evidence": {"member_id", "evidence_date", "evidence_code", "evidence_value"},
    "provider": {"npi", "taxonomy_code"},
}
"""The contract's bold columns whose values may not be null, and evidence_value."""

ONE_OF = {
    "medical_claim": {"claim_line_start_date", "claim_start_date"},
    "diagnosis": {"claim_id", "diagnosis_date"},
}


@dataclass(frozen=True)
class Plant:
    """One row with something wrong: values that differ from the good row, and what it fails."""

    table: str
    changes: tuple[tuple[str, str | None], ...]
    found: tuple[tuple[str, str], ...]  # column, check

    def __str__(self) -> str:
        return f"{self.table}: " + ", ".join(f"{name} = {value!r}" for name, value in self.changes)


def plant(table: str, found: tuple[tuple[str, str], ...], **changes: str | None) -> Plant:
    return Plant(table, tuple(changes.items()), found)


def void_plants(table: Table, c: Column) -> Iterator[Plant]:
    """Texts that leave a column without a value: errors if it must have one, else warnings."""
    if c.kind in NAMES:
        yield plant(table.name, ((c.name, "digits_lost"),), **{c.name: DIGITS_LOST})
    if c.nothing:
        yield plant(table.name, ((c.name, "placeholder"),), **{c.name: "Unknown"})
    if c.kind == Kind.DATE and c.name != "diagnosis_date":  # which then needs its claim
        never = "9999-12-31" if c.opens == "start" else "1753-01-01"
        yield plant(table.name, ((c.name, "sentinel_date"),), **{c.name: never})


def error_plants(table: Table) -> Iterator[Plant]:
    """One plant for every check of severity error in the vocabulary."""
    for c in table.columns:
        if c.kind in DOES_NOT_PARSE:
            text, check = DOES_NOT_PARSE[c.kind]
            yield plant(table.name, ((c.name, check),), **{c.name: text})
        if c.strict:
            yield plant(table.name, ((c.name, "value_unknown"),), **{c.name: "unheard-of"})
        if not c.nullable:
            yield plant(table.name, ((c.name, "value_missing"),), **{c.name: None})
        if not c.nullable:
            yield from void_plants(table, c)
    for group in table.one_of:
        yield plant(table.name, ((group[0], "none_of_these_given"),), **dict.fromkeys(group))
    for first, last in table.spans:
        found = ((first, "dates_out_of_order"),)
        yield plant(table.name, found, **{first: "2026-02-02", last: "2026-02-01"})


LITERAL_ERRORS = (
    plant(
        "clinical_evidence",
        (("evidence_value", "value_missing"),),
        evidence_code="weight",
        evidence_value=None,
    ),
    *(
        plant(
            "clinical_evidence",
            (("evidence_value", "value_unknown"),),
            evidence_code=code,
            evidence_value=value,
        )
        for code, value in (
            ("response", "SD"),
            ("mrd", "CR"),
            ("philadelphia", "unknown"),
            ("generic_trial", "yes"),
            ("formulation_intolerance", "no"),
            ("hsct_planned", "documented"),
            ("relapsed_refractory", "positive"),
            ("bsa_m2", "0"),
            ("bsa_m2", "-1.8"),
            ("bsa_m2", "about 1.8"),
            ("bsa_m2", "1,8"),
        )
    ),
    plant(
        "clinical_evidence",
        (("evidence_value", "value_missing"),),
        evidence_code="bsa_m2",
        evidence_value="NULL",
    ),
    plant("authorization", (("end_date", "value_missing"),), end_date=" "),
    plant("authorization", (("status", "value_unknown"),), status="void"),
    plant("pharmacy_claim", (("claim_status", "value_unknown"),), claim_status="Z"),
    plant(
        "pharmacy_claim", (("claim_line_number", "number_does_not_parse"),), claim_line_number="A"
    ),
    plant("medical_claim", (("claim_line_number", "value_missing"),), claim_line_number="null"),
    plant("medical_claim", (("payer", "value_missing"),), payer="\u00a0"),
    plant(
        "diagnosis",
        (("diagnosis_date", "date_does_not_parse"),),
        claim_id="1",
        diagnosis_date="soon",
    ),
    plant("diagnosis", (("claim_id", "none_of_these_given"),), diagnosis_date="1900-01-01"),
    plant(
        "diagnosis",
        (("claim_id", "none_of_these_given"),),
        claim_id=DIGITS_LOST,
        diagnosis_date=None,
    ),
    plant(
        "eligibility",
        (("enrollment_start_date", "dates_out_of_order"),),
        enrollment_end_date="2019-12-31",
    ),
    plant("authorization", (("start_date", "dates_out_of_order"),), end_date="2025-12-31"),
    # one row, several failed checks: one quarantine row each
    plant(
        "pharmacy_claim",
        (
            ("member_id", "value_missing"),
            ("paid_amount", "amount_does_not_parse"),
            ("quantity", "number_does_not_parse"),
        ),
        member_id=None,
        paid_amount="ten",
        quantity="thirty",
    ),
)


def warning_plants(table: Table) -> Iterator[Plant]:
    """One plant for every check of severity warning in the vocabulary."""
    for c in table.columns:
        if c.kind in MALFORMED:
            text, check = MALFORMED[c.kind]
            yield plant(table.name, ((c.name, check),), **{c.name: text})
        if c.kind in MADE_A_NUMBER:
            text = MADE_A_NUMBER[c.kind]
            yield plant(table.name, ((c.name, "made_a_number"),), **{c.name: text})
        if c.kind == Kind.MODIFIER:
            yield plant(table.name, ((c.name, "modifiers_joined"),), **{c.name: "JWRT"})
        if c.nullable:
            yield from void_plants(table, c)
        if c.spellings and not c.strict:
            yield plant(table.name, ((c.name, "value_unknown"),), **{c.name: "unheard-of"})
        if c.kind == Kind.AMOUNT:
            yield plant(
                table.name, ((c.name, "float_dust_rounded"),), **{c.name: "1018.0999999999999"}
            )
        if c.name == "days_supply":
            yield plant(table.name, ((c.name, "negative"),), **{c.name: "-1"})
        if c.name == "claim_frequency_code":
            yield plant(table.name, ((c.name, "frequency_unknown"),), **{c.name: "77"})
    for first, second in table.in_order:
        others = dict.fromkeys(s for f, s in table.in_order if f == first and s != second)
        yield plant(
            table.name,
            ((first, "dates_out_of_order"),),
            **others,
            **{first: "2026-02-02", second: "2026-02-01"},
        )


LITERAL_WARNINGS = (
    plant("clinical_evidence", (("evidence_code", "value_unknown"),), evidence_code="bsa"),
    plant("pharmacy_claim", (("dispensing_channel", "value_unknown"),), dispensing_channel="mail"),
    plant("pharmacy_claim", (("ndc_code", "ndc_malformed"),), ndc_code="473350472AB"),
    plant(
        "pharmacy_claim",
        (("prescribing_provider_npi", "npi_malformed"),),
        prescribing_provider_npi="3234567893",
    ),
    plant("medical_claim", (("hcpcs_code", "hcpcs_malformed"),), hcpcs_code="J922"),
    plant(
        "medical_claim", (("diagnosis_code_25", "icd10cm_malformed"),), diagnosis_code_25="C92.10.1"
    ),
    plant("medical_claim", (("billing_npi", "npi_malformed"),), billing_npi="123456789"),
    plant("eligibility", (("birth_date", "dates_out_of_order"),), death_date="1969-12-31"),
    plant("eligibility", (("gender", "value_unknown"),), gender="F"),
    plant("clinical_evidence", (("evidence_code", "value_unknown"),), evidence_code="weight"),
    plant("provider", (("npi", "npi_malformed"),), npi="1234567894"),
    plant("authorization", (("drug", "drug_unknown"),), drug="aspirin"),
    plant("authorization", (("product", "product_unknown"),), product="own brand"),
    plant("authorization", (("override", "override_unknown"),), override="grapefruit"),
)

NOTHING_WRONG = (
    # rows that just pass each check
    plant(
        "pharmacy_claim",
        (),
        dispensing_channel="RETAIL",
        days_supply="0",
        claim_frequency_code="7",
        paid_date="2026-01-05",
    ),
    plant("pharmacy_claim", (), ndc_code=None, quantity=None, paid_amount=None, days_supply="7.5"),
    plant("medical_claim", (), hcpcs_code=None, service_unit_quantity=None, paid_amount=None),
    plant("medical_claim", (), claim_line_start_date=None),
    plant("medical_claim", (), claim_start_date=None),
    plant("medical_claim", (), diagnosis_code_type="icd-9-cm", diagnosis_code_1="205.10"),
    plant("diagnosis", (), diagnosis_code_type="ICD9", diagnosis_code="20510"),
    plant("eligibility", (), enrollment_end_date="2020-01-01", death_date="1970-05-01"),
    plant("eligibility", (), enrollment_end_date=None, birth_date=None),
    plant("authorization", (), drug="Gleevec", product="B", override="CYP3A4_inducer"),
    plant("clinical_evidence", (), evidence_code="bsa_m2", evidence_value="0.001"),
    plant("clinical_evidence", (), evidence_code="RESPONSE", evidence_value="cri"),
    plant("eligibility", (), gender="FEMALE", enrollment_start_date="1900-01-01"),
    plant("authorization", (), start_date="2026-01-05", end_date="2026-01-05"),
    plant("provider", (), npi="1003000126"),
)

ERRORS = (*(p for t in TABLES.values() for p in error_plants(t)), *LITERAL_ERRORS)
WARNINGS = (*(p for t in TABLES.values() for p in warning_plants(t)), *LITERAL_WARNINGS)
PLANTS = (*ERRORS, *WARNINGS, *NOTHING_WRONG)
BAD_FILE, MARK = "_planted.csv", "planted_no"


@dataclass(frozen=True)
class Together:
    """One run over all plants, each between two good rows, in one file per table.

    places     the row number of each plant.
    accepted   table -> numbers of the accepted rows.
    """

    ran: Ran
    places: dict[Plant, int]
    accepted: dict[str, set[object]]


def numbered(table: str, number: int, row: Row) -> Row:
    """The row with its own key, so that no row is a version or duplicate of another."""
    keys = {"claim_id": "claim_id", "authorization": "authorization_id", "provider": "npi"}
    key = keys["claim_id"] if TABLES[table].is_claim else keys.get(table, "member_id")
    return row | {key: f"{number}"} if row[key] == GOOD[table][key] and key != "npi" else row


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    files: dict[str, list[Row]] = {table: [good(table)] for table in TABLES}
    places = {}
    for planted in PLANTS:
        rows = files[planted.table]
        changed = good(planted.table, **dict(planted.changes))
        rows.append(numbered(planted.table, len(rows) + 1, changed))
        places[planted] = len(rows)
        rows.append(numbered(planted.table, len(rows) + 1, good(planted.table)))
    ran = run(
        tmp_path_factory.mktemp("plants"),
        {t + BAD_FILE: rows for t, rows in files.items()},
        config=ANY_ERROR_RATE,
    )
    return Together(
        ran, places, {table: {row["row_number"] for row in ran.rows(table)} for table in TABLES}
    )


@pytest.mark.parametrize("planted", ERRORS, ids=str)
def test_an_error_quarantines_its_row_with_place_and_check(
    together: Together, planted: Plant
) -> None:
    number = together.places[planted]
    file = planted.table + BAD_FILE

    assert {
        f for f in together.ran.quarantine if (f.table, f.row_number) == (planted.table, number)
    } == {Failure(planted.table, file, number, column, check) for column, check in planted.found}
    assert number not in together.accepted[planted.table]


@pytest.mark.parametrize("planted", [*WARNINGS, *NOTHING_WRONG], ids=str)
def test_a_row_without_an_error_is_accepted(together: Together, planted: Plant) -> None:
    assert together.places[planted] in together.accepted[planted.table]


@pytest.mark.parametrize("table", TABLES)
def test_the_good_rows_around_a_plant_are_accepted(together: Together, table: str) -> None:
    planted = {number for p, number in together.places.items() if p.table == table}
    (counts,) = (f for f in together.ran.balance.files if f.table == table)

    assert set(range(1, counts.rows_read + 1)) - planted <= together.accepted[table]
    assert counts.quarantined == sum(p.table == table for p in ERRORS)


@pytest.mark.parametrize("table", TABLES)
def test_warnings_are_grouped_with_a_count_and_the_first_row(
    together: Together, table: str
) -> None:
    places: dict[tuple[str, str], list[int]] = {}
    for planted in WARNINGS:
        for found in planted.found if planted.table == table else ():
            places.setdefault(found, []).append(together.places[planted])

    assert {w for w in together.ran.warnings if w.table == table} == {
        Warned(table, table + BAD_FILE, column, check, len(rows), min(rows))
        for (column, check), rows in places.items()
    }


def test_a_row_with_two_pairs_of_dates_out_of_order_counts_once(tmp_path: Path) -> None:
    row = good(
        "medical_claim",
        claim_start_date="2026-02-02",
        claim_line_start_date="2026-02-01",
        paid_date="2026-01-31",
    )
    ran = run(tmp_path, {"medical_claim.csv": [row]})

    assert ran.warned("medical_claim") == [("claim_start_date", "dates_out_of_order", 1, 1)]


def test_the_raw_record_is_the_row_as_written(together: Together) -> None:
    (raw,) = (
        raw
        for failure, raw in zip(together.ran.quarantine, together.ran.raw_records, strict=True)
        if (failure.table, failure.column, failure.check)
        == ("eligibility", "birth_date", "date_does_not_parse")
    )
    assert '"birth_date":"2026-02-30"' in raw
    assert '"payer":"Cigna"' in raw


def test_every_check_of_the_models_is_planted() -> None:
    errors = {(t.name, str(check.name)) for t in TABLES.values() for check in error_model(t).checks}
    warnings = {
        (t.name, columns[0], check)
        for t in TABLES.values()
        for columns, check, _ in warning_checks(t)
    }

    assert errors == {(p.table, "|".join(found)) for p in ERRORS for found in p.found}
    assert warnings <= {(p.table, *found) for p in WARNINGS for found in p.found}
    assert set(DOES_NOT_PARSE) | set(MALFORMED) | FREE == set(Kind)


def test_the_required_values_are_those_of_the_contract() -> None:
    assert {
        t.name: {c.name for c in t.columns if not c.nullable} for t in TABLES.values()
    } == MUST_HAVE_A_VALUE
    assert {t.name: set(group) for t in TABLES.values() for group in t.one_of} == ONE_OF


# Pandera checks only names and types of a LazyFrame unless asked to check the data.

ONE_DATE = Table("one_date", "a date", (Column("day", Kind.DATE, required=True, nullable=False),))
UNPARSED = pl.DataFrame(
    {"day": [None, None], "day_text": ["2026-02-30", None], "notes": [None, None]},
    schema={"day": pl.Date, "day_text": pl.String, "notes": pl.String},
)


def refused(model: pa.DataFrameSchema, frame: pl.LazyFrame) -> bool:
    try:
        model.validate(frame, lazy=True)
    except SchemaErrors:
        return True
    return False


def test_a_lazy_frame_without_full_depth_would_miss_every_failure() -> None:
    model = error_model(ONE_DATE)

    assert not refused(model, UNPARSED.lazy())
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        assert refused(model, UNPARSED.lazy())


def test_the_checks_run_at_full_depth_whatever_depth_is_set() -> None:
    with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
        assert not refused(error_model(ONE_DATE), UNPARSED.lazy())
        found = failures(error_model(ONE_DATE), UNPARSED)

    assert found.rows() == [(0, "day|date_does_not_parse"), (1, "day|value_missing")]


# Diagnosis rows without a date, and no claim to date them: checked last, since it needs the claims.


def test_an_undated_diagnosis_without_its_claim_is_quarantined(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim", claim_id="1")],
            "diagnosis.csv": [
                good("diagnosis", claim_id="1", diagnosis_date=None),
                good("diagnosis", claim_id="2", diagnosis_date=None),
                good("diagnosis", claim_id="2", diagnosis_date="2026-01-05"),
            ],
        },
        config=ANY_ERROR_RATE,
    )

    assert ran.quarantine == [
        Failure("diagnosis", "diagnosis.csv", 2, "claim_id", "claim_date_unknown")
    ]
    assert '"claim_id":"2"' in ran.raw_records[0]
    (counts,) = (f for f in ran.balance.files if f.table == "diagnosis")
    assert (counts.rows_read, counts.accepted, counts.quarantined, counts.duplicates) == (
        3,
        2,
        1,
        0,
    )


def test_an_undated_diagnosis_keeps_its_record_number_after_records_that_cannot_be_split(
    tmp_path: Path,
) -> None:
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim")],
            "diagnosis.csv": "claim_id,member_id,diagnosis_code\n"
            "1,M,C92.10,one too many\n1,M,C92.10\n2,M,C92.10\n",
        },
        config=ANY_ERROR_RATE,
    )

    assert [(n, check) for n, _, check in ran.failed("diagnosis")] == [
        (1, "too_many_columns"),
        (3, "claim_date_unknown"),
    ]


# Records that are not rows.

HEADER = "member_id,payer,enrollment_start_date,birth_date\n"
ROW = "M{},Cigna,2020-01-01,1970-05-01\n"


BROKEN = {
    "too_few_columns": (
        ROW.format(1) + "M2,Cigna,2020-01-01\n" + ROW.format(3) + "M4,Cigna,soon,\n",
        [(2, "missing_columns"), (4, "date_does_not_parse")],
    ),
    "too_many_columns": (
        ROW.format(1) + "M2,Cigna,2020-01-01,,5,6\n" + "M3,Cigna,soon,\n" + ROW.format(4),
        [(2, "too_many_columns"), (3, "date_does_not_parse")],
    ),
    "every_other_record": (
        "M1,Cigna,soon,\n" + "M2\n" + "M3,Cigna,soon,\n" + "M4\n" + "M5,Cigna,soon,\n",
        [
            (1, "date_does_not_parse"),
            (2, "missing_columns"),
            (3, "date_does_not_parse"),
            (4, "missing_columns"),
            (5, "date_does_not_parse"),
        ],
    ),
    "after_a_value_with_a_line_break": (
        ROW.format(1) + '"M\n2",Cigna,2020-01-01,\n' + "M3\n" + "M4,Cigna,soon,\n",
        [(3, "missing_columns"), (4, "date_does_not_parse")],
    ),
    "after_a_blank_line": (
        ROW.format(1) + "\n" + "M2\n" + "M3,Cigna,soon,\n",
        [(2, "missing_columns"), (3, "date_does_not_parse")],
    ),
}
FORMS = {"csv": ("\n", ".csv"), "gz": ("\n", ".csv.gz"), "crlf": ("\r\n", ".csv")}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    files: dict[str, Content] = {"pharmacy_claim.csv": [good("pharmacy_claim")]}
    for form, (line_end, ending) in FORMS.items():
        for name, (text, _) in BROKEN.items():
            files[f"eligibility_{form}_{name}{ending}"] = (HEADER + text).replace("\n", line_end)
    return run(tmp_path_factory.mktemp("broken"), files, config=ANY_ERROR_RATE)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("form", FORMS)
def test_a_record_that_cannot_be_split_is_quarantined_with_its_number(
    broken: Ran, form: str, name: str
) -> None:
    file = f"eligibility_{form}_{name}{FORMS[form][1]}"
    expected = BROKEN[name][1]

    assert sorted((f.row_number, f.check) for f in broken.quarantine if f.file == file) == expected
    (counts,) = (f for f in broken.balance.files if f.file == file)
    assert counts.quarantined == len(expected)
    assert counts.rows_read == counts.accepted + counts.quarantined + counts.duplicates


def test_the_first_row_of_a_warning_counts_records_that_cannot_be_split(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim")],
            "provider.csv": "npi,taxonomy_code\n"
            "1234567893\n1234567893,207RH0003X\n1234567890,207RH0003X\n",
        },
        config=ANY_ERROR_RATE,
    )

    assert ran.warned("provider") == [("npi", "npi_malformed", 1, 3)]


# How many quarantined rows are too many: more than max_error_rate of one file's rows.


@pytest.mark.parametrize(("bad", "stops"), [(1, False), (2, True)])
def test_more_than_a_twentieth_of_a_file_stops_the_run(
    tmp_path: Path, bad: int, stops: bool
) -> None:
    rows = [
        good("eligibility", member_id=f"M{n}", birth_date="soon" if n < bad else None)
        for n in range(20)
    ]
    files = {"pharmacy_claim.csv": [good("pharmacy_claim")], "eligibility.csv": rows}

    if stops:
        with pytest.raises(TooManyBadRows, match=r"eligibility\.csv: 2 of 20 rows"):
            run(tmp_path, files)
    else:
        assert len(run(tmp_path, files).quarantine) == bad


def test_each_file_is_counted_separately(tmp_path: Path) -> None:
    fine = [good("eligibility", member_id=f"M{n}") for n in range(100)]
    with pytest.raises(TooManyBadRows, match=r"eligibility_b\.csv"):
        run(
            tmp_path,
            {
                "pharmacy_claim.csv": [good("pharmacy_claim")],
                "eligibility_a.csv": fine,
                "eligibility_b.csv": [good("eligibility", birth_date="soon")],
            },
        )


def test_the_rate_of_the_config_is_used_instead(tmp_path: Path) -> None:
    rows = [
        good("eligibility", member_id=f"M{n}", birth_date="soon" if n < 2 else None)
        for n in range(4)
    ]
    files = {"pharmacy_claim.csv": [good("pharmacy_claim")], "eligibility.csv": rows}

    assert len(run(tmp_path / "half", files, config="max_error_rate = 0.5\n").quarantine) == 2
    with pytest.raises(TooManyBadRows):
        run(tmp_path / "less", files, config="max_error_rate = 0.49\n")


def test_a_row_with_two_failed_checks_counts_once(tmp_path: Path) -> None:
    rows = [good("eligibility", member_id=f"M{n}") for n in range(19)]
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good("pharmacy_claim")],
            "eligibility.csv": [*rows, good("eligibility", birth_date="soon", death_date="late")],
        },
    )

    assert len(ran.quarantine) == 2


def test_undated_diagnosis_rows_without_a_claim_count_as_quarantined(tmp_path: Path) -> None:
    rows = [
        good("diagnosis", claim_id="77", diagnosis_date=None, diagnosis_code=f"C92.{n}")
        for n in range(3)
    ]
    with pytest.raises(TooManyBadRows, match=r"diagnosis\.csv: 3 of 3 rows"):
        run(tmp_path, {"pharmacy_claim.csv": [good("pharmacy_claim")], "diagnosis.csv": rows})


@pytest.mark.parametrize(
    ("code", "value", "is_known"),
    [
        ("marker", "Positive", True),
        ("marker", "maybe", False),
        ("weight_kg", "71.5", True),
        ("weight_kg", "heavy", False),
        ("weight_kg", "inf", False),
        ("unheard_of", "anything", True),
    ],
)
def test_a_value_of_a_fact_is_one_of_its_words_or_a_number(
    code: str, value: str, is_known: bool
) -> None:
    facts = {"marker": ("positive", "negative"), "weight_kg": ()}
    of_values = [
        model
        for columns, check, model in warning_checks(TABLES["clinical_evidence"], facts)
        if (columns[0], check) == ("evidence_value", "value_unknown")
    ]
    rows = pl.DataFrame({"evidence_code": [code], "evidence_value": [value]})

    assert [failures(model, rows).is_empty() for model in of_values] == [is_known]
