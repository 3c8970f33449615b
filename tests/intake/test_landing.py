"""Which file belongs to which table, what a header needs, and how typed columns are read."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.errors import InputRefused
from flows.intake.header import match_header
from flows.intake.landing import find_extracts
from flows.warehouse.connection import opened
from schemas.tables import TABLES
from tests.support.extracts import (
    ANY_ERROR_RATE,
    GOOD,
    IMATINIB,
    Content,
    Ran,
    Row,
    as_csv,
    good,
    run,
)

CLAIM = "pharmacy_claim"
CLAIM_FILE = {"pharmacy_claim.csv": [good(CLAIM)]}

# File names.


def found(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """File name -> table, for empty files of these names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return {extract.name: extract.table for extract in find_extracts(folder)}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_a_file_belongs_to_the_table_in_its_name_or_folder(
    tmp_path: Path, table: str, form: str
) -> None:
    names = [
        f"{table}.{form}",
        f"{table}_2026-01.{form}",
        f"{table}_b_2.{form}",
        f"{table}/any name.{form}",
    ]

    assert found(tmp_path, ["medical_claim_x.csv", *names]) == {
        "medical_claim_x.csv": "medical_claim"
    } | dict.fromkeys(names, table)


@pytest.mark.parametrize(
    "name",
    [
        "claims.csv",
        "pharmacy_claims.csv",
        "pharmacy.csv",
        "pharmacy-claim.csv",
        "pharmacy_claim.txt",
        "pharmacy_claim.json",
        "pharmacy_claim",
        "pharmacy_claim.csv.bak",
        "pharmacy_claim.csv.zip",
        "pharmacy_claim.gz",
        "pharmacy_claim.parquet.gz",
        "notes.md",
        "export_pharmacy_claim.csv",
        "other/pharmacy_claim.csv",
        "pharmacy_claim/notes.txt",
    ],
)
def test_a_file_of_no_table_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x", encoding="utf-8")
    with pytest.raises(InputRefused, match="does not belong to a table") as refusal:
        found(tmp_path, ["medical_claim.csv"])
    assert repr(name) in str(refusal.value)
    assert refusal.value.exit_code == 3


def test_hidden_files_are_ignored(tmp_path: Path) -> None:
    assert found(tmp_path, ["pharmacy_claim.csv", ".DS_Store", ".cache/x.csv"]) == {
        "pharmacy_claim.csv": CLAIM
    }


@pytest.mark.parametrize(
    "names", [[], ["eligibility.csv"], [f"{t}.csv" for t in TABLES if not TABLES[t].is_claim]]
)
def test_without_a_claim_table_the_folder_is_refused(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(InputRefused, match="No claim table"):
        found(tmp_path, names)


@pytest.mark.parametrize("table", ["medical_claim", "pharmacy_claim"])
def test_one_claim_table_is_enough(tmp_path: Path, table: str) -> None:
    assert run(tmp_path, {f"{table}.csv": [good(table)]}).rows(table)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="is not a readable folder"):
        find_extracts(tmp_path / "nowhere")


def test_all_files_of_a_table_are_read(tmp_path: Path) -> None:
    names = [
        "pharmacy_claim.csv",
        "pharmacy_claim_b.csv.gz",
        "pharmacy_claim_c.parquet",
        "pharmacy_claim/d.csv",
    ]
    files: dict[str, Content] = {
        name: pl.DataFrame([good(CLAIM, claim_id=str(n))])
        if name.endswith("parquet")
        else [good(CLAIM, claim_id=str(n))]
        for n, name in enumerate(names)
    }
    assert {(row["file"], row["claim_id"]) for row in run(tmp_path, files).rows(CLAIM)} == {
        (name, str(n)) for n, name in enumerate(names)
    }


def test_a_name_with_glob_characters_or_a_quote_is_that_one_file(tmp_path: Path) -> None:
    names = [
        "pharmacy_claim_a.csv",
        "pharmacy_claim_[ab].csv",
        "pharmacy_claim_*.csv",
        "pharmacy_claim_?.csv",
        "pharmacy_claim_o'b.csv",
    ]
    ran = run(tmp_path, {name: [good(CLAIM, claim_id=str(n))] for n, name in enumerate(names)})

    assert sorted((row["file"], row["claim_id"]) for row in ran.rows(CLAIM)) == sorted(
        (name, str(n)) for n, name in enumerate(names)
    )


# Headers.


def only(ran: Ran, table: str = CLAIM) -> Row:
    """The one row of a table, without its place."""
    (row,) = ran.rows(table)
    return {k: v for k, v in row.items() if k not in ("file", "row_number")}


@pytest.fixture(scope="module")
def plain_row(tmp_path_factory: pytest.TempPathFactory) -> Row:
    return only(run(tmp_path_factory.mktemp("plain"), CLAIM_FILE))


PLAIN = as_csv([good(CLAIM)])
FORMS: dict[str, Content] = {
    "another_order.csv": as_csv([dict(reversed(GOOD[CLAIM].items()))]),
    "upper_case.csv": as_csv([{k.upper(): v for k, v in GOOD[CLAIM].items()}]),
    "whitespace_around.csv": as_csv([{f" {k.title()} ": v for k, v in GOOD[CLAIM].items()}]),
    "quoted_names.csv": as_csv([{f'"{k}"': v for k, v in GOOD[CLAIM].items()}]).replace('"""', '"'),
    "unknown_columns.csv": as_csv([{"zz": 1, **GOOD[CLAIM], "more": "x"}]),
    "unknown_column_twice.csv": "x,x,{}8,9,{}".format(*PLAIN.splitlines(keepends=True)),
    "cr_lf.csv": PLAIN.replace("\n", "\r\n"),
    "cr_lf_after_the_header_only.csv": PLAIN.replace("\n", "\r\n", 1),
    "no_line_end_at_the_end.csv": PLAIN.rstrip("\n"),
    "blank_lines_at_the_end.csv": PLAIN + "\n\n",
    "byte_order_mark.csv": b"\xef\xbb\xbf" + PLAIN.encode(),
    "utf_16.csv": PLAIN.encode("utf-16"),
    "gzipped.csv.gz": [good(CLAIM)],
    "parquet.parquet": pl.DataFrame([{k.upper(): v for k, v in reversed(GOOD[CLAIM].items())}]),
}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    ran = run(
        tmp_path_factory.mktemp("forms"),
        {f"{CLAIM}_{name}": content for name, content in FORMS.items()},
    )
    rows: dict[str, list[Row]] = {}
    for row in ran.rows(CLAIM):
        rows.setdefault(str(row.pop("file")).removeprefix(f"{CLAIM}_"), []).append(row)
    return rows


@pytest.mark.parametrize("name", FORMS)
def test_columns_are_found_by_name_however_the_file_is_written(
    forms: dict[str, list[Row]], plain_row: Row, name: str
) -> None:
    assert forms[name] == [{"row_number": 1, **plain_row}]


@pytest.mark.parametrize(
    ("content", "config"),
    [
        pytest.param(PLAIN.replace(",", "|"), 'delimiter = "|"\n', id="another delimiter"),
        pytest.param(PLAIN.replace(",", "\t"), 'delimiter = "\\t"\n', id="tabs"),
        pytest.param(
            PLAIN.replace("claim_id", "RX Number", 1),
            '[columns.pharmacy_claim]\n"rx number" = "claim_id"\n',
            id="a name of theirs",
        ),
    ],
)
def test_the_config_says_how_a_file_is_written(
    tmp_path: Path, plain_row: Row, content: str, config: str
) -> None:
    assert only(run(tmp_path, {"pharmacy_claim.csv": content}, config=config)) == plain_row


REQUIRED = {
    "medical_claim": (
        "claim_id",
        "claim_line_number",
        "member_id",
        "payer",
        "service_unit_quantity",
        "paid_amount",
    ),
    "pharmacy_claim": (
        "claim_id",
        "member_id",
        "payer",
        "dispensing_date",
        "ndc_code",
        "quantity",
        "paid_amount",
    ),
    "diagnosis": ("member_id", "diagnosis_code"),
    "eligibility": ("member_id", "payer", "enrollment_start_date"),
    "authorization": (
        "authorization_id",
        "member_id",
        "payer",
        "drug",
        "status",
        "start_date",
        "end_date",
    ),
    "clinical_evidence": ("member_id", "evidence_date", "evidence_code"),
    "provider": ("npi", "taxonomy_code"),
}
"""The contract's bold columns."""
ONE_OF = {
    "medical_claim": ("claim_start_date", "claim_line_start_date"),
    "diagnosis": ("claim_id", "diagnosis_date"),
}


def without(table: str, *names: str) -> Row:
    return {k: v for k, v in GOOD[table].items() if k not in names}


@pytest.mark.parametrize(
    ("table", "column"), [(t, c) for t, columns in REQUIRED.items() for c in columns]
)
def test_a_file_without_a_required_column_is_refused_naming_both(table: str, column: str) -> None:
    header = tuple(
        n for n in dict.fromkeys([*GOOD[table], *ONE_OF.get(table, ()), "unknown"]) if n != column
    )
    with pytest.raises(InputRefused, match=rf"x\.csv: .*\b{column}\b") as refusal:
        match_header(TABLES[table], header, {}, "x.csv")
    assert refusal.value.exit_code == 3


def test_a_refused_file_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"pharmacy_claim_b\.csv: .*quantity"):
        run(tmp_path, {**CLAIM_FILE, "pharmacy_claim_b.csv": [without(CLAIM, "quantity")]})


@pytest.mark.parametrize("table", ONE_OF)
def test_one_of_the_two_date_or_key_columns_is_required(table: str) -> None:
    header = tuple(without(table, *ONE_OF[table]))
    with pytest.raises(InputRefused, match=r"x\.csv: .* or "):
        match_header(TABLES[table], header, {}, "x.csv")
    for name in ONE_OF[table]:
        assert name in match_header(TABLES[table], (*header, name), {}, "x.csv")[0]


def test_every_other_column_may_be_missing_and_is_null(tmp_path: Path) -> None:
    needed = {t: {*REQUIRED[t], *ONE_OF.get(t, ())[:1]} for t in TABLES}
    needed["clinical_evidence"].add(
        "evidence_value"
    )  # may be missing, but a row without it is an error
    ran = run(
        tmp_path,
        {
            f"{t}.csv": [{k: v for k, v in (GOOD[t] | {"claim_id": "1"}).items() if k in needed[t]}]
            for t in TABLES
        },
    )
    needed[CLAIM].add("claim_line_number")  # 1 if missing

    assert {t: {k for k, v in only(ran, t).items() if v is not None} for t in TABLES} == needed


@pytest.mark.parametrize(
    ("header", "mapping"),
    [
        (("claim_id", "claim_id"), {}),
        (("claim_id", "CLAIM_ID"), {}),
        (("claim_id", " Claim_Id "), {}),
        (("claim_id", "rx"), {"rx": "claim_id"}),
    ],
)
def test_a_column_that_appears_twice_is_refused(
    header: tuple[str, ...], mapping: dict[str, str]
) -> None:
    with pytest.raises(InputRefused, match=r"x\.csv: column claim_id"):
        match_header(TABLES[CLAIM], (*without(CLAIM, "claim_id"), *header), mapping, "x.csv")


def unknown_columns(ran: Ran) -> dict[str, list[str]]:
    """The unknown columns of each file, as the manifest lists them."""
    with opened(ran.plan.bench) as connection:
        rows = connection.execute("SELECT name, unknown_columns FROM every_file").fetchall()
    return {name: columns for name, columns in rows if columns}


def test_unknown_columns_of_an_accepted_file_are_listed(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good(CLAIM, Zeta="1", alpha="2")],
            "eligibility.csv": [good("eligibility")],
            "provider.parquet": pl.DataFrame([good("provider", Entity="1")]),
        },
    )

    assert unknown_columns(ran) == {
        "pharmacy_claim.csv": ["Zeta", "alpha"],
        "provider.parquet": ["Entity"],
    }


@pytest.mark.parametrize("name", ["eligibility.csv", "eligibility.csv.gz"])
def test_a_file_without_a_header_is_refused_without_repeating_its_first_row(
    tmp_path: Path, name: str
) -> None:
    rows = "Q7731,Cigna,1970-05-01,2020-01-01\nQ7732,Cigna,1971-05-01,2020-01-01\n"
    with pytest.raises(InputRefused) as refusal:
        run(tmp_path, {**CLAIM_FILE, name: rows})
    message = str(refusal.value)

    assert name in message
    assert "member_id" in message
    assert not any(cell in message for cell in ("Q773", "Cigna", "1970", "2020"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("eligibility.csv", ""),
        ("eligibility.csv", "\n\n"),
        ("eligibility.csv", b"\xef\xbb\xbf"),
        ("eligibility.csv.gz", ""),
        ("eligibility.parquet", b""),
        ("eligibility.parquet", b"PAR1 no parquet"),
        ("eligibility.csv.gz", b"no gzip"),
        ("eligibility.csv", as_csv([good("eligibility")]).encode() + b"\0"),
        ("eligibility.csv", as_csv([good("eligibility")]).encode() + b"\xe9"),
    ],
)
def test_an_unreadable_file_is_refused_with_its_name(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    with pytest.raises(InputRefused) as refusal:
        run(tmp_path, {**CLAIM_FILE, name: content})
    assert name in str(refusal.value)


def test_an_encoding_named_in_the_config_is_read(tmp_path: Path) -> None:
    rows = as_csv([good(CLAIM, plan="Größe")]).encode("latin-1")

    assert (
        only(run(tmp_path, {"pharmacy_claim.csv": rows}, config='encoding = "latin-1"\n'))["plan"]
        == "Größe"
    )


# Files without rows, and missing tables.


def test_a_file_with_only_a_header_counts_as_supplied(tmp_path: Path) -> None:
    header = "member_id,payer,enrollment_start_date"
    ran = run(
        tmp_path,
        {
            **CLAIM_FILE,
            "eligibility_a.csv": header + "\n",
            "eligibility_b.csv": header,
            "eligibility_c.csv": header + "\r\n\r\n",
            "eligibility_d.csv.gz": header + "\n",
            "eligibility_e.csv.gz": header,
            "provider.parquet": pl.DataFrame([good("provider")])[:0],
        },
    )

    assert [(f.rows_read, f.accepted) for f in ran.balance.files if f.table == "eligibility"] == [
        (0, 0)
    ] * 5
    assert ran.extracted().supplied == {"eligibility", "provider", CLAIM}


def test_a_claim_table_without_rows_counts_as_a_claim_table(tmp_path: Path) -> None:
    header = as_csv([good(CLAIM)]).splitlines()[0]
    ran = run(tmp_path, {"pharmacy_claim.csv": header + "\n"})

    assert [(t.accepted, t.history) for t in ran.balance.tables] == [(0, 0), (0, 0)]
    assert ran.extracted().supplied == {CLAIM}


@pytest.mark.slow
def test_a_table_supplied_in_an_earlier_run_is_supplied(tmp_path: Path) -> None:
    run(tmp_path, {**CLAIM_FILE, "provider.csv": [good("provider")]}).keep()

    assert (
        "provider"
        in run(tmp_path, {"pharmacy_claim.csv": [good(CLAIM, claim_id="2")]}, landing="second")
        .extracted()
        .supplied
    )


@pytest.mark.parametrize(
    ("files", "is_supplied"),
    [
        (CLAIM_FILE, False),
        ({"pharmacy_claim.csv": [good(CLAIM, diagnosis_code=None)]}, True),
        ({"medical_claim.csv": [good("medical_claim")]}, False),
        ({"medical_claim.csv": [good("medical_claim", diagnosis_code_25=None)]}, True),
        ({**CLAIM_FILE, "diagnosis.csv": "claim_id,member_id,diagnosis_code\n"}, True),
    ],
)
def test_the_diagnosis_table_or_any_diagnosis_column_is_a_source_of_diagnoses(
    tmp_path: Path, files: dict[str, Content], is_supplied: bool
) -> None:
    assert ("any_diagnosis" in run(tmp_path, files).extracted().supplied) == is_supplied


# Content that was loaded before.


def test_content_that_the_warehouse_has_is_passed_over_whatever_its_name(tmp_path: Path) -> None:
    first = run(tmp_path, CLAIM_FILE)
    assert first.passed_over == 0
    first.keep()
    again = run(
        tmp_path,
        {
            "pharmacy_claim.csv": [good(CLAIM)],
            "pharmacy_claim_copy.csv": [good(CLAIM)],
            "pharmacy_claim_new.csv": [good(CLAIM, claim_id="2")],
        },
        landing="second",
    )

    assert again.passed_over == 2
    assert [(f.file, f.rows_read, f.accepted, f.duplicates) for f in again.balance.files] == [
        ("pharmacy_claim.csv", 1, 1, 0),
        ("pharmacy_claim_new.csv", 1, 1, 0),
    ]
    assert [t.history for t in again.balance.tables if t.table == CLAIM] == [2]


def test_the_same_content_twice_in_one_folder_is_read_once(tmp_path: Path) -> None:
    ran = run(
        tmp_path, {"pharmacy_claim_a.csv": [good(CLAIM)], "pharmacy_claim_b.csv": [good(CLAIM)]}
    )

    assert (ran.passed_over, len(ran.rows(CLAIM))) == (1, 1)


@pytest.mark.slow
def test_new_content_under_an_old_name_is_read_and_the_order_of_runs_changes_no_count(
    tmp_path: Path,
) -> None:
    larger = {"pharmacy_claim.csv": [good(CLAIM), good(CLAIM, claim_id="2")]}

    def both(
        home: Path, first: Mapping[str, Content], second: Mapping[str, Content]
    ) -> list[tuple[int, int, int]]:
        home.mkdir()
        run(home, first).keep()
        again = run(home, second, landing="second")
        assert again.passed_over == 0
        return [(f.rows_read, f.accepted, f.duplicates) for f in again.balance.files]

    counts = both(tmp_path / "growing", CLAIM_FILE, larger)

    assert sorted(row[0] for row in counts) == [1, 2]
    assert [sum(column) for column in zip(*counts, strict=True)] == [3, 2, 1]
    assert both(tmp_path / "shrinking", larger, CLAIM_FILE) == counts


def test_a_run_that_is_not_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    run(tmp_path, CLAIM_FILE)

    assert run(tmp_path, CLAIM_FILE).passed_over == 0


# Typed columns of Parquet files.


TYPED: tuple[tuple[str, str, pl.Series, Sequence[object]], ...] = (
    *(
        ("eligibility", "birth_date", values, [date(2026, 1, 5), None])
        for values in (
            pl.Series([date(2026, 1, 5), None]),
            pl.Series([datetime(2026, 1, 5), None]),
            pl.Series([datetime(2026, 1, 5, 23, 59, 59), None]),
            pl.Series([datetime(2026, 1, 5, 10, 30, 0, 123456), None]).dt.cast_time_unit("ns"),
            pl.Series([datetime(2026, 1, 5, 10, 30), None]).dt.cast_time_unit("ms"),
            pl.Series([datetime(2026, 1, 5, 10, 30), None]).dt.replace_time_zone("UTC"),
            pl.Series([20260105, None], dtype=pl.Int32),
            pl.Series(["2026-01-05", "NULL"]),
            pl.Series(["20260105", " "]),
        )
    ),
    *(
        (CLAIM, "paid_amount", values, [None if t is None else Decimal(t) for t in texts])
        for values, texts in (
            (
                pl.Series([1018.0999999999999, 10.0, 0.1 + 0.2, -10.5, None]),
                ["1018.10", "10.00", "0.30", "-10.50", None],
            ),
            (pl.Series([1e-9, 1e15]), ["0.00", "1000000000000000.00"]),
            (pl.Series([10.005, float("inf"), 1e300]), [None] * 3),
            (pl.Series([10.1, 1018.1], dtype=pl.Float32), ["10.10", "1018.10"]),
            (
                pl.Series([Decimal("10.10"), Decimal("-1.00"), None], dtype=pl.Decimal(38, 10)),
                ["10.10", "-1.00", None],
            ),
            (pl.Series([Decimal("10.005")], dtype=pl.Decimal(18, 3)), [None]),
            (pl.Series([10, 0, -3], dtype=pl.Int64), ["10.00", "0.00", "-3.00"]),
            (pl.Series([10], dtype=pl.UInt8), ["10.00"]),
            (pl.Series(["10.1", "10.00", " 7 ", "NULL"]), ["10.10", "10.00", "7.00", None]),
        )
    ),
    (
        CLAIM,
        "quantity",
        pl.Series([30.0, 7.5, 29.999999999999996, None]),
        [Decimal("30"), Decimal("7.5"), Decimal("30"), None],
    ),
    (CLAIM, "claim_line_number", pl.Series([1.0, 2.0, 1.5]), [1, 2, None]),
    (CLAIM, "claim_line_number", pl.Series([1, 2], dtype=pl.Int16), [1, 2]),
    (CLAIM, "ndc_code", pl.Series([47335047281], dtype=pl.Int64), [IMATINIB]),
    (CLAIM, "ndc_code", pl.Series(["47335-472-81"], dtype=pl.Categorical), [IMATINIB]),
    (CLAIM, "plan", pl.Series([7, None], dtype=pl.Int64), ["7", None]),
    (CLAIM, "plan", pl.Series([None, None], dtype=pl.Null), [None, None]),
    (CLAIM, "claim_frequency_code", pl.Series([7, None], dtype=pl.Int64), ["7", None]),
    (
        CLAIM,
        "original_claim_id",
        pl.Series([123456789012345678, None], dtype=pl.Int64),
        ["123456789012345678", None],
    ),
)
"""A typed column, and what its values are stored as, in order; None if the row is quarantined."""


@pytest.fixture(scope="module")
def typed_rows(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, object], Row]:
    files: dict[str, Content] = {}
    for n, (table, column, values, _) in enumerate(TYPED):
        rows = pl.DataFrame([good(table, member_id=f"M{n}.{i}") for i in range(len(values))])
        files[f"{table}_{n}.parquet"] = rows.with_columns(values.alias(column))
    ran = run(tmp_path_factory.mktemp("typed"), files, config=ANY_ERROR_RATE)
    return {
        (str(row["file"]), row["row_number"]): row
        for table in (CLAIM, "eligibility")
        for row in ran.rows(table)
    }


@pytest.mark.parametrize(
    "number", range(len(TYPED)), ids=lambda n: f"{TYPED[n][1]} {TYPED[n][2].dtype} {TYPED[n][2][0]}"
)
def test_values_of_a_typed_column(typed_rows: dict[tuple[str, object], Row], number: int) -> None:
    table, column, values, expected = TYPED[number]
    rows = [typed_rows.get((f"{table}_{number}.parquet", n), {}) for n in range(1, len(values) + 1)]

    assert [row.get(column) for row in rows] == expected


def test_an_ndc_that_lost_its_leading_zeros_is_malformed_and_not_repaired(
    tmp_path: Path,
) -> None:
    rows = pl.DataFrame([good(CLAIM)]).with_columns(ndc_code=pl.lit(78043815, dtype=pl.Int64))
    ran = run(tmp_path, {"pharmacy_claim.parquet": rows})

    assert only(ran)["ndc_code"] == "78043815"
    assert ran.warned(CLAIM) == [("ndc_code", "ndc_malformed", 1, 1)]


def test_failed_checks_of_a_typed_file_have_row_numbers(tmp_path: Path) -> None:
    rows = pl.DataFrame([good(CLAIM, claim_id=str(n)) for n in range(5)]).with_columns(
        paid_amount=pl.Series([1.0, 10.005, 2.0, float("nan"), 1018.0999999999999])
    )
    ran = run(tmp_path, {"pharmacy_claim.parquet": rows}, config=ANY_ERROR_RATE)

    assert ran.failed(CLAIM) == [
        (2, "paid_amount", "amount_does_not_parse"),
        (4, "paid_amount", "amount_does_not_parse"),
    ]
    assert ran.warned(CLAIM) == [("paid_amount", "float_dust_rounded", 1, 5)]


def test_the_same_row_from_parquet_and_csv_is_a_duplicate(tmp_path: Path) -> None:
    rows = pl.DataFrame([good(CLAIM)]).with_columns(
        paid_amount=pl.lit(100.0),
        quantity=pl.lit(30),
        dispensing_date=pl.lit(date(2026, 1, 5)),
        claim_line_number=pl.lit(1),
    )
    ran = run(tmp_path, {"pharmacy_claim_a.csv": [good(CLAIM)], "pharmacy_claim_b.parquet": rows})

    assert [f.duplicates for f in ran.balance.files] == [0, 1]
