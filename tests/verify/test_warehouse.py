"""The warehouse keeps a journal: what another program changes in it is found."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from flows.cli.app import main
from flows.errors import DiskTrouble
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.process import system_user
from flows.request import RunRequest
from flows.summary import Summary
from flows.warehouse.forget import forget_night
from flows.warehouse.layout import SCHEMA_VERSION
from flows.warehouse.purge import purge
from flows.warehouse.upgrade import upgrade
from schemas.decisions import DISMISS, REOPEN
from tests.support.extracts import good, write
from tests.support.few_rules import asking_few
from tests.support.nights import content, night, notes_but_of_collecting
from tests.support.running import request_for

_few_rules = asking_few("AUTH01", "DUP01", "QTY01")

FIRST, SECOND = date(2026, 6, 29), date(2026, 6, 30)


def _request(home: Path, landing: str | None, as_of: date = FIRST) -> RunRequest:
    folder = home / landing if landing else None
    return request_for(folder, home / "out", home / "audit.duckdb", as_of)


def _rows(claim: str, paid_date: str) -> dict[str, list[dict[str, str]]]:
    bad = good("pharmacy_claim", claim_id=f"{claim}-bad", paid_amount="many")
    claims = [
        good("pharmacy_claim", claim_id=f"{claim}-{n}", member_id=f"M-{claim}") for n in range(40)
    ]
    return {
        f"pharmacy_claim_{claim}.csv": [*claims, bad],
        f"eligibility_{claim}.csv": [good("eligibility", member_id=f"M-{claim}")],
    }


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse of two nights, and three decisions between them."""
    home = tmp_path_factory.mktemp("nights")
    for name in ("a", "b"):
        write(home / name, _rows(name, "2026-02-02"))
    night(_request(home, "a"))
    found = sorted(row[1] for row in content(home / "audit.duckdb")["ledger_event"])[:2]
    decisions = [Decision(exception_id, "seen") for exception_id in found]
    decide(home / "audit.duckdb", decisions, DISMISS, "me")
    decide(home / "audit.duckdb", decisions[:1], REOPEN, "me")
    night(_request(home, "b", SECOND))
    return home


@pytest.fixture
def home(two_nights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_nights, tmp_path / "home"))


def _verified(home: Path) -> int:
    return main(["verify", "--warehouse", str(home / "audit.duckdb")])


def _manifest(run: Path) -> dict[str, str]:
    manifest: dict[str, str] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def _execute(home: Path, *statements: str) -> None:
    """What somebody does with the file who knows DuckDB, and not this program."""
    with duckdb.connect(str(home / "audit.duckdb")) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_warehouse_as_its_runs_left_it_verifies(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verified(home) == 0
    printed = capsys.readouterr().out
    for part in ("one chain of", "remembered answer", "rows read", "ledger"):
        assert part in printed


FORGERIES = {
    "a decision is rewritten": "UPDATE decision SET reason = 'paid twice' WHERE decision_no = 1",
    "a decision is given another author": "UPDATE decision SET decided_by = 'mallory'",
    "a decision is given another time": """UPDATE decision
        SET decided_at = decided_at - INTERVAL 1 DAY""",
    "a decision is inserted": """INSERT INTO decision BY NAME
        SELECT * REPLACE (9 AS decision_no, 'mallory' AS decided_by) FROM decision LIMIT 1""",
    "a decision is inserted under a number that is taken": """INSERT INTO decision BY NAME
        SELECT * REPLACE ('mallory' AS decided_by) FROM decision LIMIT 1""",
    "a decision without a number is inserted": """INSERT INTO decision BY NAME
        SELECT * REPLACE (NULL AS decision_no) FROM decision LIMIT 1""",
    "a decision is removed": "DELETE FROM decision WHERE decision_no = 2",
    "two decisions are exchanged": """UPDATE decision SET decision_no = 3 - decision_no
        WHERE decision_no < 3""",
    "an event is rewritten": "UPDATE ledger_event SET amount_at_risk = 0",
    "an event is inserted": "INSERT INTO ledger_event FROM ledger_event LIMIT 1",
    "an event is removed": """DELETE FROM ledger_event
        WHERE exception_id = (SELECT min(exception_id) FROM ledger_event)""",
    "a night is removed": "DELETE FROM night WHERE as_of = DATE '2026-06-29'",
    "a night gets another run": "UPDATE night SET run_id = '0000000000000000'",
    "a run is recorded with other results": "UPDATE run_record SET manifest_sha256 = 'x'",
    "a run is no longer recorded": "DELETE FROM run_record WHERE record_no = 1",
    "an amount is changed": """UPDATE pharmacy_claim SET paid_amount = paid_amount + 1
        WHERE claim_id = 'a-7'""",
    "a row is removed": "DELETE FROM pharmacy_claim WHERE claim_id = 'a-7'",
    "a row is inserted": "INSERT INTO pharmacy_claim FROM pharmacy_claim LIMIT 1",
    "a row of another file is inserted": """INSERT INTO pharmacy_claim
        SELECT * REPLACE (77 AS file_no) FROM pharmacy_claim LIMIT 1""",
    "two amounts are exchanged": """UPDATE pharmacy_claim SET quantity =
        CASE claim_id WHEN 'a-7' THEN quantity + 1 ELSE quantity - 1 END
        WHERE claim_id IN ('a-7', 'a-8')""",
    "a quarantined row is removed": "DELETE FROM quarantine",
    "a quarantined record is rewritten": "UPDATE quarantine SET raw_record = 'x'",
    "fewer rows were read": "UPDATE file SET rows_read = rows_read - 1",
    "a file has another hash": "UPDATE file SET sha256 = 'x' WHERE file_no = 1",
    "a remembered answer is removed": "DELETE FROM judged_exception WHERE claim_id = 'a-7'",
    "a remembered amount is changed": "UPDATE judged_exception SET amount_at_risk = 0",
    "remembered counts are changed": "UPDATE judged_coverage SET lines = lines + 1",
    "cached members are removed": "DELETE FROM cached_member",
    "what is remembered is removed": "DROP TABLE judged_exception",
    "a purge is invented": "INSERT INTO purge VALUES (DATE '2020-01-01', 1, 0, NULL)",
    "the view is replaced": "CREATE OR REPLACE VIEW ledger AS SELECT 'nothing' AS exception_id",
    "the view is removed": "DROP VIEW ledger",
    "an entry of the journal is rewritten": """UPDATE journal SET system_user = 'x'
        WHERE entry_no = 2""",
    "an entry of the journal is of something else": """UPDATE journal SET subject = 'x'
        WHERE entry_no = 2""",
    "an entry of the journal is removed": "DELETE FROM journal WHERE entry_no = 3",
    "an entry of the journal is inserted": "INSERT INTO journal FROM journal LIMIT 1",
    "the journal is emptied": "DELETE FROM journal",
    "the journal is removed": "DROP TABLE journal",
}
"""What is done -> the statement that does it."""
IN_EVERY_CHECK = (
    "a decision is inserted",
    "a decision is rewritten",
    "an event is rewritten",
    "an amount is changed",
    "a row is removed",
    "a remembered answer is removed",
    "the view is replaced",
    "an entry of the journal is removed",
)
"""Forgeries that are tried in the fast tests too: one for each check."""


@pytest.mark.parametrize(
    "forgery",
    [
        pytest.param(name, marks=[] if name in IN_EVERY_CHECK else pytest.mark.slow)
        for name in FORGERIES
    ],
)
def test_b5_what_another_program_wrote_into_the_warehouse_is_found(
    forgery: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decision had no time and no user, and whoever wrote into the file was never noticed."""
    _execute(home, FORGERIES[forgery])
    assert _verified(home) == 3
    failed = capsys.readouterr().err
    assert failed and "bug" not in failed


@pytest.mark.parametrize(
    "change", ["DELETE FROM meta", "INSERT INTO meta FROM meta"], ids=["missing", "twice"]
)
def test_e5_a_warehouse_without_one_version_is_damaged_and_no_bug(
    change: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command ended with 70 and asked for a report."""
    _execute(home, change)
    assert _verified(home) == 3
    assert "damaged" in capsys.readouterr().err
    with pytest.raises(DiskTrouble, match="another program has changed it"):
        night(_request(home, None, SECOND))


def test_b5_a_row_removed_with_its_count_is_found(home: Path) -> None:
    _execute(
        home,
        "DELETE FROM pharmacy_claim WHERE claim_id = 'a-7'",
        "UPDATE file SET rows_read = rows_read - 1 WHERE name = 'pharmacy_claim_a.csv'",
    )
    assert _verified(home) == 3


def test_b5_a_table_replaced_by_a_view_is_found(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _execute(
        home,
        "DROP VIEW ledger",
        "ALTER TABLE decision RENAME TO real_decision",
        "CREATE VIEW decision AS FROM real_decision WHERE decided_by <> 'me'",
    )
    assert _verified(home) == 3
    assert "lacks the table decision" in capsys.readouterr().err


def test_b5_a_macro_with_the_name_of_a_function_does_not_take_part(home: Path) -> None:
    _execute(
        home,
        "UPDATE decision SET reason = 'x'",
        "CREATE MACRO sha256(text) AS 'x'",
        "CREATE MACRO hash(text) AS 1",
    )
    assert _verified(home) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "forgery", ["a decision is inserted", "an amount is changed", "an event is rewritten"]
)
def test_b5_later_runs_do_not_make_good_what_another_program_wrote(
    forgery: str, home: Path
) -> None:
    """What is done after a forgery seals only what it writes itself."""
    _execute(home, FORGERIES[forgery])
    night(_request(home, None, date(2026, 7, 1)))
    purge(home / "audit.duckdb", date(2020, 1, 1))
    assert _verified(home) == 3


def _third_night(home: Path) -> Summary:
    """A night that brings a claim of another member."""
    landing = {"pharmacy_claim_c.csv": [good("pharmacy_claim", claim_id="c-1", member_id="M-c")]}
    write(home / "c", landing)
    return night(_request(home, "c", date(2026, 7, 1)))


@pytest.fixture(scope="module")
def untouched(two_nights: Path, tmp_path_factory: pytest.TempPathFactory) -> Summary:
    """The third night on a warehouse that no other program has changed."""
    home = tmp_path_factory.mktemp("untouched")
    return _third_night(Path(shutil.copytree(two_nights, home, dirs_exist_ok=True)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "forgery",
    [
        "a remembered answer is removed",
        "a remembered amount is changed",
        "cached members are removed",
    ],
)
def test_b5_a_run_reuses_nothing_that_another_program_changed(
    forgery: str, home: Path, untouched: Summary
) -> None:
    """Answers that were reused were sealed by nobody: a removed one was gone for good."""
    _execute(home, FORGERIES[forgery])
    found = _third_night(home)

    (note,) = [n for n in found.notes if n not in untouched.notes]
    assert "not as that run left it" in note and "judged everybody again" in note
    assert (found.folder / "manifest.json").read_bytes() == (
        untouched.folder / "manifest.json"
    ).read_bytes()
    assert _verified(home) == 0


@pytest.mark.slow
def test_b5_an_upgrade_does_not_make_good_what_another_program_wrote(home: Path) -> None:
    _execute(
        home,
        FORGERIES["a decision is rewritten"],
        "ALTER TABLE journal DROP COLUMN hashed_by",
        "UPDATE meta SET schema_version = 7",
    )
    night(_request(home, None, SECOND))
    assert _verified(home) == 3


@pytest.mark.slow
def test_b5_a_run_warns_of_decisions_that_another_program_wrote(home: Path) -> None:
    assert notes_but_of_collecting(night(_request(home, None, SECOND))) == ()
    _execute(home, FORGERIES["a decision is inserted"])
    (note,) = notes_but_of_collecting(night(_request(home, None, SECOND)))
    assert note.startswith("Decisions in the warehouse that are not as they were made: 1.")


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE journal DROP COLUMN made_at",
        "ALTER TABLE run_record ALTER COLUMN as_of TYPE TIMESTAMP",
        "ALTER TABLE decision ADD COLUMN more VARCHAR",
        "UPDATE journal SET entry_no = NULL",
        "UPDATE journal SET link = NULL, subject = NULL",
        "UPDATE file SET file_no = NULL",
        "UPDATE run_record SET results = '['",
        "DROP TABLE night",
        "DROP TABLE pharmacy_claim",
    ],
)
def test_b5_a_warehouse_of_another_shape_does_not_verify(statement: str, home: Path) -> None:
    _execute(home, statement)
    (folder,) = (f for f in (home / "out").glob("run=*") if _manifest(f)["as_of"] == str(SECOND))
    assert main(["verify", "--run", str(folder), "--warehouse", str(home / "audit.duckdb")]) == 3


@pytest.mark.slow
def test_everything_that_the_program_does_keeps_the_warehouse_verifiable(home: Path) -> None:
    warehouse = home / "audit.duckdb"
    night(_request(home, "b", SECOND))  # the same night again
    assert _verified(home) == 0
    night(_request(home, "b", FIRST))  # a file given again as of an earlier night
    assert _verified(home) == 0
    config = home / "config.toml"
    config.write_text('date_formats = ["%d.%m.%Y"]', encoding="utf-8")
    night(replace(_request(home, "b", SECOND), config=config))  # known files, read again
    assert _verified(home) == 0
    night(_request(home, "b", SECOND))
    forget_night(warehouse, SECOND, dry_run=False)
    assert _verified(home) == 0
    night(_request(home, "b", SECOND))
    purge(warehouse, date(2026, 6, 1))
    assert _verified(home) == 0
    night(_request(home, None, SECOND))
    assert _verified(home) == 0


@pytest.mark.slow
def test_a_warehouse_of_an_earlier_version_is_sealed_as_it_was(home: Path) -> None:
    _execute(
        home,
        "DROP TABLE journal",
        "DROP TABLE run_record",
        "DROP VIEW ledger",
        "ALTER TABLE decision DROP COLUMN decided_at",
        "ALTER TABLE decision DROP COLUMN system_user",
        "UPDATE meta SET schema_version = 5",
    )
    night(_request(home, None, SECOND))
    assert _verified(home) == 0
    _execute(home, "UPDATE decision SET decided_by = 'mallory'")
    assert _verified(home) == 3


def test_an_upgrade_alone_leaves_the_warehouse_verifiable(home: Path) -> None:
    """What it drops of the last run was said to be removed by another program."""
    _execute(home, f"UPDATE meta SET schema_version = {SCHEMA_VERSION - 1}")
    upgrade(home / "audit.duckdb")
    assert _verified(home) == 0


def test_a_decision_has_its_time_and_the_user_of_the_system(home: Path) -> None:
    for row in content(home / "audit.duckdb")["decision"]:
        assert str(row[-4]).startswith("20") and row[-3] == system_user()


def test_a_damaged_warehouse_does_not_verify(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "audit.duckdb"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert _verified(home) == 3
    assert "it is damaged" in capsys.readouterr().err
    path.write_bytes(b"not a warehouse")
    assert _verified(home) == 8
    assert "not a DuckDB file" in capsys.readouterr().err


def test_each_run_of_a_night_is_recorded_with_its_results(home: Path) -> None:
    with duckdb.connect(str(home / "audit.duckdb"), read_only=True) as connection:
        records = connection.execute("SELECT as_of FROM run_record ORDER BY record_no").fetchall()
    assert records == [(FIRST,), (SECOND,)]
    for folder in (home / "out").glob("run=*"):
        arguments = ["--run", str(folder), "--warehouse", str(home / "audit.duckdb")]
        assert main(["verify", *arguments]) == 0
