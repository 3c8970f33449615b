"""What has happened to the findings of a run since: no letter asks for what no longer holds."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.law.places import Places
from flows.ledger.money_back import IS_TAKEN_BACK
from flows.ledger.read import opened_ledger
from flows.ledger.rebilled import CLAIM, accused_instead, rebilled_as, with_payer_id
from flows.letters.run import LetterRun
from flows.warehouse.columns import BOOKKEEPING
from flows.warehouse.sql import fetched
from schemas.decisions import DISMISSED, RECOVERED, RESOLVED
from schemas.results import AGAINST, EXCEPTION, conform
from schemas.tables import CLAIM_TABLES

_STANDING = f"""
    SELECT exception_id, outcome, reason, amount_at_risk FROM main.ledger
    WHERE status NOT IN ('{DISMISSED}', '{RESOLVED}')"""
_NAMES = " UNION ".join(f"SELECT DISTINCT payer FROM main.{table}" for table in CLAIM_TABLES)
_PAID_SINCE = f"""
    SELECT exception_id, l.rule_id, l.claim_source, l.payer, l.claim_id, sum(d.amount) AS came
    FROM main.ledger l
    JOIN (SELECT *, {IS_TAKEN_BACK} AS is_back FROM main.decision) d USING (exception_id)
    WHERE d.action = '{RECOVERED}' AND NOT d.is_back
      AND (d.after_night >= $as_of OR d.decided_at > (
          SELECT min(recorded_at) FROM main.run_record WHERE run_id = $run_id))
    GROUP BY ALL"""
_LATER = "SELECT file_no FROM main.file WHERE sha256 NOT IN (SELECT unnest($known::VARCHAR[]))"
_ROWS = f"""
    SELECT t.* EXCLUDE ({", ".join(BOOKKEEPING)})
    FROM main.{{table}} t JOIN payer_of p USING (payer)
    WHERE t.file_no {{which}} IN ({_LATER})
      AND (p.payer_id, t.claim_id) IN (SELECT (payer_id, claim_id) FROM claim)"""


class Since(NamedTuple):
    """What has happened since a run.

    gone          ids of its exceptions that are no longer as the run published them: a person set
                  them aside, money came back for their claim or for one that it was rebilled as,
                  or more than the run asks for a line of which they are the repeat now, other rows
                  of their claim were loaded, or a later night found them with another outcome or
                  amount, or not at all.
    later_night   the last night of the warehouse, if it is after the run.
    """

    gone: frozenset[str]
    later_night: date | None


def read_since(run: LetterRun, warehouse: Path, places: Places) -> Since:
    """Read what has happened to a run's findings since. Raises WarehouseBusy."""
    with opened_ledger(warehouse) as connection:
        ((last,),) = connection.execute("SELECT max(as_of) FROM main.night").fetchall()
        payer_of = _payer_of(connection, places)
        exceptions = with_payer_id(run.exceptions, payer_of)
        paid = connection.sql(_PAID_SINCE, params={"as_of": run.as_of, "run_id": run.run_id}).pl()
        families = rebilled_as(connection, with_payer_id(paid, payer_of), payer_of)
        accused = []
        for over in _over(paid, run).partition_by("rule_id"):
            family = rebilled_as(connection, with_payer_id(over, payer_of), payer_of)
            accused.append(accused_instead(over, run.exceptions, family, payer_of).select(CLAIM))
        loaded = _loaded_since(connection, run, exceptions.select(CLAIM).unique(), payer_of)
        found = fetched(connection, _STANDING)
    same = ("exception_id", "outcome", "reason", "amount_at_risk")
    standing = conform(found, {name: EXCEPTION[name] for name in same})
    changed = run.exceptions.select(same).join(standing, on=same, how="anti", nulls_equal=True)
    moved = pl.concat([families, *accused, loaded])
    of_changed_claims = exceptions.join(moved, on=CLAIM, how="semi")
    gone = {*changed["exception_id"], *of_changed_claims["exception_id"]}
    return Since(frozenset(gone), last if last and last > run.as_of else None)


def _over(paid: pl.DataFrame, run: LetterRun) -> pl.DataFrame:
    """Claims of those of `paid` that the run does not have, or for which more came since than it
    still asks, and claims that these repeat: another line may have to count it."""
    back = run.worklist.select("recovered_amount", exception_id="exception_ids")
    asked = run.exceptions.join(back.explode("exception_id"), on="exception_id")
    asks = asked.select("exception_id", asks=pl.col("amount_at_risk") - pl.col("recovered_amount"))
    known = paid.join(asks, on="exception_id", how="left")
    over = known.filter(pl.col("came") > pl.col("asks").fill_null(0))
    found = run.exceptions.join(over, on="exception_id", how="semi")
    pieces = found.select("rule_id", "payer", piece="evidence").explode("piece")
    piece = pl.col("piece").struct
    repeated = pieces.filter(piece.field("side") == AGAINST).select(
        "rule_id", piece.field("claim_source"), "payer", piece.field("claim_id")
    )
    return pl.concat([over.select(repeated.columns), repeated])


def _payer_of(connection: duckdb.DuckDBPyConnection, places: Places) -> pl.DataFrame:
    """The id of each payer that a claim names: payer, payer_id."""
    names = [name for (name,) in connection.execute(_NAMES).fetchall() if name is not None]
    ids = [places.payer_id(name) for name in names]
    return pl.DataFrame(
        {"payer": names, "payer_id": ids}, schema=dict.fromkeys(("payer", "payer_id"), pl.String)
    )


def _loaded_since(
    connection: duckdb.DuckDBPyConnection,
    run: LetterRun,
    claims: pl.DataFrame,
    payer_of: pl.DataFrame,
) -> pl.DataFrame:
    """Those of the claims about which a file that the run did not have says otherwise: CLAIM."""
    known = [file["sha256"] for file in run.manifest["files"]]
    found = [claims.clear()]
    connection.register("payer_of", payer_of)
    for table in CLAIM_TABLES:
        source = table.removesuffix("_claim")
        connection.register("claim", claims.filter(claim_source=source))
        later, before = (_ROWS.format(table=table, which=which) for which in ("", "NOT"))
        rows = connection.sql(f"{later} EXCEPT {before}", params={"known": known}).pl()
        connection.unregister("claim")
        named = rows.select(pl.lit(source).alias("claim_source"), "payer", "claim_id")
        found.append(with_payer_id(named, payer_of).select(CLAIM))
    connection.unregister("payer_of")
    return pl.concat(found).unique()
