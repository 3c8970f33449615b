"""Money that came back for a claim came back for the claim that it was rebilled as."""

from typing import Any

import duckdb
import polars as pl

from audit_rules.engine.past_decisions import RECOVERED, PastDecisions
from flows.ledger.before import LAST_EVENT
from flows.ledger.changes import EVENT
from schemas.results import conform

_LINE = [name for name in RECOVERED if name != "recovered"]


def follow_rebilled(connection: duckdb.DuckDBPyConnection, decided: PastDecisions) -> PastDecisions:
    """What persons decided, each sum that came back under the exception that continues the one it
    was for.

    Reads EVENT and LAST_EVENT, so the changes of the night must be known.
    """
    recovered = decided.recovered
    if recovered.is_empty():
        return decided
    continued = [f"SELECT {', '.join(_LINE)}, continues FROM {t}" for t in (EVENT, LAST_EVENT)]
    rows = connection.sql(
        f"""FROM ({continued[0]} UNION {continued[1]}) WHERE continues IS NOT NULL
            ORDER BY continues, exception_id"""
    ).pl()
    successors: dict[str, dict[str, Any]] = {}
    for row in rows.iter_rows(named=True):
        successors.setdefault(row["continues"], {name: row[name] for name in _LINE})
    followed = [_last(row, successors) for row in recovered.iter_rows(named=True)]
    under_last = conform(pl.DataFrame(followed, schema=recovered.schema), RECOVERED)
    return decided._replace(recovered=under_last)


def _last(row: dict[str, Any], successors: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A sum under the last exception that continues its own; a circle ends where it began."""
    seen = set()
    while (now := row["exception_id"]) in successors and now not in seen:
        seen.add(now)
        row = row | successors[now]
    return row
