"""How often findings hold: counted from what persons decided about them.

A finding is reviewed if its last verdict is confirm, upheld or overturned; money that came back
without another verdict confirms it. What is dismissed is counted apart: it may be right and not
worth the work.
"""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from audit_rules.engine.past_decisions import RECOVERED, PastDecisions, Precision, ReviewCounts
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.house import OverturnLimit
from flows.ledger.read import opened_ledger
from flows.warehouse.sql import day, fetched_from
from schemas.days import LAST_DAY
from schemas.decisions import CONFIRM, DISMISS, OVERTURNED, UPHELD
from schemas.notes import TERM_DEMOTED, Note, counted
from schemas.outcomes import GENERAL
from schemas.results import LINE_KEY, conform

REVIEWED = (CONFIRM, UPHELD, OVERTURNED)
TERM = ("policy_id", "term_id")
_LINE = tuple(name for name in LINE_KEY if name != "person_id")


class Demotion(NamedTuple):
    """A term whose findings were overturned too often: how many of those reviewed."""

    policy_id: str
    term_id: str
    reviewed: int
    overturned: int


def read_verdicts(
    connection: duckdb.DuckDBPyConnection, night: date, decided_only: bool = False
) -> pl.DataFrame:
    """What persons found of each exception before a night: one row per exception."""
    wanted = "exception_id IN (SELECT exception_id FROM decided)" if decided_only else "true"
    return fetched_from(connection, "ledger/verdicts", night=day(night), wanted=wanted)


def read_all_verdicts(warehouse: Path) -> pl.DataFrame:
    """What persons have found of each exception in a warehouse, up to now.

    Raises UsageError if there is no such warehouse, and WarehouseBusy.
    """
    with opened_ledger(warehouse) as connection:
        return read_verdicts(connection, LAST_DAY)


def precision(verdicts: pl.DataFrame, by: Iterable[str], confidence: float) -> pl.DataFrame:
    """One row per value of the columns `by` with a decision: how many findings held.

    It has the counts found, confirm, upheld, overturned, dismiss and reviewed; overturn_rate with
    its interval from `low` to `high` (null if nothing was reviewed); and dollars: identified
    (of a line the largest amount) and recovered.
    """
    by = list(by)
    verdict = pl.col("verdict")
    counts = {name: (verdict == name).sum().cast(pl.Int64) for name in (*REVIEWED, DISMISS)}
    tallied = verdicts.group_by(by).agg(
        found=pl.len().cast(pl.Int64), **counts, recovered=pl.col("recovered").sum()
    )
    largest = verdicts.group_by(*by, *(c for c in _LINE if c not in by)).agg(
        pl.col("amount_at_risk").max()
    )
    identified = largest.group_by(by).agg(identified=pl.col("amount_at_risk").sum())
    decided = tallied.with_columns(reviewed=pl.sum_horizontal(REVIEWED)).filter(
        (pl.col("reviewed") > 0) | (pl.col(DISMISS) > 0) | (pl.col("recovered") > 0)
    )
    bounds = [
        _interval(k, n, confidence) for k, n in decided.select(OVERTURNED, "reviewed").iter_rows()
    ]
    intervals = pl.DataFrame(
        bounds, schema=dict.fromkeys(("low", "high"), pl.Float64), orient="row"
    )
    rate = pl.when(pl.col("reviewed") > 0).then(pl.col(OVERTURNED) / pl.col("reviewed"))
    return (
        decided.with_columns(overturn_rate=rate)
        .hstack(intervals)
        .join(identified, on=by, how="left", nulls_equal=True)
        .sort(by, nulls_last=True)
    )


def _interval(overturned: int, reviewed: int, confidence: float) -> tuple[float | None, ...]:
    """The interval of a share after Clopper and Pearson.

    It is never narrower than it says. So one finding that was overturned demotes nothing.
    """
    if not reviewed:
        return None, None
    from scipy.stats import binomtest  # takes a second to load, and most runs do not need it

    found = binomtest(overturned, reviewed).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def overturn_limit(library: PolicyLibrary, night: date) -> OverturnLimit | None:
    """The house's own term of how often findings may be overturned, as in force on a night."""
    for policy, term in library.of_kind(OverturnLimit):
        ends = term.effective_to or LAST_DAY
        if policy.document.id == GENERAL and term.effective_from <= night < ends:
            assert isinstance(term, OverturnLimit)
            return term
    return None


def rule_precision(verdicts: pl.DataFrame) -> Precision:
    """How many reviewed findings of each rule held; rules without any are left out."""
    reviewed = verdicts.filter(pl.col("verdict").is_in(REVIEWED)).group_by("rule_id")
    counted = reviewed.agg((pl.col("verdict") != OVERTURNED).sum(), reviewed=pl.len())
    return {rule: ReviewCounts(held, of) for rule, held, of in sorted(counted.iter_rows())}


def read_decided(connection: duckdb.DuckDBPyConnection, night: date) -> PastDecisions:
    """How often findings of each rule held, and what came back, by the decisions before a night."""
    verdicts = read_verdicts(connection, night, decided_only=True)
    recovered = verdicts.filter(pl.col("recovered") > 0)
    return PastDecisions(rule_precision(verdicts), conform(recovered, RECOVERED))


def demotions(verdicts: pl.DataFrame, limit: OverturnLimit | None) -> tuple[Demotion, ...]:
    """The terms whose findings were overturned too often, in order. House terms are never capped,
    so none of them is demoted."""
    overturned = verdicts.filter(
        pl.col("term_id").is_not_null(),
        pl.col("policy_id") != GENERAL,
        (pl.col("verdict") == OVERTURNED).any().over("term_id"),
    )
    if limit is None or overturned.is_empty():
        return ()
    found = precision(overturned, TERM, float(limit.confidence)).filter(
        pl.col("overturn_rate") > float(limit.most_overturned),
        pl.col("low") > float(limit.least_certain),
    )
    return tuple(
        Demotion(*row) for row in found.select(*TERM, "reviewed", OVERTURNED).sort(TERM).iter_rows()
    )


def read_demotions(
    connection: duckdb.DuckDBPyConnection, library: PolicyLibrary, night: date
) -> tuple[Demotion, ...]:
    """The terms that decisions before a night demote. Nothing that was decided later counts."""
    verdicts = read_verdicts(connection, night, decided_only=True)
    return demotions(verdicts, overturn_limit(library, night))


def demotion_notes(demoted: Iterable[Demotion]) -> list[Note]:
    """What a run says of the terms that are demoted."""
    return [
        Note(
            TERM_DEMOTED,
            {
                "term": one.term_id,
                "overturned": f"{one.overturned:,}",
                "findings": counted(one.reviewed, "reviewed finding"),
            },
        )
        for one in demoted
    ]
