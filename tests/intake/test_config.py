"""Every config key: what it accepts, what it refuses, and that no message repeats the file."""

import grp
import os
import stat
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import AuditError
from flows.errors import UsageError
from flows.intake.config import Config, read_config
from flows.plan import Plan, plan
from flows.request import RunRequest
from flows.run_folders import begin
from flows.stages import load_stage, validate_stage
from flows.warehouse.connection import opened
from tests.support.hostile import CSV, SENDERS_CONFIG, SENDERS_EXTRACT, csv, fill
from tests.support.nights import night
from tests.support.running import AS_OF, request_for

OWN_GROUP = grp.getgrgid(os.getgid()).gr_name
CANARY = "JaneDoe19700501"
MAPPING = "[columns.pharmacy_claim]\n"


def _read(folder: Path, text: str | bytes) -> Config:
    path = folder / "settings.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_config(path)


ACCEPTED = [
    ("", {}),
    (
        'date_formats = ["%m/%d/%Y", "%d-%b-%y", "%-d.%-m.%Y %H:%M:%S"]',
        {"date_formats": ("%m/%d/%Y", "%d-%b-%y", "%-d.%-m.%Y %H:%M:%S")},
    ),
    ('delimiter = "|"', {"delimiter": "|"}),
    ('delimiter = "\\t"', {"delimiter": "\t"}),
    ('encoding = "cp1252"', {"encoding": "cp1252"}),
    ('encoding = "utf-16"', {"encoding": "utf-16"}),
    (f'{MAPPING}rx = "claim_id"', {"columns": {"pharmacy_claim": {"rx": "claim_id"}}}),
    ('[payer_aliases]\n"CIGNA EAST" = "cigna"', {"payer_aliases": {"CIGNA EAST": "cigna"}}),
    ("max_error_rate = 0", {"max_error_rate": 0.0}),
    ("max_error_rate = 1.0", {"max_error_rate": 1.0}),
    ('result_mode = "0640"', {"result_mode": "0640"}),
    (f'result_group = "{OWN_GROUP}"', {"result_group": OWN_GROUP}),
]


@pytest.mark.parametrize(("text", "expected"), ACCEPTED)
def test_a_key_is_read(tmp_path: Path, text: str, expected: dict[str, object]) -> None:
    assert _read(tmp_path, text) == Config(**expected)  # type: ignore[arg-type]


REFUSED = [
    (f'date_formats = "{CANARY}"', "date_formats: Input should be a valid tuple"),
    (
        f'date_formats = ["{CANARY}"]',
        "date_formats: a date format needs year, month and day, such as %m/%d/%Y",
    ),
    ('date_formats = ["%m/%Y"]', "date_formats: a date format needs year, month and day"),
    (
        f'date_formats = ["%Y-%m-%d %Q{CANARY}"]',
        "date_formats: a date format may use %Y %y %m %b %B %d and times, no other",
    ),
    ('date_formats = ["%Y-%m-%d %"]', "and times, no other specifiers"),
    (
        f'delimiter = "{CANARY}"',
        "delimiter: a delimiter is one character, such as | or a tab, but not a quote or line "
        "break",
    ),
    ("delimiter = '\"'", "delimiter: a delimiter is one character"),
    ('delimiter = "\\n"', "delimiter: a delimiter is one character"),
    ('delimiter = "\\u0000"', "delimiter: a delimiter is one character"),
    (
        f'encoding = "{CANARY}"',
        "encoding: give a text encoding that Python supports, such as cp1252",
    ),
    ('encoding = "base64"', "encoding: give a text encoding that Python supports"),
    (
        f'[columns.{CANARY}]\na = "b"',
        "columns: unknown table name in [columns.*]; tables: medical_claim",
    ),
    (
        f'{MAPPING}rx = "{CANARY}"',
        "columns: pharmacy_claim: a column is mapped to one that pharmacy_claim does not have",
    ),
    (
        f'{MAPPING}{CANARY} = "claimid"',
        "columns: pharmacy_claim: a column is mapped to one that pharmacy_claim does not have",
    ),
    (
        f'{MAPPING}{CANARY} = "claim_id"\nrx = "claim_id"',
        "columns: pharmacy_claim: two of their columns are mapped to one of ours",
    ),
    (
        f'{MAPPING}{CANARY} = "claim_id"\n" {CANARY.lower()}" = "payer"',
        "columns: pharmacy_claim: two of their names differ only in case or whitespace",
    ),
    (f"{MAPPING}{CANARY} = 1970", "columns: Input should be a valid string"),
    (f'columns = "{CANARY}"', "columns: Input should be a valid dictionary"),
    (f'payer_aliases = ["{CANARY}"]', "payer_aliases: Input should be a valid dictionary"),
    (f'max_error_rate = "{CANARY}"', "max_error_rate: Input should be a valid number"),
    ("max_error_rate = true", "max_error_rate: Input should be a valid number"),
    ("max_error_rate = 1.1", "max_error_rate: Input should be less than or equal to 1"),
    ("max_error_rate = -1", "max_error_rate: Input should be greater than or equal to 0"),
    ("max_error_rate = nan", "max_error_rate: Input should be"),
    (
        'result_mode = "0644"',
        "result_mode is an octal string such as 0600 or 0640, readable by the owner and never by "
        "everyone",
    ),
    ('result_mode = "0060"', "readable by the owner"),
    (f'result_mode = "{CANARY}"', "result_mode is an octal string"),
    ("result_mode = 600", "result_mode: Input should be a valid string"),
    (
        f'result_group = "{CANARY}"',
        "result_group: there is no group with that name on this machine",
    ),
    (
        f'{CANARY} = "{CANARY}"',
        "unknown key. Known keys: date_formats, delimiter, encoding, columns",
    ),
    ("max_error_rat = 0.5", "unknown key (did you mean max_error_rate?)"),
    (f'[column.pharmacy_claim]\n{CANARY} = "claim_id"', "unknown key (did you mean columns?)"),
    (f"{CANARY}", "cannot be read as TOML"),
    (f'delimiter = "{CANARY}\ndelimiter = "|"', "cannot be read as TOML"),
    (f'delimiter = "|"\ndelimiter = "{CANARY}"', "cannot be read as TOML"),
    ("max_error_rate = 2026-02-30", "cannot be read as TOML"),
    (f"max_error_rate = {'9' * 5000}", "cannot be read as TOML"),
    (f"columns = {'[' * 5000}", "cannot be read as TOML"),
    (b"\xff\xfe", "cannot be read as TOML"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_an_invalid_config_is_refused_with_a_message_of_ours(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        _read(tmp_path, text)
    message = str(refused.value)
    assert refused.value.exit_code == 2
    assert words in message and message.startswith("Config settings.toml") and message.endswith(".")
    assert CANARY.lower() not in message.lower()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# ours\nmax_error_rate = [\n= 1\n", "cannot be read as TOML (line 3)"),
        ("# ours\nmax_error_rate = [\n", "cannot be read as TOML (line 2)"),
        ("# ours\n\nmax_error_rat = 0.5\n", "settings.toml, line 3: unknown key"),
        ("[tables.provider]\nskip = 1\n", "settings.toml, line 2: unknown key"),
        ("\n[colums]\nx = 1\n", "settings.toml, line 2: unknown key"),
        ('delimiter = ","\nresult_mode = "0060"\n', "settings.toml, line 2: result_mode"),
        ("[tables.provider]\nx = 1\n[tables.diagnosis]\nx = 1\n", "line 1: unknown key"),
    ],
)
def test_a_refusal_names_the_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        _read(tmp_path, text)
    assert words in str(refused.value)


def test_a_missing_config_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Config gone\.toml is not there"):
        read_config(tmp_path / "gone.toml")


def test_an_alias_of_an_unknown_payer_is_refused_without_its_name(tmp_path: Path) -> None:
    (tmp_path / CSV).write_bytes(csv(fill(1)))
    settings = tmp_path.with_name(tmp_path.name + ".toml")
    settings.write_text(f'[payer_aliases]\n"{CANARY}" = "{CANARY}"\n', encoding="utf-8")
    with pytest.raises(
        UsageError, match="an alias points to a payer that no policy document names"
    ) as refused:
        plan(request_for(tmp_path, tmp_path, tmp_path / "audit.duckdb", AS_OF, settings))
    assert CANARY not in str(refused.value)


def test_every_key_is_documented() -> None:
    assert [key for key, field in Config.model_fields.items() if not field.description] == []


# ---------------------------------------------------------------- what the keys do to a run


def _landing(base: Path, extract: str | bytes, config: str) -> RunRequest:
    (base / "in").mkdir(parents=True)
    (base / "in" / CSV).write_bytes(extract.encode() if isinstance(extract, str) else extract)
    (base / "config.toml").write_text(config, encoding="utf-8")
    return request_for(
        base / "in", base / "out", base / "out" / "audit.duckdb", AS_OF, base / "config.toml"
    )


def _loaded(request: RunRequest) -> Plan:
    made = plan(request)
    request.output.mkdir()
    begin(made)
    load_stage(made, lambda _name: None)
    validate_stage(made)
    return made


def test_the_example_in_the_documentation_can_be_loaded(tmp_path: Path) -> None:
    made = _loaded(_landing(tmp_path, SENDERS_EXTRACT, SENDERS_CONFIG))
    with opened(made.bench) as connection:
        columns = (
            "claim_id, member_id, dispensing_date, ndc_code, quantity, days_supply, paid_amount"
        )
        assert connection.execute(
            f"SELECT {columns} FROM main.pharmacy_claim ORDER BY ALL"
        ).fetchall() == [
            ("RX7001", "A100", date(2026, 2, 1), "00078043815", 30, 30, 9300),
            ("RX7002", "A101", date(2026, 2, 14), "00078043815", 60, 30, 18600),
        ]
        assert connection.execute(
            "SELECT rows_read, unknown_columns FROM main.file"
        ).fetchall() == [(2, ["Pharmacy"])]


@pytest.mark.slow
def test_mapped_column_names_give_the_same_results_as_ours(tmp_path: Path) -> None:
    theirs = _landing(tmp_path / "theirs", SENDERS_EXTRACT, SENDERS_CONFIG)
    ours = _landing(
        tmp_path / "ours",
        "claim_id,member_id,payer,dispensing_date,ndc_code,quantity,days_supply,paid_amount\n"
        "RX7001,A100,CIGNA HEALTHCARE,2026-02-01,00078-0438-15,30,30,9300.00\n"
        "RX7002,A101,CIGNA HEALTHCARE,2026-02-14,00078-0438-15,60,30,18600.00\n",
        "",
    )
    exceptions = [
        pl.read_parquet(night(request).folder / "exceptions.parquet") for request in (theirs, ours)
    ]
    assert exceptions[0].equals(exceptions[1]) and exceptions[0].height > 0


@pytest.mark.parametrize(("rate", "exit_code"), [("0.29", 4), ("0.3", None)])
def test_the_error_rate_is_a_share_of_one_files_rows(
    tmp_path: Path, rate: str, exit_code: int | None
) -> None:
    bad = csv(*(fill(n, quantity="x" if n < 3 else "1") for n in range(10)))
    request = _landing(tmp_path, bad, f"max_error_rate = {rate}\n")
    try:
        _loaded(request)
    except AuditError as error:
        assert error.exit_code == exit_code
    else:
        assert exit_code is None


@pytest.mark.slow
def test_an_alias_works_in_any_case_and_every_result_has_the_mode_and_group(
    tmp_path: Path,
) -> None:
    settings = (
        f'result_mode = "0640"\nresult_group = "{OWN_GROUP}"\n'
        '[payer_aliases]\n"cigna east" = "Cigna"\n'
    )
    folder = night(_landing(tmp_path, csv(fill(1, payer="CIGNA EAST")), settings)).folder
    assert set(pl.read_parquet(folder / "exceptions.parquet")["payer"]) == {"CIGNA EAST"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o640}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
    assert {p.group() for p in [folder, *folder.iterdir()]} == {OWN_GROUP}
