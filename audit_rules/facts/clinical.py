"""Clinical facts on file for a line: those dated up to its service date, and the latest of them."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON


def facts_on_file(
    dossier: Dossier, lines: pl.LazyFrame, code: str, since: pl.Expr | None = None
) -> pl.LazyFrame:
    """The person's facts of that code dated up to the service date, from `since` on if given.

    One row per line, policy and fact, with the line's columns.
    """
    found = lines.join(dossier.evidence, on="person").filter(
        pl.col("evidence_code") == code, pl.col("evidence_date") <= pl.col("service_date")
    )
    return found if since is None else found.filter(pl.col("evidence_date") >= since)


def latest(facts: pl.LazyFrame, kindness: pl.Expr) -> pl.LazyFrame:
    """The latest fact per line and policy; of several on one date, the kindest to the provider."""
    order = [*ON, "evidence_date", "kindness", "evidence_value"]
    return (
        facts.with_columns(kindness=kindness)
        .sort(order, descending=[False, False, True, True, False])
        .unique(list(ON), keep="first", maintain_order=True)
    )
