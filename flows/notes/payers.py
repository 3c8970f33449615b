"""Payers that no policy names, and aliases of the config that no payer has."""

from collections.abc import Iterator

import duckdb
import polars as pl

from audit_rules.law.places import Places
from flows.intake.config import Config
from flows.plan import Plan
from flows.settle.payers import PAYER
from schemas.folding import folded
from schemas.notes import (
    CONFIG_ALIAS,
    CONFIG_PAYER,
    OTHER_PAYERS,
    PAYER_WITHOUT_POLICY,
    PAYERS_WITHOUT_PLACE,
    Note,
    counted,
)
from schemas.notes import PAYER as PAYER_FIELD

_MOST_PAYERS = 10


def payers_without_policy(audited: pl.DataFrame, named: set[str]) -> Iterator[Note]:
    """Notes on payers of audited drugs that no policy names; those with most lines by name.

    audited   one row per payer_id and spelling of the payer: lines.
    named     ids of the payers that a policy names.
    """
    payers = (
        audited.filter(~pl.col("payer_id").is_in(list(named)))
        .sort("lines", "payer", descending=[True, False])
        .group_by("payer_id", maintain_order=True)
        .agg(pl.col("payer").first(), pl.col("lines").sum())
        .sort("lines", "payer_id", descending=[True, False])
    )
    for payer, lines in payers.head(_MOST_PAYERS).select("payer", "lines").iter_rows():
        yield Note(PAYER_WITHOUT_POLICY, {PAYER_FIELD: payer, "lines": counted(lines, "line")})
    others = payers.slice(_MOST_PAYERS)
    if others.height:
        yield Note(
            OTHER_PAYERS,
            {
                "payers": counted(others.height, "more payer"),
                "lines": counted(int(others["lines"].sum()), "line"),
            },
        )


def payers_without_place(exceptions: pl.DataFrame, places: Places) -> Iterator[Note]:
    """A note if the config leaves out which law binds some payer with exceptions.

    exceptions   at least payer and plan.
    """
    counts = exceptions.group_by("payer", "plan").len("lines").iter_rows()
    open_ = [(places.payer_id(p), n) for p, plan, n in counts if not places.of(p, plan).is_known]
    if open_:
        payers = counted(len({payer for payer, _ in open_}), "payer")
        number = counted(sum(n for _, n in open_), "exception")
        yield Note(PAYERS_WITHOUT_PLACE, {"payers": payers, "exceptions": number})


def unmatched_places(connection: duckdb.DuckDBPyConnection, plan: Plan) -> list[Note]:
    """One note per payer whose place the config gives, but that is the payer of no row."""
    rows = connection.execute(f"SELECT name FROM {PAYER}").fetchall()
    known = {plan.places.payer_id(name) for (name,) in rows}
    return [
        Note(CONFIG_PAYER, {PAYER_FIELD: name.strip()})
        for name in plan.config.payers
        if plan.places.payer_id(name) not in known
    ]


def unmatched_aliases(connection: duckdb.DuckDBPyConnection, config: Config) -> list[Note]:
    """One note per alias of the config that is the payer of no row in any file."""
    names = connection.execute(f"SELECT name FROM {PAYER}").fetchall()
    known = {folded(name) for (name,) in names}
    return [
        Note(CONFIG_ALIAS, {PAYER_FIELD: alias.strip()})
        for alias in config.payer_aliases
        if folded(alias.strip()) not in known
    ]
