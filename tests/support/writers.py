"""What commands besides a run write into a warehouse, as functions that a child process can do."""

from datetime import date, datetime
from pathlib import Path

import duckdb

from flows.ledger import decisions
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.warehouse.forget import forget_night
from flows.warehouse.lock import hold
from flows.warehouse.purge import purge
from flows.warehouse.upgrade import upgrade
from schemas.decisions import DISMISS, REOPEN
from tests.support.running import AS_OF

FIRST_NIGHT = date(2026, 6, 1)


def warehouse_of(base: Path) -> Path:
    """The warehouse in a base folder."""
    return base / "out" / "audit.duckdb"


def known_exceptions(base: Path) -> list[Decision]:
    """A decision on each exception of the ledger."""
    with duckdb.connect(str(warehouse_of(base)), read_only=True) as connection:
        rows = connection.execute("SELECT exception_id FROM ledger ORDER BY 1").fetchall()
    return [Decision(exception_id, "seen") for (exception_id,) in rows]


def _decide(base: Path, action: str) -> None:
    decisions.now = lambda: datetime(2026, 7, 1)  # type: ignore[attr-defined]
    decide(warehouse_of(base), known_exceptions(base), action, "a reviewer")


def dismiss(base: Path) -> None:
    """Dismiss every exception."""
    _decide(base, DISMISS)


def reopen(base: Path) -> None:
    """Reopen every exception, of which some are dismissed."""
    _decide(base, REOPEN)


def forget(base: Path) -> None:
    """Forget the last night."""
    forget_night(warehouse_of(base), AS_OF, dry_run=False)


def purge_some(base: Path) -> None:
    """Purge the members of long ago."""
    purge(warehouse_of(base), FIRST_NIGHT)


def upgrade_old(base: Path) -> None:
    """Bring a warehouse of an earlier version up to date, as every command does."""
    with hold(warehouse_of(base)):
        upgrade(warehouse_of(base))


WRITERS = (dismiss, reopen, forget, purge_some, upgrade_old)
