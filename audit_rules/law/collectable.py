"""Whether the amount of an exception may still be asked for, until when, and who says so.

Three answers. `no`: a limit that certainly binds the line has passed, or its only ground is a
clerical slip and a clause forbids to ask for that. `unknown`: the config does not say where the
payer is and what business it is in, no limit is known for that, the date that a limit is counted
from is unknown, or something unknown decides whether a limit binds. Else `yes`.

Fraud lifts many limits. No finding alleges fraud, so no finding lifts a limit for it: a person who
has established it decides that. A limit that does not hold for the coordination of benefits does
not bind findings whose ground that is, as their rule or policy term declares.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from audit_rules.law.binding import LINE, bound_rows
from audit_rules.law.clauses import NoClericalError, RecoupmentLimit
from audit_rules.law.library import LawLibrary
from audit_rules.law.places import Places
from schemas.collecting import CLERICAL, COORDINATION, NO, UNKNOWN, YES
from schemas.days import days_after, months_after
from schemas.results import COLLECTABILITY

_CASE = (*LINE, "service_date", "paid_date", "ground")
_CASES = 16_384  # at a time: each takes a row for every clause


def collectability(
    exceptions: pl.DataFrame, law: LawLibrary, places: Places, as_of: date
) -> pl.DataFrame:
    """COLLECTABILITY of each exception, in their order.

    exceptions   payer, plan, claim_source, service_date, paid_date, ground.
    """
    asked = exceptions.select(_CASE)
    cases = asked.unique(maintain_order=True)
    slices = list(cases.iter_slices(_CASES)) or [cases]
    known = pl.concat(_of_cases(some, law, places, as_of) for some in slices)
    return asked.join(
        known, on=list(_CASE), how="left", nulls_equal=True, maintain_order="left"
    ).select(*COLLECTABILITY)


def _of_cases(cases: pl.DataFrame, law: LawLibrary, places: Places, as_of: date) -> pl.DataFrame:
    """COLLECTABILITY of each case: exceptions of one case are alike in all that law asks about."""
    rows = cases.with_row_index("row")
    limits = _limits(rows, law.of_kind(RecoupmentLimit), places)
    slips = _clerical(rows, law.of_kind(NoClericalError), places)
    known = [(p, q, places.of(p, q).is_known) for p, q in rows.select(LINE[:2]).unique().rows()]
    schema = {"payer": pl.String, "plan": pl.String, "is_placed": pl.Boolean}
    placed = pl.DataFrame(known, schema=schema, orient="row")
    is_past = pl.col("first_day") < as_of
    is_open = ~pl.col("is_placed") | pl.col("is_undecided") | pl.col("first_day").is_null()
    return (
        rows.join(placed, on=list(LINE[:2]), how="left", nulls_equal=True)
        .join(limits, on="row", how="left")
        .join(slips, on="row", how="left")
        .sort("row")
        .with_columns(pl.col("is_undecided").fill_null(False))
        .with_columns(
            collectable=pl.when(is_past | pl.col("slip").is_not_null())
            .then(pl.lit(NO))
            .when(is_open)
            .then(pl.lit(UNKNOWN))
            .otherwise(pl.lit(YES))
        )
        .with_columns(
            recoup_by=pl.when(is_past | (pl.col("collectable") == YES)).then("first_day"),
            recoup_term=pl.when(is_past | (pl.col("collectable") == YES))
            .then("first_term")
            .otherwise(pl.coalesce("slip", "undecided_term")),
        )
        .select(*_CASE, *COLLECTABILITY)
    )


def _limits(rows: pl.DataFrame, limits: Sequence[RecoupmentLimit], places: Places) -> pl.DataFrame:
    """Per row: the first day of the limits that certainly bind it, whose it is, and whether any
    limit is undecided, because it may or may not bind or its date is unknown."""
    bound = bound_rows(rows, limits, places)
    days = [
        bound.filter(clause=number).with_columns(
            day=_last_day(limit),
            term_id=pl.lit(limit.term_id),
            yields_to_coordination=pl.lit(COORDINATION in limit.unless),
        )
        for number, limit in enumerate(limits)
    ]
    own = {"day": pl.Date(), "term_id": pl.String(), "yields_to_coordination": pl.Boolean()}
    every = pl.concat([pl.DataFrame(schema=bound.schema | own), *days])
    is_lifted = (pl.col("ground") == COORDINATION) & pl.col("yields_to_coordination")
    is_certain = pl.col("is_certain") & pl.col("day").is_not_null()
    certain = pl.col("day").filter(is_certain)
    is_undated = pl.col("is_certain") & pl.col("day").is_null()
    number = pl.col("clause").filter(is_undated)  # the first of its law file, not of the alphabet
    return (
        every.filter(~is_lifted.fill_null(False))
        .sort("row", "day", "term_id", nulls_last=True)
        .group_by("row", maintain_order=True)
        .agg(
            first_day=certain.first(),
            first_term=pl.col("term_id").filter(is_certain).first(),
            is_undecided=(~is_certain).any(),
            undecided_term=pl.col("term_id").filter(is_undated).sort_by(number).first(),
        )
    )


def _clerical(
    rows: pl.DataFrame, clauses: Sequence[NoClericalError], places: Places
) -> pl.DataFrame:
    """Per row with a clerical slip as its only ground: the clause that forbids to ask for that."""
    terms = pl.DataFrame(
        [(number, clause.term_id) for number, clause in enumerate(clauses)],
        schema={"clause": pl.Int64, "slip": pl.String},
        orient="row",
    )
    slips = rows.filter(pl.col("ground") == CLERICAL)
    bound = bound_rows(slips, clauses, places).filter("is_certain").join(terms, on="clause")
    return bound.group_by("row").agg(pl.col("slip").min())


def _last_day(limit: RecoupmentLimit) -> pl.Expr:
    """The last day on which a demand may go out; null if the date it is counted from is unknown."""
    start = pl.col(limit.counted_from)
    if limit.months is not None:
        return months_after(start, limit.months)
    return days_after(start, pl.lit(limit.days))
