"""Clinical facts in a window: the latest value, or any, compared with what is asked."""

from typing import NamedTuple

import polars as pl

from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.kinds.ground import Ground
from audit_rules.policy.language.conditions import Thing
from audit_rules.policy.language.spans import Span

_EVIDENCE_KIND = "evidence"


class FactAnswer(NamedTuple):
    """Whether the fact fits, and the values that were looked at.

    is_found   per row of `asked`.
    evidence   ask_no and the fields of evidence: the values of the dates that count.
    """

    is_found: pl.Series
    evidence: pl.DataFrame


def facts_in_window(
    ground: Ground, code: str, asked: pl.DataFrame, which: str = "latest"
) -> pl.DataFrame:
    """The values of a code in each row's window: ask_no, evidence_date, evidence_value; of the
    latest date alone, or of any."""
    facts = ground.dossier.evidence.filter(pl.col("evidence_code") == code).select(
        "person", "evidence_date", "evidence_value"
    )
    found = around(
        ground.dossier,
        asked.select("ask_no", "person", "day", "opens", "closes").lazy(),
        Facts(facts.unique(), ("person",), "evidence_date", None, ("evidence_value",)),
        Window(pl.col("opens"), pl.col("closes")),
    ).collect()
    if which == "latest":
        found = found.filter(
            pl.col("evidence_date") == pl.col("evidence_date").max().over("ask_no")
        )
    return found.select("ask_no", "evidence_date", "evidence_value").sort(
        "ask_no", "evidence_date", "evidence_value"
    )


def fact_evidence(values: pl.DataFrame, code: str) -> pl.DataFrame:
    """Values of a code, as `facts_in_window` gives them, as evidence: ask_no and its fields."""
    text = pl.lit(None, dtype=pl.String)
    return values.select(
        "ask_no",
        kind=pl.lit(_EVIDENCE_KIND),
        claim_source=text,
        claim_id=text,
        claim_line_number=pl.lit(None, dtype=pl.Int64),
        id=text,
        code=pl.lit(code),
        value="evidence_value",
        date="evidence_date",
    )


def fact_found(ground: Ground, thing: Thing, asked: pl.DataFrame, strict: bool) -> FactAnswer:
    """Whether the latest value, or any, is one that the thing names.

    strict   of several values on one date all must fit, else one is enough.
    """
    found = facts_in_window(ground, thing.names[0], asked, thing.which)
    judged = found.with_columns(fits=_fits(thing))
    fits = pl.col("fits").all() if strict else pl.col("fits").any()
    dates = judged.group_by("ask_no", "evidence_date").agg(fits=fits)
    fitting = dates.filter("fits")["ask_no"].unique()
    is_found = ground.asked["ask_no"].is_in(fitting.implode())
    return FactAnswer(is_found, fact_evidence(found, thing.names[0]))


def _fits(thing: Thing) -> pl.Expr:
    value = pl.col("evidence_value")
    if thing.values:
        wanted = [w.lower() for w in thing.values]
        return value.str.to_lowercase().is_in(wanted).fill_null(False)
    fits = pl.lit(True)
    number = value.cast(pl.Float64, strict=False)
    low, high = thing.range.low, thing.range.high
    if low is not None and not isinstance(low, Span):
        fits &= number >= float(low)
    if high is not None and not isinstance(high, Span):
        fits &= number <= float(high)
    return fits.fill_null(False)
