"""Warnings about rows that final action removes although money may have been paid for them.

Final action itself stays as it is: a warning says how many rows nobody will look at, and where.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

import duckdb
import polars as pl

from flows.settle.persons import PAYER_JOIN
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

    replaced_claim   claims and what replaces them, if all that replaces them is itself replaced.
    rows             the claim rows that are settled.
    """
    found = connection.execute(f"FROM {replaced_claim}").fetchall()
    replaced: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for payer, claim, by in found:
        replaced.setdefault((payer, claim), []).append((payer, by))
    circle = sorted(never_final(replaced))
    if not circle:
        return
    frame = pl.DataFrame(circle, schema=["payer_id", "claim_id"], orient="row")
    connection.register("in_a_circle", frame)
    connection.execute(
        f"""UPDATE {fate} SET warning = '{IN_A_CIRCLE}'
            WHERE fate = 'superseded' AND (file_no, row_number) IN (
                SELECT (t.file_no, t.row_number)
                FROM {rows} t {PAYER_JOIN}
                JOIN in_a_circle c ON c.payer_id = p.payer_id AND c.claim_id = t.claim_id)"""
    )
    connection.unregister("in_a_circle")


def never_final(replaced: Mapping[Claim, Collection[Claim]]) -> set[Claim]:
    """Claims of which no replacement, and no replacement of that, is ever final.

    replaced   claim -> the claims that replace it. One that is no key here is final, or leads to
               one that is.
    """
    replaces: dict[Claim, list[Claim]] = {}
    for claim, others in replaced.items():
        for other in others:
            replaces.setdefault(other, []).append(claim)
    left, leads_to_an_end = set(replaced), [claim for claim in replaces if claim not in replaced]
    while leads_to_an_end:
        for claim in replaces.get(leads_to_an_end.pop(), ()):
            if claim in left:
                left.remove(claim)
                leads_to_an_end.append(claim)
    return left
