"""Money that came back for a claim counts for the claims that it was rebilled as."""

from collections import defaultdict
from decimal import Decimal
from itertools import groupby

import duckdb
import polars as pl

from audit_rules.engine.past_decisions import RECOVERED, PastDecisions
from flows.ledger.changes import CURRENT_EXCEPTION
from flows.settle.claims import SETTLED
from flows.settle.persons import PAYER_JOIN
from flows.warehouse.sql import fetched_from
from schemas.tables import CLAIM_TABLES

CLAIM = ("claim_source", "payer_id", "claim_id")
"""The columns that name a claim."""
_PAYER_OF = " UNION ".join(
    f"SELECT DISTINCT t.payer, p.payer_id FROM every_{table} t {PAYER_JOIN}"
    for table in CLAIM_TABLES
)
_LINE = [name for name in RECOVERED if name not in ("exception_id", "recovered")]


def with_payer_id(rows: pl.DataFrame, payer_of: pl.DataFrame) -> pl.DataFrame:
    """Rows with the payer_id of their `payer`.

    payer_of   one row per payer of any claim, as it is written there: payer, payer_id.
    """
    return rows.join(payer_of, on="payer", how="inner", validate="m:1")


def rebilled_as(
    connection: duckdb.DuckDBPyConnection, claims: pl.DataFrame, payer_of: pl.DataFrame
) -> pl.DataFrame:
    """Some claims with all that they were rebilled as: the rows of ledger/families.sql.

    claims     the columns CLAIM of those to look for.
    payer_of   as with_payer_id has it.
    """
    connection.register("seed", claims.select(CLAIM))
    connection.register("payer_of", payer_of)
    found = fetched_from(connection, "ledger/families")
    connection.unregister("payer_of")
    connection.unregister("seed")
    return found


def follow_rebilled(connection: duckdb.DuckDBPyConnection, decided: PastDecisions) -> PastDecisions:
    """What persons decided, with each sum that came back on the lines for which it counts now.

    The sum of an exception that this run found stays where it was. Any other is spread over the
    lines that ledger/heirs.sql gives, the line itself first.
    """
    recovered = decided.recovered
    if recovered.is_empty():
        return decided
    current = connection.sql(f"SELECT exception_id FROM {CURRENT_EXCEPTION}").pl()
    payer_of = connection.sql(_PAYER_OF).pl()
    lost = with_payer_id(recovered.join(current, on="exception_id", how="anti"), payer_of)
    if lost.is_empty():
        return decided
    connection.register("back", lost)
    connection.register("family", rebilled_as(connection, lost, payer_of))
    heirs = fetched_from(
        connection, "ledger/heirs", reads=(*SETTLED.values(), CURRENT_EXCEPTION)
    ).sort("exception_id", "place")
    connection.unregister("family")
    connection.unregister("back")
    others = recovered.join(heirs, on="exception_id", how="anti")
    return decided._replace(recovered=pl.concat([others, _spread(heirs)]))


def _spread(heirs: pl.DataFrame) -> pl.DataFrame:
    """Each sum over its lines in their order: RECOVERED, one row per sum and line that has a part.

    heirs   the rows of ledger/heirs.sql, by exception_id and place.

    What is left when no line has room counts for the first.
    """
    room: dict[tuple[object, ...], Decimal] = {}
    rows: list[dict[str, object]] = []
    for exception_id, group in groupby(heirs.to_dicts(), lambda row: row["exception_id"]):
        lines = list(group)
        left: Decimal = lines[0]["recovered"]
        parts: dict[int, Decimal] = defaultdict(Decimal)
        for place, line in enumerate(lines):
            key = tuple(line[name] for name in _LINE)
            part = min(left, room.setdefault(key, line["room"]))
            room[key] -= part
            left -= part
            parts[place] += part
        parts[0] += left
        rows += [
            {name: lines[place][name] for name in _LINE}
            | {"exception_id": exception_id, "recovered": part}
            for place, part in parts.items()
            if part
        ]
    return pl.DataFrame(rows, schema=RECOVERED)
