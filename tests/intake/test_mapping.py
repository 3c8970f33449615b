"""Files in a sender's own layout: expressions, patterns of names, and settings per table."""

import gzip
import json
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.cli.app import main
from flows.errors import InputRefused, UsageError
from flows.intake.config import read_config
from flows.intake.csv_scan import scan_csv
from flows.intake.expression_parts import ExpressionRefused
from flows.intake.expressions import parsed_expression
from flows.intake.landing import find_extracts
from flows.intake.mapping import map_columns
from flows.intake.origins import ABSENT, column_origins, unmatched_entries
from flows.intake.parsing import macro_words
from flows.intake.readers import csv_source, parquet_source
from flows.intake.table_names import is_like, nearest_name
from flows.warehouse.connection import opened
from flows.warehouse.sql import run as run_sql
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
    write,
)

CLAIM = "pharmacy_claim"


OF_TABLE = f"[tables.{CLAIM}]\n"
COLUMNS = f"[tables.{CLAIM}.columns]\n"

# Which expressions are accepted.

REFUSED = """
read_csv('claims.csv') | read_text('/etc/passwd') | read_blob('/etc/passwd') | glob('/*')
read_parquet('a.parquet') | parquet_metadata('a.parquet') | sniff_csv('a.csv') | getenv('HOME')
current_setting('TimeZone') | set_config('threads', '1') | getvariable('x') | version()
current_date | current_timestamp | now() | today() | get_current_time() | current_user
random() | uuid() | gen_random_uuid() | nextval('s') | txid_current() | current_database()
(SELECT 1) | EXISTS (SELECT 1) | a IN (SELECT b) | a = ANY (SELECT b) | SELECT a | FROM t
sum(a) | count(*) | max(a) | string_agg(a, ',') | first(a) | GROUPING(a)
row_number() OVER () | lag(a) OVER () | unnest([a]) | range(1, 2) | generate_series(1, 2)
query('SELECT 1') | query_table('t') | duckdb_settings() | pragma_version() | error(a)
list_transform([a], x -> getenv('HOME')) | list_transform([a], lambda x: getenv('HOME')) | a -> b
CAST(a AS INTEGER) | a::DATE | 'x'::INTEGER | strptime(a, '%Y') | make_date(2026, 13, 1)
TRY_CAST(a AS JSON) | TRY_CAST(a AS my_type) | a::STRUCT(x INTEGER) | TRY(a) | a::main.my_type
repeat(a, 1000000000) | lpad(a, 1000000000, '0') | lpad(a, TRY_CAST(b AS INTEGER), '0')
regexp_matches(a, b) | regexp_matches(a, '[') | try_strptime(a, b) | printf('%d', a) | chr(1)
no_such_function(a) | upper(a, b, c) | main.upper(a) | t.a | a.upper() | a.b.c | t.*
a; SELECT 1 | 1); SELECT (1 | a), (b | a) FROM t WHERE (b | a AS b | a ORDER BY b | a LIMIT 1
a /* b */ | a -- b | $1 | ? | $x | #1 | * | COLUMNS('.*') | DEFAULT | a COLLATE NOCASE
CREATE MACRO f() AS 1 | PREPARE p AS SELECT 1 | EXECUTE p | [a] | {'x': a} | (a, b) | x'00'
upper(DISTINCT a) | upper(a) FILTER (WHERE b) | upper(a
'a | "a | a || current_date | INTERVAL 1 DAY
DATE 'today' | 'now'::TIMESTAMP | TRY_CAST(a AS TIMESTAMPTZ) | TRY_CAST(a AS TIME) | TRY(a::DATE)
TRY_CAST(a AS DECIMAL(length(current_setting('threads')), 0)) | TRY_CAST(a AS INTEGER[3])
TRY_CAST(a AS ENUM('x')) | TRY_CAST(a AS UNION(x INT)) | TRY_CAST(a AS system.main.INTEGER)
COLUMNS(*) | coalesce(*COLUMNS(*)) | * EXCLUDE (a) | #1 || a | system.main.upper(a) | (a).b
U&'\0041' | U&"a" | a COLLATE DE | a['x'] | a[1:2:3] | {'x': a}['x'] | [x for x in [a]]
map {'a': a} | write_log('x') | setseed(0.5) | hash(a) | typeof(a) | pg_typeof(a)
which_secret('a', 'b') | encode(a) | "read_text"('/etc/passwd') | json_execute_serialized_sql('x')
json_serialize_sql('SELECT 1') | sleep_ms(10) | epoch_ms(1) | clock_timestamp() | current_query()
has_table_privilege('a', 'b') | a) USING SAMPLE (1 | a) WINDOW w AS (ORDER BY b | a) QUALIFY (true
a) UNION SELECT (b | a) OFFSET (1 | a) INTO (b | VALUES (1) | TABLE t | PIVOT t ON a | CALL x()
PRAGMA version | ATTACH 'x' | SET x = 1 | upper(a := b) | upper(x => a) | upper(a ORDER BY a)
upper(a) OVER () | any_value(a) | GROUPING_ID(a) | EXTRACT(epoch FROM now())
overlay(a PLACING 'x' FROM 1) | CASE a WHEN (SELECT 1) THEN b END | coalesce(a, (SELECT 1))
a BETWEEN 'x' AND (SELECT 1) | a IN ('x', (SELECT 'y')) | a = ALL (SELECT 1) | a ~ b
a SIMILAR TO '(' | regexp_replace(a, 'x', b) | regexp_matches(a, 'x', 'q') | try_strptime(a, '%q')
lpad(a, -1, '0') | lpad(a, 1001, '0') | a LIKE 'x' ESCAPE 'yy' | a LIKE 'x' ESCAPE b | 1e400 || ;
a IN (1, 2) | a NOT IN (1, b) | if(b = 'z', a, NULL) IN (1, 2) | CASE WHEN a IN (1, 2) THEN b END
replace(a, 'x', b) | make_timestamp(1) | list_value(a)[1] | struct_pack(x := a)
"""
WORKING = {
    "a || '-' || b": "x-20260302",
    "'Cigna'": "Cigna",
    "replace(replace(money, '$', ''), ',', '')": "1234.50",
    "CASE a WHEN 'x' THEN 'paid' WHEN 'y' THEN 'denied' ELSE a END": "paid",
    "CASE WHEN money LIKE '($%' THEN '-' ELSE '' END || a": "x",
    "upper(a)": "X",
    "substring(b, 1, 4)": "2026",
    "b[5:6]": "03",
    "left(b, 4) || '-' || right(b, 2)": "2026-02",
    "coalesce(empty, a)": "x",
    "coalesce(nullif(a, 'x'), 'other')": "other",
    "if(a = 'x', 'yes', 'no')": "yes",
    "split_part(code, ':', 2)": "J9229",
    "regexp_replace(money, '[^0-9.]', '', 'g')": "1234.50",
    "regexp_extract(code, '^([A-Z]+):', 1)": "HC",
    "lpad(a, 4, '0')": "000x",
    "ltrim('007', '0')": "7",
    "concat_ws('|', a, empty, b)": "x|20260302",
    "TRY_CAST(cents AS DECIMAL(15, 0)) * 0.01": "9310.00",
    "round(TRY_CAST(cents AS DOUBLE) / 100, 2)": "9310.0",
    "strftime(try_strptime(b, '%Y%m%d'), '%d.%m.%Y')": "02.03.2026",
    "try_strptime(b, '%Y%m%d')": "2026-03-02",
    "TRY_CAST('2026-03-02' AS DATE) + 1": "2026-03-03",
    "a IN ('x', 'y')": "true",
    "money NOT LIKE '%x%' AND length(b) = 8": "true",
    '"Fill Date"': "03/02/2026",
    "greatest(a, 'a')": "x",
    "TRY_CAST(a AS INTEGER)": None,
    "b::VARCHAR": "20260302",
    "translate(a, 'x', 'y')": "y",
    "year(DATE '2026-03-02')": "2026",
    "1 / 8": "0.125",
    "e'x\\'y'": "x'y",
    "length(a) IN (1, 2)": "true",
    "a NOT IN ('y', NULL, b) OR a LIKE 'x!%' ESCAPE '!'": None,
    "replace(money, 'no such text', '')": "$1,234.50",
}


def expressions() -> list[str]:
    return [text.strip() for line in REFUSED.strip().splitlines() for text in line.split(" | ")]


LONGER = "replace(" * 4 + "a" + ", 'x', 'xxxxxxxxxx')" * 4
NESTED = ("(" * 1500 + "a" + ")" * 1500, "upper(" * 900 + "a" + ")" * 900, "NOT " * 900 + "(a = b)")


@pytest.mark.parametrize("text", [*expressions(), "", "a\0", "a" + " || a" * 1300, LONGER, *NESTED])
def test_an_expression_that_is_not_a_safe_scalar_is_refused(text: str) -> None:
    with pytest.raises(ExpressionRefused):
        parsed_expression(text)


def test_a_refused_expression_of_the_config_names_table_column_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    for text, reason in (
        ("(SELECT 1)", "it contains a query"),
        ("upper(", 'Parser Error: syntax error at or near ")"'),
        ("upper(a, b)", "Binder Error: No function matches"),
        ("now()", "the function now is not available here"),
    ):
        path.write_text(f'{COLUMNS}claim_id = "{text}"\n', encoding="utf-8")
        with pytest.raises(UsageError) as refused:
            read_config(path)
        message = str(refused.value)
        assert message.startswith(f"Config config.toml: tables.{CLAIM}.columns.claim_id: {reason}")
        assert refused.value.exit_code == 2 and "\n" not in message


ROW = {
    "a": "x",
    "b": "20260302",
    "money": "$1,234.50",
    "code": "HC:J9229",
    "cents": "931000",
    "empty": "",
    "Fill Date": "03/02/2026",
}


def theirs(form: str, **changed: str) -> dict[str, Content]:
    """One file in a layout of theirs, as CSV, gzipped CSV or Parquet."""
    rows = [ROW | {k.replace("_", " "): v for k, v in changed.items()}]
    if form == "parquet":
        return {f"{CLAIM}.parquet": pl.DataFrame(rows)}
    return {f"{CLAIM}.{form}": as_csv(rows)}


def mapping(**expressions: str) -> str:
    """A config that gives every required column a value, and some an expression."""
    needed = {n: f"'{v}'" for n, v in GOOD[CLAIM].items()} | expressions
    return COLUMNS + "".join(f"{ours} = {json.dumps(text)}\n" for ours, text in needed.items())


def mapped(base: Path, files: dict[str, Content], config: str, table: str = CLAIM) -> list[Row]:
    """The rows of one file as text, our column -> text, before they are parsed."""
    landing = write(base / "mapped", files)
    path = base / "mapped.toml"
    path.write_text(config, encoding="utf-8")
    settings = read_config(path).of(table)
    (extract,) = find_extracts(landing)
    with duckdb.connect() as connection:
        run_sql(connection, "intake/parse", **macro_words(()))
        if extract.is_parquet:
            source = parquet_source(connection, extract)
            found = map_columns(TABLES[table], extract, settings, source, source.sql)
        else:
            scan = scan_csv(extract, settings, base)
            sql = csv_source(scan, settings.delimiter)
            found = map_columns(TABLES[table], extract, settings, scan, sql)
        columns = ", ".join(f"c{i} AS {ours}" for ours, i in found.positions.items())
        frame: pl.DataFrame = connection.sql(f"SELECT {columns} FROM {found.sql}").pl()
    return frame.to_dicts()


@pytest.fixture(scope="module", params=["csv", "csv.gz", "parquet"])
def computed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """Expression -> the text that it gives for the one row of a file."""
    table = "medical_claim"
    columns = dict(zip((c.name for c in TABLES[table].columns), WORKING, strict=False))
    assert len(columns) == len(WORKING)
    config = f"[tables.{table}.columns]\n" + "".join(
        f"{ours} = {json.dumps(text)}\n" for ours, text in columns.items()
    )
    ((name, content),) = theirs(request.param).items()
    files = {name.replace(CLAIM, table): content}
    (row,) = mapped(tmp_path_factory.mktemp("computed"), files, config, table)
    return {text: row[ours] for ours, text in columns.items()}


@pytest.mark.parametrize("text", WORKING)
def test_a_useful_expression_works_in_every_form_of_file(
    computed: dict[str, object], text: str
) -> None:
    assert computed[text] == WORKING[text]


# What an expression gives is parsed and checked as if the file had held it.


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_a_value_that_does_not_parse_is_quarantined_with_the_senders_record(
    tmp_path: Path, form: str
) -> None:
    config = ANY_ERROR_RATE + mapping(
        paid_amount="replace(replace(money, '$', ''), ',', '')", claim_id="a || '-' || b"
    )
    ran = run(tmp_path, theirs(form, money="$12,34.5x"), config=config)

    assert ran.failed(CLAIM) == [(1, "paid_amount", "amount_does_not_parse")]
    assert json.loads(ran.raw_records[0]) == {
        **{"a": "x", "b": "20260302", "money": "$12,34.5x"},
        **{"our claim_id": "x-20260302", "our member_id": "M"},  # no value of theirs has them
    }


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_result_out_of_range_quarantines_its_row_and_stops_nothing(
    tmp_path: Path, form: str
) -> None:
    config = ANY_ERROR_RATE + mapping(
        paid_amount="TRY_CAST(cents AS BIGINT) * 1000000", plan="TRY_CAST(b AS BIGINT) * 1000000"
    )
    ran = run(tmp_path, theirs(form, cents="9" * 18), config=config)

    assert ran.failed(CLAIM) == [(1, "paid_amount", "amount_does_not_parse")]


def test_an_expression_takes_precedence_over_a_column_of_our_name(tmp_path: Path) -> None:
    config = f"{COLUMNS}payer = \"'Cigna'\"\nclaim_id = \"claim_id || '-1'\"\n"
    (row,) = run(tmp_path, {f"{CLAIM}.csv": [good(CLAIM, payer="x")]}, config=config).rows(CLAIM)

    assert (row["payer"], row["claim_id"]) == ("Cigna", "1-1")


def test_an_expression_uses_a_column_that_the_old_map_renames(tmp_path: Path) -> None:
    config = (
        f'[columns.{CLAIM}]\nrx = "claim_id"\n{COLUMNS}plan = "RX || \'!\'"\n'
        "claim_line_number = \"'2'\"\n"
    )
    rows = as_csv([good(CLAIM)]).replace("claim_id", "rx", 1)
    (row,) = run(tmp_path, {f"{CLAIM}.csv": rows}, config=config).rows(CLAIM)

    assert (row["claim_id"], row["plan"], row["claim_line_number"]) == ("1", "1!", 2)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_expression_over_a_column_that_the_file_lacks_is_refused(
    tmp_path: Path, form: str
) -> None:
    for text in ("a || nowhere", "current_date", '"current_date"', "rowid"):
        with pytest.raises(UsageError) as refused:
            mapped(tmp_path, theirs(form), mapping(plan=text))
        message = str(refused.value)
        assert refused.value.exit_code == 2
        assert f"tables.{CLAIM}.columns.plan" in message
        assert not any(cell in message for cell in ROW.values() if len(cell) > 1)


def test_a_column_that_an_expression_uses_must_not_be_there_twice(tmp_path: Path) -> None:
    rows = as_csv([good(CLAIM)]).replace("days_supply", "QTY", 1).replace("paid_amount", "qty", 1)
    config = f'{COLUMNS}paid_amount = "QTY"\n'
    with pytest.raises(UsageError, match="found twice"):
        mapped(tmp_path, {f"{CLAIM}.csv": rows}, config)


def test_one_column_has_one_source_in_the_config(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        f'[columns.{CLAIM}]\nrx = "claim_id"\n{COLUMNS}claim_id = "rx"\n', encoding="utf-8"
    )
    with pytest.raises(UsageError, match="keep one of them"):
        read_config(path)


# Settings per table.


def claims_and(text: str, name: str = "eligibility.csv") -> dict[str, Content]:
    return {f"{CLAIM}.csv": [good(CLAIM)], name: text}


ELIGIBILITY = as_csv([good("eligibility")])


@pytest.mark.parametrize(
    ("general", "own", "text"),
    [
        ('delimiter = ","', 'delimiter = "|"', ELIGIBILITY.replace(",", "|")),
        (
            'date_formats = ["%d/%m/%Y"]',
            'date_formats = ["%m/%d/%Y"]',
            ELIGIBILITY.replace("1970-05-01", "05/01/1970"),
        ),
        ("", "skip_lines = 2", f'A "title\n\n{ELIGIBILITY}'),
        ("", "skip_lines = 1", f"title\r\n{ELIGIBILITY}".replace("\n", "\r\n")),
        ("", 'footer = "TRAILER"', f"{ELIGIBILITY}TRAILER,1,2,3\nTRAILER\n"),
        ("", 'footer = "m"', ELIGIBILITY),
        (
            "",
            'header = ["member_id", "payer", "birth_date", "enrollment_start_date"]',
            ELIGIBILITY.split("\n", 1)[1],
        ),
        (
            "",
            'header = ["member_id", "payer", "birth_date", "enrollment_start_date"]',
            ELIGIBILITY,
        ),
        (
            "",
            'header = ["member_id", "payer", "birth_date", "enrollment_start_date"]\n'
            'footer = "9"\nskip_lines = 1',
            "H,1\n" + ELIGIBILITY.split("\n", 1)[1] + "9,1",
        ),
    ],
)
def test_a_setting_of_a_table_describes_its_files_and_no_others(
    tmp_path: Path, general: str, own: str, text: str
) -> None:
    form = "csv.gz" if "footer" in own else "csv"
    config = f"{general}\n[tables.eligibility]\n{own}\n"
    ran = run(tmp_path, claims_and(text, f"eligibility.{form}"), config=config)
    (row,) = ran.rows("eligibility")

    assert (row["member_id"], row["birth_date"]) == ("M", date(1970, 5, 1))
    assert [f.rows_read for f in ran.balance.files if f.table == "eligibility"] == [1]


def test_an_encoding_of_a_table_describes_its_files_alone(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{CLAIM}.csv": as_csv([good(CLAIM, plan="Größe")]).encode("utf-8"),
        "eligibility.csv": as_csv([good("eligibility", plan="Größe")]).encode("cp1252"),
    }
    ran = run(tmp_path, files, config='[tables.eligibility]\nencoding = "cp1252"\n')

    assert [ran.rows(table)[0]["plan"] for table in (CLAIM, "eligibility")] == ["Größe"] * 2


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_null_words_are_null_in_every_column_before_and_after_an_expression(
    tmp_path: Path, form: str
) -> None:
    rows = [good(CLAIM, plan="NA", paid_amount="\\N", person_id=" na ", days_supply="x")]
    content: Content = rows if form == "csv" else pl.DataFrame(rows)
    config = (
        f'{OF_TABLE}null_words = ["NA", "\\\\N"]\n{COLUMNS}'
        "days_supply = \"replace(days_supply, 'x', 'NA')\"\n"
        "original_claim_id = \"coalesce(plan, 'none there')\"\n"
    )
    (row,) = run(tmp_path, {f"{CLAIM}.{form}": content}, config=config).rows(CLAIM)

    assert row["original_claim_id"] == "none there"
    assert [row[c] for c in ("plan", "paid_amount", "person_id", "days_supply")] == [None] * 4


def footers(ran: Ran) -> dict[str, int]:
    return {f.file: f.footer_lines for f in ran.balance.files}


def test_footer_lines_are_counted_and_no_record_is_taken_for_one(tmp_path: Path) -> None:
    rows = as_csv([good(CLAIM, claim_id=c, plan='a\nTRAILER "b"') for c in "12"])
    text = rows + "TRAILER|2\r\n3,1,M,Cigna,2026-01-05," + f'{IMATINIB},30,30,100.00,5" x\nTRAILER'
    config = f'{ANY_ERROR_RATE}{OF_TABLE}footer = "TRAILER"\n'
    ran = run(tmp_path, {f"{CLAIM}.csv": text, f"{CLAIM}_b.csv": [good(CLAIM)]}, config=config)

    assert [row["claim_id"] for row in ran.rows(CLAIM)] == ["1", "2", "3", "1"]
    assert ran.rows(CLAIM)[0]["plan"] == 'a\nTRAILER "b"'
    assert footers(ran) == {f"{CLAIM}.csv": 2, f"{CLAIM}_b.csv": 0}


def test_a_quarantined_row_keeps_its_number_among_the_records(tmp_path: Path) -> None:
    head, *_ = as_csv([good(CLAIM)]).splitlines()
    bad, fine = (as_csv([good(CLAIM, quantity=q)]).splitlines()[1] for q in ("x", "30"))
    text = f"title\n{head}\n{fine}\nTRAILER\n{bad}\nshort\nTRAILER\n"
    config = f'{ANY_ERROR_RATE}{OF_TABLE}footer = "TRAILER"\nskip_lines = 1\n'
    ran = run(tmp_path, {f"{CLAIM}.csv": text}, config=config)

    assert ran.failed(CLAIM) == [
        (2, "quantity", "number_does_not_parse"),
        (3, None, "missing_columns"),
    ]


def test_an_empty_file_without_a_header_line_counts_as_supplied(tmp_path: Path) -> None:
    config = '[tables.eligibility]\nheader = ["member_id", "payer", "enrollment_start_date"]\n'
    ran = run(tmp_path, claims_and(""), config=config)

    assert [f.rows_read for f in ran.balance.files if f.table == "eligibility"] == [0]


# Names of files.


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("RX_*.txt", ["RX_1.txt", "rx_.TXT"], ["a/RX_1.txt", "RX_1.txt.gz", "XRX_1.txt"]),
        ("pbm/**/*.csv", ["pbm/a.csv", "PBM/a/b/c.CSV"], ["a.csv", "x/pbm/a.csv"]),
        ("**/claims.psv", ["claims.psv", "a/b/claims.psv"], ["aclaims.psv"]),
        ("a?[12].csv", ["ab1.csv", "A-2.csv"], ["ab3.csv", "a/1.csv", "a1.csv"]),
        ("a[!12].csv", ["a3.csv"], ["a1.csv", "a/.csv"]),
        ("a.b+(c).csv", ["a.b+(c).csv"], ["axb+(c).csv"]),
        ("out/**", ["out/a", "out/a/b.txt"], ["out"]),
    ],
)
def test_a_pattern_matches_paths_in_any_case(
    pattern: str, matching: list[str], others: list[str]
) -> None:
    assert [name for name in [*matching, *others] if is_like(name, pattern)] == matching


def test_files_of_other_names_are_found_by_a_pattern(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "RX_2026.TXT": as_csv([good(CLAIM)]),
        "pbm/a/rx.dat.gz": gzip.compress(as_csv([good(CLAIM, claim_id="2")]).encode()),
        "pbm/x.parquet": pl.DataFrame([good(CLAIM, claim_id="3")]),
    }
    config = f'{OF_TABLE}files = ["rx_*.txt", "pbm/**/*"]\n'

    assert [row["claim_id"] for row in run(tmp_path, files, config=config).rows(CLAIM)] == [
        *("1", "2", "3")
    ]


def test_a_file_of_two_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{CLAIM}.csv").write_text(as_csv([good(CLAIM)]), encoding="utf-8")
    with pytest.raises(UsageError, match=rf"belongs to {CLAIM} and to eligibility"):
        find_extracts(tmp_path, patterns={"eligibility": ["*.csv"]})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("pharmacy_claims.csv", "pharmacy_claim.csv"),
        ("Pharmacy-Claim 2026.txt", "pharmacy_claim_2026.csv"),
        ("pharmacy_claim.csv.bak", "pharmacy_claim.csv"),
        ("export_medical_claims_jan.parquet", "medical_claim_export_jan.parquet"),
        ("eligibilty.csv.gz", "eligibility.csv.gz"),
        ("x/authorizations.csv", "authorization.csv"),
        ("PROVIDERS.xlsx", "provider_2.csv"),
    ],
)
def test_the_nearest_name_that_would_do_is_named(name: str, nearest: str) -> None:
    assert nearest_name(name, ["provider.csv"]) == nearest


def test_names_and_control_files_are_found_in_any_case(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "PHARMACY_CLAIM_1.CSV": [good(CLAIM)],
        "PHARMACY_CLAIM_1.csv.DONE": "rows = 1\n",
        "Pharmacy_Claim/2.CSV.GZ": gzip.compress(as_csv([good(CLAIM, claim_id="2")]).encode()),
    }
    assert len(run(tmp_path, files).rows(CLAIM)) == 2
    files["PHARMACY_CLAIM_1.csv.DONE"] = "rows = 2\n"
    with pytest.raises(InputRefused, match="its control file states 2"):
        run(tmp_path, files)


# Folders that give a column.


def in_folders(name: str) -> dict[str, Content]:
    """The same row in the folders of two payers, one of them written for a URL, and of none."""
    row = {k: v for k, v in good(CLAIM).items() if k != "payer"}
    content: Content = pl.DataFrame([row]) if name.endswith("parquet") else [row]
    return {
        f"{folder}/{name}": content
        for folder in (f"{CLAIM}/Payer=Blue%20Cross", f"{CLAIM}/year=2026/payer=Cigna")
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "config"), [("csv", ""), ("parquet", f'{COLUMNS}plan = "upper(payer)"\n')]
)
def test_a_folder_gives_the_column_that_files_lack_and_equal_files_in_two_are_two(
    tmp_path: Path, form: str, config: str
) -> None:
    ran = run(tmp_path, in_folders(f"a.{form}"), config=config)

    assert [row["payer"] for row in ran.rows(CLAIM)] == ["Blue Cross", "Cigna"]
    assert [row["plan"] for row in ran.rows(CLAIM)] == (
        ["BLUE CROSS", "CIGNA"] if config else [None, None]
    )
    ran.keep()
    again = run(tmp_path, in_folders(f"a.{form}"), config=config, landing="again")
    assert again.passed_over == 2 and len(again.rows(CLAIM)) == 2


def test_a_renamed_column_comes_from_a_folder_too_and_a_null_folder_is_null(
    tmp_path: Path,
) -> None:
    row = {k: v for k, v in good(CLAIM).items() if k != "payer"}
    files: dict[str, Content] = {
        "carrier=Cigna/plan=__HIVE_DEFAULT_PARTITION__/pharmacy_claim.csv": [row]
    }
    config = f'[columns.{CLAIM}]\nCarrier = "payer"\n'
    (found,) = run(tmp_path, files, config=config).rows(CLAIM)

    assert (found["payer"], found["plan"]) == ("Cigna", None)


# Where columns came from, and what the config names in vain.

MIXED = (
    f'[columns.{CLAIM}]\nrx = "claim_id"\nnowhere = "plan"\n'
    f'{OF_TABLE}files = ["a/*.txt", "b/*.txt"]\n{COLUMNS}days_supply = "replace(d, \'x\', \'\')"\n'
    "[tables.eligibility.columns]\npayer = \"'Cigna'\"\n"
)


def mixed(**changed: object) -> dict[str, Content]:
    row = {k: v for k, v in good(CLAIM).items() if k not in ("claim_id", "payer", "days_supply")}
    rows = [{"rx": "1", "d": "30", **row, **changed}, {"rx": "2", "d": "x", **row}]
    other = as_csv([good(CLAIM, rx=3, d=1)]).replace("claim_id", "id", 1)
    return {f"{CLAIM}/payer=Cigna/1.csv": rows, "a/2.txt": other}


def test_the_origin_of_each_column_is_known_with_what_is_null_or_did_not_parse(
    tmp_path: Path,
) -> None:
    files = mixed(dispensing_date="soon", quantity="")
    ran = run(tmp_path, files, config=ANY_ERROR_RATE + MIXED)
    with opened(ran.plan.bench) as connection:
        found = {c.column: c for c in column_origins(connection)}

    assert {c: o.origins for c, o in found.items() if set(o.origins) != {ABSENT}} == {
        "claim_id": {"renamed": 2},
        "claim_line_number": {"same name": 2},
        "member_id": {"same name": 2},
        "payer": {"folder": 1, "same name": 1},
        "dispensing_date": {"same name": 2},
        "ndc_code": {"same name": 2},
        "quantity": {"same name": 2},
        "days_supply": {"expression": 2},
        "paid_amount": {"same name": 2},
    }
    assert (found["days_supply"].nulls, found["plan"].nulls) == (1, 2)
    assert (found["dispensing_date"].unparsed, found["quantity"].unparsed) == (1, 0)


@pytest.mark.slow
def test_entries_of_the_config_that_match_nothing_are_known_in_a_later_run_too(
    tmp_path: Path,
) -> None:
    files = mixed()
    del files["a/2.txt"]
    ran = run(tmp_path, files, config=MIXED)
    expected = [
        f"Config: columns.{CLAIM}: no file has the column that is mapped to plan "
        "(config_column_unmatched).",
        f"Config: tables.{CLAIM}.files: a/*.txt matches no file (config_files_unmatched).",
        f"Config: tables.{CLAIM}.files: b/*.txt matches no file (config_files_unmatched).",
        "Config: tables.eligibility.columns.payer: no file of eligibility was read by it "
        "(config_expression_unmatched).",
    ]

    def unmatched(ran: Ran) -> list[str]:
        with opened(ran.plan.bench) as connection:
            return [str(entry) for entry in unmatched_entries(connection, ran.plan.config)]

    assert unmatched(ran) == expected
    ran.keep()
    again = run(tmp_path, files, config=MIXED, landing="again")
    assert again.passed_over == 1 and unmatched(again) == expected


def test_validate_prints_where_columns_came_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path / "in", mixed())
    (tmp_path / "config.toml").write_text(MIXED, encoding="utf-8")
    assert not main(["validate", "--input", str(files), "--config", str(tmp_path / "config.toml")])
    printed = capsys.readouterr().out

    lines = [" ".join(line.split()) for line in printed.splitlines()]
    assert f"{CLAIM} from null did not parse" in lines
    assert "days_supply expression 1 0" in lines
    assert "payer folder (1 file), same name (1 file) 0 0" in lines
    assert any(line.startswith("absent: person_id, plan") for line in lines)
    note = "note: Config: tables.pharmacy_claim.files: b/*.txt matches no file"
    assert f"{note} (config_files_unmatched)." in lines
    assert "00078" not in printed and IMATINIB not in printed


# A header that cannot be right.

HEAD = as_csv([good(CLAIM)]).splitlines()[0]
LINE = as_csv([good(CLAIM, member_id="Q7731")]).splitlines()[1]


@pytest.mark.parametrize(
    ("content", "config", "cause"),
    [
        (f"{HEAD}\n{LINE}\n".replace(",", "|"), "", "separated by |: set delimiter"),
        (f"{HEAD}\n{LINE}\n".replace(",", ";"), "", "separated by ;: set delimiter"),
        (f"{HEAD}\n{LINE}\n".replace(",", "\t"), "", "separated by a tab: set delimiter"),
        (f"{HEAD}\n{LINE}\n", 'delimiter = "|"', "separated by ,: set delimiter"),
        (f"A|B|C\n{LINE}\n".replace(",", "|"), "", "separated by |: set delimiter"),
        (f"{LINE}\n{LINE}\n", "", "no header line: set header"),
        (f"{LINE}\n".replace(",", "|"), 'delimiter = "|"', "no header line: set header"),
        (f"Extract of Q7731\n\n{HEAD}\n{LINE}\n", "", "on line 3: set skip_lines = 2"),
        (
            ",".join(f"'{name}'" for name in HEAD.split(",")) + f"\n{LINE}\n",
            "",
            "carry marks",
        ),
        (f"\ufeff\ufeff{HEAD.split(',')[0]}\n".encode(), "", "carry marks"),
        (f"{HEAD}\n{LINE}\n".encode("utf-8-sig").decode("cp1252").split(",")[0], "", "carry marks"),
        ("QX,QY,QZ\n1,2,3\n", "", "No column has a name that is known"),
        ("QX\n1\n", "", "the delimiter is probably another"),
        (f'"{HEAD}"\n"{LINE}"\n', "", "in quotes as a whole"),
        (f"{HEAD}\n{LINE}\n".replace(",", "   "), "", "have fixed widths"),
        (f"[{HEAD.replace(',', '],[')}]\n{LINE}\n", "", "carry marks"),
        (f"# extract of Q7731\n# QX\n{HEAD}\n{LINE}\n", "", "on line 3: set skip_lines = 2"),
    ],
)
def test_a_header_that_cannot_be_right_is_refused_with_its_likely_cause(
    tmp_path: Path, content: str | bytes, config: str, cause: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        mapped(tmp_path, {f"{CLAIM}.csv": content}, config)
    message = str(refused.value)
    assert cause in message and f"{CLAIM}.csv: no column" in message
    assert not any(cell in message for cell in ("Q7731", "QX", "2026", IMATINIB, "Cigna"))


def test_an_expression_over_a_missing_column_is_refused_with_the_likely_cause(
    tmp_path: Path,
) -> None:
    text = as_csv([ROW, ROW])
    for content, cause in (
        (text.replace(",", "|"), "separated by |: set delimiter"),
        (f"title\n{text}", "on line 2: set skip_lines = 1"),
        (text.split("\n", 1)[1], "no header line: set header"),
    ):
        with pytest.raises(UsageError) as refused:
            mapped(tmp_path, {f"{CLAIM}.csv": content}, mapping(plan="a || b"))
        assert cause in str(refused.value) and "20260302" not in str(refused.value)


def test_a_header_with_known_names_is_refused_for_the_missing_column_alone(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputRefused) as refused:
        mapped(tmp_path, {f"{CLAIM}.csv": HEAD.replace("claim_id", "x") + "\n"}, "")
    assert str(refused.value) == (
        f"{CLAIM}.csv: no column claim_id, which {CLAIM} needs. Add it, or map its name in the "
        f"config ([columns.{CLAIM}])."
    )
