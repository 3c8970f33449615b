"""Compare: what changes when one warehouse is judged under another set of policies.

Nothing is saved.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table as Grid

from audit_rules.engine.dossier import compile_dossier
from audit_rules.engine.judge import judge
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.judge import judge_documents
from audit_rules.rules import RULES
from flows.judging.frames import read_frames
from flows.replay.as_of import settled_as_of
from flows.request import RunRequest
from schemas.results import NUMBERED_LINE

APPEARS, DISAPPEARS, CHANGES = "appears", "disappears", "changes"
_COMPARED = ("outcome", "reason", "amount_at_risk")
_SHOWN = (
    "exception_id",
    "rule_id",
    "citation",
    *_COMPARED,
    "person_id",
    "provider_npi",
    *NUMBERED_LINE,
)


def compare(request: RunRequest, before: Path | None, after: Path | None) -> pl.DataFrame:
    """Find what appears, disappears and changes between two folders of policies.

    A folder of None means the shipped policies alone. One row per move, rule and clause: lines,
    dollars (for a change, the difference), members and providers.
    Raises UsageError if there is no such warehouse.
    """
    old, new = (_exceptions(replace(request, policies=folder)) for folder in (before, after))
    both = old.join(new, on="exception_id", suffix="_new")
    differs = pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_new")) for c in _COMPARED)
    difference = pl.col("amount_at_risk_new").fill_null(0) - pl.col("amount_at_risk").fill_null(0)
    moves = {
        APPEARS: new.join(old, on="exception_id", how="anti"),
        DISAPPEARS: old.join(new, on="exception_id", how="anti"),
        CHANGES: both.filter(differs).with_columns(amount_at_risk=difference),
    }
    summed = [
        frame.with_columns(move=pl.lit(move))
        .group_by("move", "rule_id", "citation")
        .agg(
            lines=pl.struct(NUMBERED_LINE).n_unique(),
            dollars=pl.col("amount_at_risk").sum(),
            members=pl.col("person_id").drop_nulls().n_unique(),
            providers=pl.col("provider_npi").drop_nulls().n_unique(),
        )
        for move, frame in moves.items()
    ]
    return pl.concat(summed).sort("move", "rule_id", "citation")


def _exceptions(request: RunRequest) -> pl.DataFrame:
    with settled_as_of(request) as (made, connection):
        warehouse_frames = read_frames(connection, made.reference, request.as_of)
    dossier = compile_dossier(
        warehouse_frames, made.reference, made.default_supply_days, request.as_of
    )
    book = PolicyBook(made.library, made.reference)
    governed = judge_documents(dossier, book, RULES)
    return judge(dossier, book, RULES, governed).exceptions.select(_SHOWN)


def show(moves: pl.DataFrame) -> None:
    """Print the moves as a table."""
    console = Console(highlight=False)
    if moves.is_empty():
        console.print("Nothing changes: both sets of policies find the same exceptions.")
        return
    grid = Grid(*moves.columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for row in moves.iter_rows():
        grid.add_row(*(str(value) for value in row))
    console.print(grid)
