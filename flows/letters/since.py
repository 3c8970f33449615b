"""What has happened to the findings of a run since: no letter asks for what no longer holds."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from flows.ledger.read import opened_ledger
from flows.ledger.rebilled import CLAIM, rebilled_as
from flows.letters.run import LetterRun
from flows.warehouse.layout import BOOKKEEPING
from flows.warehouse.sql import fetched
from schemas.decisions import DISMISSED, RECOVERED, RESOLVED
from schemas.folding import folded_names
from schemas.results import EXCEPTION, conform
from schemas.tables import CLAIM_TABLES

_STANDING = f"""
    SELECT exception_id, outcome, amount_at_risk FROM main.ledger
    WHERE status NOT IN ('{DISMISSED}', '{RESOLVED}')"""
_PAID_SINCE = f"""
    SELECT DISTINCT l.claim_source, l.payer, l.claim_id
    FROM main.ledger l JOIN main.decision d USING (exception_id)
    WHERE d.action = '{RECOVERED}'
      AND (d.after_night >= $as_of OR d.decided_at > (
          SELECT min(recorded_at) FROM main.run_record WHERE run_id = $run_id))"""
_LATER = "SELECT file_no FROM main.file WHERE sha256 NOT IN (SELECT unnest($known::VARCHAR[]))"
_ROWS = f"""
    SELECT * EXCLUDE ({", ".join(BOOKKEEPING)}) FROM main.{{table}}
    WHERE file_no {{which}} IN ({_LATER})
      AND (lower(payer), claim_id) IN (SELECT (lower(payer), claim_id) FROM claim)"""


class Since(NamedTuple):
    """What has happened since a run.

    gone          ids of its exceptions that are no longer as the run published them: a person set
                  them aside, money came back for their claim or for one that it was rebilled as,
                  other rows of their claim were loaded, or a later night found them with another
                  outcome or amount, or not at all.
    later_night   the last night of the warehouse, if it is after the run.
    """

    gone: frozenset[str]
    later_night: date | None


def read_since(run: LetterRun, warehouse: Path) -> Since:
    """Read what has happened to a run's findings since. Raises WarehouseBusy."""
    with opened_ledger(warehouse) as connection:
        ((last,),) = connection.execute("SELECT max(as_of) FROM main.night").fetchall()
        claims = run.exceptions.select(*CLAIM).unique()
        moved = pl.concat([_paid_since(connection, run), _loaded_since(connection, run, claims)])
        found = fetched(connection, _STANDING)
    same = ("exception_id", "outcome", "amount_at_risk")
    standing = conform(found, {name: EXCEPTION[name] for name in same})
    changed = run.exceptions.select(same).join(standing, on=same, how="anti", nulls_equal=True)
    of_changed_claims = _folded(run.exceptions).join(_folded(moved), on=CLAIM, how="semi")
    gone = {*changed["exception_id"], *of_changed_claims["exception_id"]}
    return Since(frozenset(gone), last if last and last > run.as_of else None)


def _paid_since(connection: duckdb.DuckDBPyConnection, run: LetterRun) -> pl.DataFrame:
    """Claims for which money came back since, with all that they were rebilled as: CLAIM."""
    paid = connection.sql(_PAID_SINCE, params={"as_of": run.as_of, "run_id": run.run_id}).pl()
    return rebilled_as(connection, paid).select(CLAIM)


def _loaded_since(
    connection: duckdb.DuckDBPyConnection, run: LetterRun, claims: pl.DataFrame
) -> pl.DataFrame:
    """Those of the claims about which a file that the run did not have says otherwise: CLAIM."""
    known = [file["sha256"] for file in run.manifest["files"]]
    found = [pl.DataFrame(schema=dict.fromkeys(CLAIM, pl.String))]
    for table in CLAIM_TABLES:
        source = table.removesuffix("_claim")
        connection.register("claim", claims.filter(claim_source=source))
        later, before = (_ROWS.format(table=table, which=which) for which in ("", "NOT"))
        rows = connection.sql(f"{later} EXCEPT {before}", params={"known": known}).pl()
        connection.unregister("claim")
        found.append(rows.select(pl.lit(source).alias("claim_source"), "payer", "claim_id"))
    return pl.concat(found).unique()


def _folded(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with the names of payers as names are compared."""
    return rows.with_columns(folded_names(pl.col("payer")))
