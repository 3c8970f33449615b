"""Compare: what changes when one warehouse is judged under another set of policies, or between two
published runs.

Nothing is saved.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl

from audit_rules.engine.dossier import compile_dossier
from audit_rules.engine.rule import PolicyBook
from audit_rules.engine.worklist import worklists
from audit_rules.kinds.judge import judge_all
from audit_rules.rules import CATALOGUE
from flows.collecting import barred_fees, with_collectability
from flows.judging.frames import read_frames
from flows.ledger.before import read_ledger_before
from flows.ledger.changes import record_changes, with_ledger
from flows.ledger.precision import read_decided, read_demotions
from flows.ledger.rebilled import follow_rebilled
from flows.replay.as_of import settled_as_of
from flows.request import RunRequest
from flows.results.totals import AT_RISK, totals
from schemas.results import NUMBERED_LINE, TOTAL

APPEARS, DISAPPEARS, CHANGES = "appears", "disappears", "changes"
BEFORE, AFTER = "amount_at_risk_before", "amount_at_risk_after"
CITATION = "citation"
_COMPARED = ("outcome", "reason", "amount_at_risk")
_MOVE = ("move", "rule_id", "outcome", "citation")
EXCEPTION_COLUMNS = (
    *("exception_id", "rule_id", "policy_id", "citation"),
    *_COMPARED,
    *("person_id", "provider_npi"),
    *NUMBERED_LINE,
)
"""What is read of an exception."""
LINE_COLUMNS = (*NUMBERED_LINE, *AT_RISK)
"""What is read of a line."""


class ComparisonSide(NamedTuple):
    """What one set of policies, or one run, finds.

    exceptions   the columns EXCEPTION_COLUMNS.
    lines        every line with an exception: the columns LINE_COLUMNS.
    """

    exceptions: pl.DataFrame
    lines: pl.DataFrame


class Comparison(NamedTuple):
    """What differs.

    moves    one row per move, rule, outcome (of a change both, "recover to review") and clause:
             lines, members and providers, and what all findings together put at risk on those
             lines, before and after.
    totals   column of the worklist -> its sum over all lines before, and after; `lines` counts
             them.
    """

    moves: pl.DataFrame
    totals: dict[str, tuple[Decimal, Decimal]]


def compare(request: RunRequest, before: Path | None, after: Path | None) -> Comparison:
    """Find what appears, disappears and changes between two folders of policies.

    A folder of None means the shipped policies alone.
    Raises UsageError if there is no such warehouse.
    """
    old, new = (_found(replace(request, policies=folder)) for folder in (before, after))
    return compared(old, new, ("exception_id",))


def compared(old: ComparisonSide, new: ComparisonSide, key: Sequence[str]) -> Comparison:
    """Compare what was found; `key` says which exceptions are one and the same."""
    one_each = [
        found.exceptions.unique(key, keep="first", maintain_order=True) for found in (old, new)
    ]
    was, is_now = one_each
    both = is_now.join(was.select(*key, *_COMPARED), on=list(key), suffix="_old")
    differs = pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_old")) for c in _COMPARED)
    moves = {
        APPEARS: is_now.join(was, on=list(key), how="anti"),
        DISAPPEARS: was.join(is_now, on=list(key), how="anti"),
        CHANGES: both.filter(differs).with_columns(outcome=_from_to("outcome_old", "outcome")),
    }
    moving = pl.concat(
        frame.select(EXCEPTION_COLUMNS).with_columns(move=pl.lit(move))
        for move, frame in moves.items()
    )
    counts = moving.group_by(_MOVE).agg(
        lines=pl.struct(NUMBERED_LINE).n_unique(),
        members=pl.col("person_id").drop_nulls().n_unique(),
        providers=pl.col("provider_npi").drop_nulls().n_unique(),
    )
    for name, found in ((BEFORE, old), (AFTER, new)):
        amounts = _at_risk(moving, found.lines).rename({"amount_at_risk": name})
        counts = counts.join(amounts, on=list(_MOVE), how="left", nulls_equal=True)
    zero = pl.lit(0, dtype=TOTAL)
    shown = counts.select(
        *_MOVE, "lines", pl.col(BEFORE, AFTER).fill_null(zero), "members", "providers"
    )
    return Comparison(shown.sort(_MOVE, nulls_last=True), _totals(old.lines, new.lines))


def _from_to(old: str, new: str) -> pl.Expr:
    """One outcome, or two if they differ."""
    return pl.when(pl.col(old) == pl.col(new)).then(new).otherwise(pl.format("{} to {}", old, new))


def _at_risk(moving: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """What the lines of each move, rule and clause put at risk; a line counts once in each."""
    own = moving.select(*_MOVE, *NUMBERED_LINE).unique()
    asked = own.join(lines, on=list(NUMBERED_LINE), how="inner")
    return totals(asked, **{name: pl.col(name) for name in _MOVE}).select(*_MOVE, "amount_at_risk")


def _totals(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, tuple[Decimal, Decimal]]:
    old, new = (totals(lines).row(0, named=True) for lines in (before, after))
    return {name: (Decimal(old[name]), Decimal(new[name])) for name in ("lines", *AT_RISK)}


def _found(request: RunRequest) -> ComparisonSide:
    with settled_as_of(request) as (made, connection):
        warehouse_frames = read_frames(connection, made.reference, request.as_of)
        demoted = read_demotions(connection, made.library, request.as_of)
        dossier = compile_dossier(
            warehouse_frames, made.reference, made.default_supply_days, request.as_of
        )
        book = PolicyBook(made.library, made.reference, frozenset(d.term_id for d in demoted))
        judgement = judge_all(dossier, book, CATALOGUE)
        before = read_ledger_before(connection, request.as_of)  # all of it in the workbench alone
        standing = record_changes(connection, made, "", before, judgement.exceptions).standing
        found = with_collectability(with_ledger(judgement.exceptions, standing), made)
        decided = follow_rebilled(
            connection, read_decided(connection, request.as_of), found, found.lazy()
        )
        fees = barred_fees(connection, found, made)
    lines = worklists(found, judgement.repeated, decided, fees).every_line
    return ComparisonSide(found.select(EXCEPTION_COLUMNS), lines.select(LINE_COLUMNS))
