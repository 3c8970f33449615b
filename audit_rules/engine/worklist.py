"""The worklist: per claim line what to do and about how much money, no dollar counted twice.

Several exceptions on one line are about the same dollars: the largest amount of each outcome
counts, and of a weaker outcome only what exceeds the stronger ones. Lines that repeat their
claim's amount (repeated_amounts.py) are about the same dollars too: one line of the claim keeps
them. What came back already is asked for no more.
"""

from typing import NamedTuple

import polars as pl

from audit_rules.engine.expected import with_expected_lines
from audit_rules.engine.past_decisions import NOTHING_DECIDED, PastDecisions
from audit_rules.engine.recovered import less_recovered, with_recovered
from schemas.collecting import COLLECTABLE, is_asked
from schemas.decisions import DISMISSED
from schemas.folding import folded_names
from schemas.outcomes import ADVISORY, strength
from schemas.results import (
    AMOUNT_COLUMNS,
    BARRED_FEE,
    COLLECTABILITY,
    JUDGED,
    LEDGER,
    LINE_KEY,
    MONEY,
    WORKLIST,
    conform,
)

_OF_THE_LINE = tuple(
    c for c in WORKLIST if c in JUDGED and c not in (*LINE_KEY, "amount_at_risk", "outcome")
)
_AMOUNTS = (*AMOUNT_COLUMNS.values(), "amount_at_risk")
_LEADING_FIRST = (
    *(~pl.col("is_live"), strength(), -pl.col("amount")),
    *("rule_id", "policy_id", "exception_id"),
)
_COLLECTABLE_FIRST = (
    ~pl.col("is_live"),
    pl.col("collectable").cast(pl.Enum(COLLECTABLE)),
    *_LEADING_FIRST,
)
_ZERO = pl.lit(0, dtype=MONEY)
_AMOUNT = pl.col("amount_at_risk").fill_null(_ZERO)
NO_FEES = pl.DataFrame(schema=BARRED_FEE)


class Worklists(NamedTuple):
    """The lines with exceptions: one row per line, in the order of the exceptions.

    worklist     lines with an exception that is more than an advisory.
    advisories   lines with advisories alone.
    """

    worklist: pl.DataFrame
    advisories: pl.DataFrame

    @property
    def every_line(self) -> pl.DataFrame:
        """The lines of both."""
        return pl.concat(self)


def worklists(
    exceptions: pl.DataFrame,
    repeated: pl.DataFrame,
    decided: PastDecisions = NOTHING_DECIDED,
    fees: pl.DataFrame = NO_FEES,
) -> Worklists:
    """Put the exceptions of each line together.

    exceptions   the contract's table; those that a person has dismissed, or that may no longer be
                 collected, carry no amount.
    repeated     comes from repeated_amounts.
    decided      how often findings of each rule held, and what came back.
    fees         dispensing fees that may not be asked for: BARRED_FEE.
    """
    is_live = pl.col("status").ne_missing(DISMISSED)
    found = exceptions.with_columns(
        is_live=is_live,
        live_outcome=pl.when(is_live).then("outcome"),
        asked_outcome=pl.when(is_asked()).then("outcome"),
        amount=_AMOUNT,
    )
    lines = found.group_by(LINE_KEY, maintain_order=True).agg(
        *(pl.col(c).first() for c in _OF_THE_LINE),
        rule_ids=pl.col("rule_id").unique().sort(),
        exception_ids=pl.col("exception_id").sort_by(*_LEADING_FIRST),
        **{name: pl.col(name).sort_by(*_LEADING_FIRST).first() for name in LEDGER},
        **{name: pl.col(name).sort_by(*_COLLECTABLE_FIRST).first() for name in COLLECTABILITY},
        answer_by=pl.lit(None, dtype=pl.Date),  # for whoever knows the law
        outcome=pl.col("live_outcome").sort_by(strength("live_outcome"), nulls_last=True).first(),
        is_advisory=(pl.col("outcome") == ADVISORY).all(),
        largest=pl.col("amount").max(),
        largest_live=pl.col("amount").filter(pl.col("is_live")).max().fill_null(_ZERO),
        **{column: _largest(outcome) for outcome, column in AMOUNT_COLUMNS.items()},
    )
    lines = lines.join(
        fees, on=list(LINE_KEY), how="left", nulls_equal=True, maintain_order="left", validate="1:1"
    )
    counted = _counted_once(_without_overlap(lines), repeated, decided.recovered)
    counted = with_expected_lines(counted, exceptions, decided.precision)
    is_advisory = pl.col("is_advisory")
    return Worklists(
        *(conform(counted.filter(kind), WORKLIST) for kind in (~is_advisory, is_advisory))
    )


def _largest(outcome: str) -> pl.Expr:
    """The largest amount of an outcome that may be asked for."""
    return pl.col("amount").filter(pl.col("asked_outcome") == outcome).max().fill_null(_ZERO)


def _without_overlap(lines: pl.DataFrame) -> pl.DataFrame:
    """Of the largest amounts of each outcome, what exceeds the stronger outcomes' amounts.

    They add up to amount_at_risk, which is at most what was paid. not_collectable_amount is what
    exceptions that may no longer be collected, and a barred fee, would add to it, and
    dismissed_amount what the dismissed ones would add to both. An advisory is worth nothing.
    """
    most = _ZERO
    asked = pl.max_horizontal(pl.col("paid_amount") - pl.col("barred_fee").fill_null(_ZERO), _ZERO)
    columns: dict[str, pl.Expr] = {}
    for column in AMOUNT_COLUMNS.values():
        here = pl.min_horizontal(pl.col(column), asked)
        columns[column] = pl.max_horizontal(here - most, _ZERO)
        most = pl.max_horizontal(most, here)
    whole = pl.min_horizontal("largest", "paid_amount")
    live = pl.min_horizontal("largest_live", "paid_amount")
    return lines.with_columns(
        **columns,
        amount_at_risk=most,
        not_collectable_amount=live - most,
        dismissed_amount=whole - live,
    )


def _counted_once(
    lines: pl.DataFrame, repeated: pl.DataFrame, recovered: pl.DataFrame
) -> pl.DataFrame:
    """Keep the amounts of one line per repeating claim: the one with most at risk; ties: the first.

    Its not_collectable_amount and dismissed_amount are what such exceptions would add to the claim.
    What came back for any line of the claim is taken from them.
    """
    payer_name = folded_names(pl.col("payer"))
    claims = repeated.select(
        "claim_id",
        payer_name=payer_name,
        person_id="person",
        claim_source=pl.lit("medical"),
        repeats=True,
    )
    claim = ["claim_source", "claim_id", "payer_name", "person_id"]
    found = with_recovered(lines.with_columns(payer_name=payer_name), recovered).join(
        claims, on=claim, how="left", maintain_order="left", validate="m:1"
    )
    at_risk = pl.col("amount_at_risk")
    live = at_risk + pl.col("not_collectable_amount")
    in_order = pl.col("claim_line_number").sort_by(-at_risk, "is_advisory", "claim_line_number")
    keeps = pl.col("claim_line_number") == in_order.first().over(claim)
    live_of_claim = live.max().over(claim)
    whole_of_claim = (live + pl.col("dismissed_amount")).max().over(claim)
    amounts = {name: pl.col(name) for name in _AMOUNTS} | {
        "not_collectable_amount": live_of_claim - at_risk,
        "dismissed_amount": whole_of_claim - live_of_claim,
    }
    once = found.with_columns(
        pl.when(pl.col("repeats").is_null())
        .then(pl.col(name))
        .when(keeps)
        .then(amount)
        .otherwise(_ZERO)
        .cast(MONEY)
        .alias(name)
        for name, amount in amounts.items()
    )
    own = pl.col("recovered_amount")
    back = pl.when(pl.col("repeats").is_null()).then(own).otherwise(own.sum().over(claim))
    return less_recovered(once, back)
