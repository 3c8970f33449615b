"""The chain of decisions: whatever is done to it, the first row that is wrong is named."""

import random
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flows.cli.app import main
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.verify.checks import Checks
from flows.verify.ledger import check_decisions
from flows.warehouse.decision_chain import ABOUT, CHAINED, append
from flows.warehouse.journal import DECISION, digests, seal, subject
from flows.warehouse.upgrade import upgrade
from tests.support.ledger import event, exception_id, ledger_warehouse, make_tables, rows_of

ROWS, TIMES = 12, 100
_COLUMNS = list(CHAINED)


@pytest.fixture(scope="module")
def chained() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in memory, attached as `kept`, with a dozen decisions."""
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS kept")
        connection.execute("USE kept")
        make_tables(connection)
        rows = [
            {
                "after_night": date(2026, 6, 30),
                "exception_id": exception_id(number),
                "about_outcome": "recover",
                "about_reason": "quantity_over_limit",
                "about_amount": Decimal("40.00") if number % 4 else None,
                "action": "recovered" if number % 3 == 0 else "confirm",
                "amount": Decimal(f"{number}.10") if number % 3 == 0 else None,
                "reason": f"reason {number}" if number % 2 else None,
                "decided_by": "Ann",
                "decided_on": date(2026, 7, 1),
                "decided_at": datetime(2026, 7, 1, 8, 15, number, 1),
                "system_user": "ann",
            }
            for number in range(1, ROWS + 1)
        ]
        append(connection, rows[:5])
        append(connection, rows[5:])
        seal(connection, "decide", [subject(DECISION, n) for n in range(1, ROWS + 1)])
        connection.execute("CREATE TABLE main.as_it_was AS FROM main.decision ORDER BY decision_no")
        yield connection


def _change(rows: list[list[object]], chance: random.Random) -> int:
    row, column = chance.randrange(ROWS), chance.randrange(len(rows[0]) - 1)
    old = rows[row][column]
    others = {str: f"{old}x", int: 99, type(None): None, date: date(2026, 7, 3)}
    others |= {Decimal: Decimal("9.99"), datetime: datetime(2026, 7, 3)}
    rows[row][column] = others[type(old)]
    if old is None:
        rows[row][_COLUMNS.index("reason")] = "Mallory"
        rows[row][_COLUMNS.index("decided_by")] = "Mallory"  # a text was there
    return row + 1


def _drop(rows: list[list[object]], chance: random.Random) -> int:
    row = chance.randrange(ROWS)
    del rows[row]
    return row + 1


def _move(rows: list[list[object]], chance: random.Random) -> int:
    one, other = sorted(chance.sample(range(ROWS), 2))
    rows[one], rows[other] = rows[other], rows[one]
    if chance.random() < 0.5:  # with the numbers that belong to the places
        rows[one][0], rows[other][0] = rows[other][0], rows[one][0]
    return one + 1


def _insert_or_cut(rows: list[list[object]], chance: random.Random) -> int:
    if chance.random() < 0.5:
        left = chance.randrange(ROWS)
        del rows[left:]
        return left + 1
    place = chance.randrange(ROWS + 1)
    forged = list(rows[chance.randrange(ROWS)])
    forged[0] = place + 1
    rows.insert(place, forged)
    return place + 1


@pytest.mark.slow
@pytest.mark.parametrize("tamper", [_change, _drop, _move, _insert_or_cut])
def test_the_first_row_that_was_tampered_with_is_named_every_time(
    tamper: Callable[[list[list[object]], random.Random], int], chained: duckdb.DuckDBPyConnection
) -> None:
    chance = random.Random(tamper.__name__)
    for _ in range(TIMES):
        rows = [list(row) for row in chained.execute("FROM main.as_it_was").fetchall()]
        assert _named(chained) is None
        expected = tamper(rows, chance)
        chained.execute("DELETE FROM main.decision")
        if rows:
            marks = f"({', '.join('?' * len(rows[0]))})"
            values = [value for row in rows for value in row]
            every = ", ".join([marks] * len(rows))
            chained.execute(f"INSERT INTO main.decision VALUES {every}", values)
        assert _named(chained) == expected
        chained.execute("CREATE OR REPLACE TABLE main.decision AS FROM main.as_it_was")


def _named(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The row that the check names; None if the chain is whole."""
    checks = Checks()
    check_decisions(checks, connection)
    if not checks.failed:
        return None
    found = re.search(r"decision ([\d,]+) ", checks.failed[0])
    assert found
    return int(found[1])


def test_a_chain_that_was_made_again_from_a_changed_row_on_is_found(
    chained: duckdb.DuckDBPyConnection,
) -> None:
    """Whoever knows how the digests are made can chain all rows again; the journal has them too."""
    rows = chained.execute(f"SELECT {', '.join(CHAINED)} FROM main.as_it_was").fetchall()
    forged = [dict(zip(CHAINED, row, strict=True)) for row in rows]
    forged[6]["decided_by"] = "Mallory"
    chained.execute("DELETE FROM main.decision")
    append(chained, forged)
    assert _named(chained) == 7
    chained.execute("CREATE OR REPLACE TABLE main.decision AS FROM main.as_it_was")


def test_rows_that_the_program_removed_itself_leave_the_chain_whole(
    chained: duckdb.DuckDBPyConnection,
) -> None:
    """A purge removes decisions about the persons who go, and the journal says so."""
    chained.execute("BEGIN")
    chained.execute("DELETE FROM main.decision WHERE decision_no IN (4, 5, 12)")
    seal(chained, "purge", [subject(DECISION, number) for number in (4, 5, 12)])
    assert _named(chained) is None
    chained.execute("DELETE FROM main.decision WHERE decision_no = 6")
    assert _named(chained) == 6
    chained.execute("ROLLBACK")
    assert _named(chained) is None


def test_verify_names_the_row_with_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warehouse = ledger_warehouse(tmp_path / "audit.duckdb", event(1), event(2))
    for number in (1, 2, 1):
        action = "confirm" if number == 2 else "upheld"
        decide(warehouse, [Decision(exception_id(number), f"{action} {number}")], action, "Ann")
    decide(warehouse, [Decision(exception_id(2))], "upheld", "Ann")
    words = ["verify", "--ledger", str(warehouse)]
    assert main(words) == 0
    assert "one chain of 3 decisions" in capsys.readouterr().out
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("UPDATE decision SET decided_by = 'Mallory' WHERE decision_no = 2")
    assert main(words) == 3
    assert "The ledger was changed: decision 2 was changed." in capsys.readouterr().err


def test_each_row_holds_the_digest_of_the_row_before(tmp_path: Path) -> None:
    warehouse = ledger_warehouse(tmp_path / "audit.duckdb", event(1), event(2))
    decide(warehouse, [Decision(exception_id(n), "seen") for n in (1, 2)], "dismiss", "Ann")
    decide(warehouse, [Decision(exception_id(1), "seen")], "reopen", "Ann")
    links = rows_of(warehouse, "SELECT previous_sha256, sha256 FROM decision ORDER BY decision_no")
    assert [before for before, _ in links] == ["", *(own for _, own in links[:-1])]


def _as_version_9_left_it(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DROP VIEW ledger")
    for column in ("amount", "decided_on", "previous_sha256", "sha256", *ABOUT):
        connection.execute(f"ALTER TABLE decision DROP COLUMN {column}")
    connection.execute("ALTER TABLE ledger_event DROP COLUMN paid_amount")
    connection.execute("DELETE FROM journal")
    seal(connection, "run", digests(connection, "main"))
    connection.execute("UPDATE meta SET schema_version = 9")


@pytest.mark.parametrize("tampered", [False, True])
def test_decisions_of_an_earlier_version_are_chained_and_what_was_changed_stays_visible(
    tampered: bool, tmp_path: Path
) -> None:
    warehouse = ledger_warehouse(tmp_path / "audit.duckdb", event(1), event(2))
    decide(warehouse, [Decision(exception_id(n), "seen") for n in (1, 2)], "dismiss", "Ann")
    columns = "file_no, payer, claim_id, claim_line_number, paid_amount"
    claim = f"INSERT INTO pharmacy_claim ({columns}) VALUES"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"{claim} (1, 'CIGNA', 'C1', 1, 70), (1, 'Cigna', 'C1', 1, -80)")
        _as_version_9_left_it(connection)
        if tampered:
            connection.execute("UPDATE decision SET decided_by = 'Eve' WHERE decision_no = 2")
    upgrade(warehouse)
    assert main(["verify", "--ledger", str(warehouse)]) == (3 if tampered else 0)
    links = rows_of(warehouse, "SELECT previous_sha256, sha256, decided_on FROM decision")
    assert links[1][0] == links[0][1] and None not in links[0]
    about = rows_of(warehouse, f"SELECT {', '.join(ABOUT)} FROM decision")
    assert about == [("recover", "quantity_over_limit", Decimal("40.00"))] * 2
    paid = "SELECT paid_amount FROM ledger_event ORDER BY exception_id"
    assert rows_of(warehouse, paid) == [(Decimal("80.00"),), (None,)]
