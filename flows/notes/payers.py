"""Payers that no policy names, and aliases of the config that no payer has."""

from collections.abc import Iterator

import duckdb
import polars as pl

from flows.intake.config import Config
from flows.settle.persons import PAYER
from schemas.folding import folded
from schemas.notes import CONFIG_ALIAS, OTHER_PAYERS, PAYER_WITHOUT_POLICY, Note, counted
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


def unmatched_aliases(connection: duckdb.DuckDBPyConnection, config: Config) -> list[Note]:
    """One note per alias of the config that is the payer of no row in any file."""
    names = connection.execute(f"SELECT name FROM {PAYER}").fetchall()
    known = {folded(name) for (name,) in names}
    return [
        Note(CONFIG_ALIAS, {PAYER_FIELD: alias.strip()})
        for alias in config.payer_aliases
        if folded(alias.strip()) not in known
    ]
