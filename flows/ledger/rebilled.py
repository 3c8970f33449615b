"""Money that came back for a claim counts for the claims that it was rebilled as."""

from collections import defaultdict
from decimal import Decimal
from itertools import groupby

import duckdb
import polars as pl

from audit_rules.engine.past_decisions import RECOVERED, PastDecisions
from flows.settle.claims import SETTLED
from flows.settle.payers import PAYER_JOIN
from flows.warehouse.sql import fetched_from
from schemas.collecting import is_asked
from schemas.outcomes import strength
from schemas.results import AGAINST, CLAIM_LINE
from schemas.tables import CLAIM_TABLES

CLAIM = ("claim_source", "payer_id", "claim_id")
"""The columns that name a claim."""
_PAYER_OF = " UNION ".join(
    f"SELECT DISTINCT t.payer, p.payer_id FROM every_{table} t {PAYER_JOIN}"
    for table in CLAIM_TABLES
)
_AT_RISK = pl.col("amount_at_risk").fill_null(0)
_LINE = [name for name in RECOVERED if name not in ("exception_id", "rule_id", "recovered")]


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


def follow_rebilled(
    connection: duckdb.DuckDBPyConnection,
    decided: PastDecisions,
    exceptions: pl.DataFrame,
    evidence: pl.LazyFrame,
) -> PastDecisions:
    """What persons decided, with each sum that came back on the lines for which it counts now.

    The sum of an exception that this run found stays where it was. Any other is spread over the
    lines that ledger/heirs.sql gives: those that its rule accuses now first, before all the line
    as it was rebilled; then the line itself, then those of its number, then those of which most is
    asked.

    exceptions   those of this run, with LEDGER and COLLECTABILITY.
    evidence     the same with `evidence`, which is read only if it is needed.
    """
    recovered = decided.recovered
    if recovered.is_empty():
        return decided
    payer_of = connection.sql(_PAYER_OF).pl()
    lost = with_payer_id(recovered.join(exceptions, on="exception_id", how="anti"), payer_of)
    if lost.is_empty():
        return decided
    family = rebilled_as(connection, lost, payer_of)
    of_rules = evidence.join(lost.lazy(), on="rule_id", how="semi").collect()
    accused = accused_instead(lost, of_rules, family, payer_of)
    claims = pl.concat([family, accused.select(CLAIM)])
    tables = {"back": lost, "accused": accused, "family": claims}
    for name, rows in tables.items():
        connection.register(name, rows)
    heirs = fetched_from(connection, "ledger/heirs", reads=SETTLED.values())
    for name in tables:
        connection.unregister(name)
    stays = recovered.join(heirs, on="exception_id", how="anti")
    return decided._replace(recovered=pl.concat([stays, _spread(heirs, exceptions, stays)]))


def accused_instead(
    lost: pl.DataFrame, exceptions: pl.DataFrame, family: pl.DataFrame, payer_of: pl.DataFrame
) -> pl.DataFrame:
    """Lines that rules of `lost` accuse because of lines of `family`: of two duplicates, the other
    one may be the repeat by now.

    One row per rule and pair of lines: rule_id, payer, payer_id, claim_source, claim_id and
    claim_line_number of the line; because_of and because_of_line, the claim and line of the
    evidence against it.

    family     as rebilled_as gives it.
    payer_of   as with_payer_id has it.
    """
    of_rules = exceptions.filter(is_asked()).join(lost, on="rule_id", how="semi")
    pieces = of_rules.select("rule_id", "payer", *CLAIM_LINE, piece="evidence").explode("piece")
    piece = pl.col("piece").struct
    against = pieces.filter(
        piece.field("side") == AGAINST, piece.field("claim_source") == pl.col("claim_source")
    )
    pairs = against.select(
        "rule_id",
        "payer",
        *CLAIM_LINE,
        because_of=piece.field("claim_id"),
        because_of_line=piece.field("claim_line_number"),
    ).unique()
    return with_payer_id(pairs, payer_of).join(
        family, left_on=("claim_source", "payer_id", "because_of"), right_on=CLAIM, how="semi"
    )


def _spread(heirs: pl.DataFrame, exceptions: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """Each sum over its lines in their order: RECOVERED, one row per sum and line that has a part.

    A line that a sum came back for has room for what was paid, any other for what is asked of it;
    less what stays on it. What is left when no line has room counts for the first.

    heirs   the rows of ledger/heirs.sql.
    stays   sums that count where they were.
    """
    asked = exceptions.filter(is_asked()).group_by(_LINE)
    of_line = asked.agg(pl.col("amount_at_risk").max(), strongest=strength().min())
    taken = stays.group_by(_LINE).agg(taken=pl.col("recovered").sum())
    known = heirs.join(of_line, on=_LINE, how="left").join(taken, on=_LINE, how="left")
    most = pl.when("is_own").then("paid").otherwise(pl.min_horizontal("paid", _AT_RISK))
    in_order = known.with_columns(room=most - pl.col("taken").fill_null(0)).sort(
        ((pl.col("room") > 0) & (_AT_RISK > 0)).sum().over("exception_id"),  # least choice first
        "exception_id",
        ~pl.col("is_accused"),
        ~pl.col("is_family"),
        ~pl.col("is_own"),
        ~pl.col("has_number"),
        "strongest",
        -_AT_RISK,
        *_LINE,
        nulls_last=True,
    )
    used: defaultdict[tuple[object, ...], Decimal] = defaultdict(Decimal)
    rows: list[dict[str, object]] = []
    for exception_id, group in groupby(in_order.to_dicts(), lambda row: row["exception_id"]):
        lines = list(group)
        left: Decimal = lines[0]["recovered"]
        parts: dict[int, Decimal] = defaultdict(Decimal)
        for place, line in enumerate(lines):
            key = tuple(line[name] for name in _LINE)
            part = max(min(left, line["room"] - used[key]), Decimal(0))
            used[key] += part
            left -= part
            parts[place] += part
        parts[0] += left
        rows += [
            {name: lines[place][name] for name in _LINE}
            | {"exception_id": exception_id, "rule_id": lines[place]["rule_id"], "recovered": part}
            for place, part in parts.items()
            if part
        ]
    return pl.DataFrame(rows, schema=RECOVERED)
