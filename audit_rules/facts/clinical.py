"""Clinical facts on file for a line: those dated up to its service date, and the latest of them."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around, counting_none
from audit_rules.engine.rule import ON

_DAY = pl.col("day")


def facts_on_file(
    dossier: Dossier,
    lines: pl.LazyFrame,
    code: str,
    since: pl.Expr | None = None,
    fits: pl.Expr | None = None,
    largest: bool = False,
    until: pl.Expr = _DAY,
) -> pl.LazyFrame:
    """The person's facts of that code dated up to the service date, from `since` on if given.

    until     the last date that counts, if it is not the service date, which is in `day`.
    fits      a condition over the line and the fact's evidence_value.
    largest   of several on one date only the one with the largest number.

    One row per line, policy and fact, with the line's columns.
    """
    facts = dossier.evidence.filter(pl.col("evidence_code") == code)
    if largest:
        number = pl.col("evidence_value").cast(pl.Float64)
        facts = facts.sort(number, "evidence_value", descending=[True, False]).unique(
            ["person", "evidence_date"], keep="first", maintain_order=True
        )
    values = ("evidence_value",)
    classes = values if fits is not None else ()
    return around(
        dossier,
        lines.with_columns(day="service_date"),
        Facts(facts, ("person",), "evidence_date", None, values, classes, fits),
        Window(closes=until) if since is None else Window(since, until),
    )


def latest(facts: pl.LazyFrame, kindness: pl.Expr) -> pl.LazyFrame:
    """The latest fact per line and policy; of several on one date, the kindest to the provider."""
    order = [*ON, "evidence_date", "kindness", "evidence_value"]
    return (
        facts.with_columns(kindness=kindness)
        .sort(order, descending=[False, False, True, True, False])
        .unique(list(ON), keep="first", maintain_order=True)
        .pipe(counting_none)
    )
