"""Warnings about rows that final action removes although money may have been paid for them.

Final action itself stays as it is: a warning says how many rows nobody will look at, and where.
"""

from collections.abc import Mapping
from typing import TypeVar

import duckdb
import polars as pl

from flows.settle.persons import PAYER
from flows.warehouse.run_table import RunTable

POSITIVE_VOID = "positive_void"
"""Frequency 8 with an amount above zero, but not status reversed: perhaps a claim that was paid."""
IN_A_CIRCLE = "replacements_in_a_circle"
"""Claims that replace each other, and those that they replace: none of them is final."""
MEANING = {
    IN_A_CIRCLE: "of claims that replace each other in a circle: no rule judges them",
    POSITIVE_VOID: "of frequency 8 with an amount above zero, taken as voids: "
    "no rule judges them, or what they void",
}
"""What a note says of the rows with a warning."""

Claim = TypeVar("Claim")


def warn_of_circles(
    connection: duckdb.DuckDBPyConnection, replaced_claim: RunTable, rows: str, fate: RunTable
) -> None:
    """Mark the rows of claims of which none is final, because replacements run in a circle.

    replaced_claim   the claims that another one replaces, which itself is replaced.
    rows             the claim rows that are settled.
    """
    found = connection.execute(f"FROM {replaced_claim}").fetchall()
    replaced = {(payer, claim): (payer, by) for payer, claim, by in found}
    circle = sorted(never_final(replaced))
    if not circle:
        return
    frame = pl.DataFrame(circle, schema=["payer_id", "claim_id"], orient="row")
    connection.register("in_a_circle", frame)
    connection.execute(
        f"""UPDATE {fate} SET warning = '{IN_A_CIRCLE}'
            WHERE fate = 'superseded' AND (file_no, row_number) IN (
                SELECT (t.file_no, t.row_number)
                FROM {rows} t JOIN {PAYER} p ON p.name = lower(t.payer)
                JOIN in_a_circle c ON c.payer_id = p.payer_id AND c.claim_id = t.claim_id)"""
    )
    connection.unregister("in_a_circle")


def never_final(replaced: Mapping[Claim, Claim]) -> set[Claim]:
    """Claims whose replacement is replaced, and so on without end.

    replaced   claim -> the claim that replaces it.
    """
    ends: dict[Claim, bool] = {}
    for first in replaced:
        path: dict[Claim, None] = {}  # a set in order
        claim = first
        while claim in replaced and claim not in ends and claim not in path:
            path[claim] = None
            claim = replaced[claim]
        is_final = claim not in path and ends.get(claim, True)
        ends.update(dict.fromkeys(path, is_final))
    return {claim for claim, is_final in ends.items() if not is_final}
