"""Check the chain of decisions in a warehouse."""

import duckdb

from flows.verify.checks import Checks
from flows.warehouse.decision_chain import first_broken
from flows.warehouse.journal import DECISION, GONE, digests, last_digests
from schemas.notes import counted


def check_decisions(checks: Checks, connection: duckdb.DuckDBPyConnection) -> None:
    """Check that no decision was changed, dropped, inserted or moved, and name the first that was.

    The journal seals each decision, so it says where the chain ends.
    """
    schema = "kept.main"
    stated = {
        int(number): sha256
        for (kind, _, number), sha256 in (
            (name.partition(" "), sha256)
            for name, sha256 in last_digests(connection, schema).items()
        )
        if kind == DECISION and sha256 != GONE and number.isdecimal()
    }
    found = digests(connection, schema, kinds=[DECISION])
    sealed = {n: found.get(f"{DECISION} {n}", sha256) == sha256 for n, sha256 in stated.items()}
    broken = first_broken(connection, schema, sealed)
    checks.expect(
        broken is None,
        f"The ledger is one chain of {counted(len(sealed), 'decision')}, each as the journal says.",
        f"The ledger was changed: decision {broken.row:,} {broken.problem}." if broken else "",
    )
