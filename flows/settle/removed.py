"""Claims that replace each other in a circle, so that none of them is final: they are warned about.

Final action itself stays as it is: a warning says how many rows somebody should look at, and where.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

import duckdb
import polars as pl

from flows.warehouse.run_table import RunTable
from schemas.row_warnings import IN_A_CIRCLE

Claim = TypeVar("Claim")


def warn_of_circles(
    connection: duckdb.DuckDBPyConnection,
    replaced_claim: RunTable,
    special_row: RunTable,
    fate: RunTable,
    warning: RunTable,
) -> None:
    """Warn about the rows of claims that replace each other in a circle, so that none is final.

    replaced_claim   claims and what replaces them, if all that replaces them is itself replaced.
    special_row      the rows among which they are.
    """
    found = connection.execute(f"FROM {replaced_claim}").fetchall()
    replaced: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {}
    for payer, person, claim, by in found:
        replaced.setdefault((payer, person, claim), []).append((payer, person, by))
    circle = sorted(never_final(replaced))
    if not circle:
        return
    frame = pl.DataFrame(circle, schema=["payer_id", "person", "claim_id"], orient="row")
    connection.register("in_a_circle", frame)
    connection.execute(
        f"""INSERT INTO {warning}
            SELECT s.file_no, s.row_number, '{IN_A_CIRCLE}'
            FROM {special_row} s SEMI JOIN in_a_circle USING (payer_id, person, claim_id)
            JOIN {fate} f ON f.file_no = s.file_no AND f.row_number = s.row_number
            WHERE f.fate = 'superseded'"""
    )
    connection.unregister("in_a_circle")


def never_final(replaced: Mapping[Claim, Collection[Claim]]) -> set[Claim]:
    """Claims that lead to no final claim, however many replacements are followed.

    replaced   claim -> the claims that replace it. One that is not a key here is final, or leads to
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
