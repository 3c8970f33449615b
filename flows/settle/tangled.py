"""Pair reversals with the rows they take back when order alone does not decide.

sql/settle/pairs.sql pairs all others. Here a line key has several reversals, and rows that a
replacement removed or reversals without figures among them: what one takes back decides what is
left for the next.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple


class TangledRow(NamedTuple):
    """A row of a line key that is paired here.

    version       its place among the versions of claims, from the earliest.
    amount        its paid_amount without a sign.
    is_blank      whether it is a reversal that states neither an amount nor a quantity.
    is_replaced   whether a replacement removed it.
    """

    key_no: int
    version: int
    paid_rank: date
    amount: Decimal | None
    is_reversal: bool
    is_blank: bool
    is_replaced: bool


@dataclass
class _Queue:
    """Rows, the earliest first. Those already taken back are skipped."""

    rows: list[TangledRow] = field(default_factory=list)
    start: int = 0

    def first(self, taken: set[int]) -> TangledRow | None:
        while self.start < len(self.rows) and self.rows[self.start].version in taken:
            self.start += 1
        return self.rows[self.start] if self.start < len(self.rows) else None


def taken_back(rows: Iterable[TangledRow]) -> set[int]:
    """The versions that are taken back, and the reversals that take them back.

    rows   all rows of each line key, by key_no and version.
    """
    taken: set[int] = set()
    for _, of_key in groupby(rows, key=lambda row: row.key_no):
        taken.update(_of_key(list(of_key)))
    return taken


def _of_key(rows: list[TangledRow]) -> set[int]:
    """Let each reversal in turn take back a row. The time is linear in the number of rows."""
    taken: set[int] = set()
    standing: defaultdict[Decimal | None, _Queue] = defaultdict(_Queue)
    replaced: defaultdict[Decimal | None, _Queue] = defaultdict(_Queue)
    for row in rows:
        if not row.is_reversal:
            (replaced if row.is_replaced else standing)[row.amount].rows.append(row)
    before: list[TangledRow] = []
    replaced_before: list[TangledRow] = []
    for row in rows:
        if not row.is_reversal:
            before.append(row)
            if row.is_replaced:
                replaced_before.append(row)
            continue
        if row.is_blank:
            found = _latest(replaced_before if row.is_replaced else before, taken)
        else:
            first = replaced[row.amount].first(taken)
            found = first if row.is_replaced else _chosen(row, standing[row.amount], first, taken)
        if found:
            taken |= {found.version, row.version}
    return taken


def _latest(before: list[TangledRow], taken: set[int]) -> TangledRow | None:
    """The latest row that is not taken back yet; those that are leave the list."""
    while before and before[-1].version in taken:
        before.pop()
    return before[-1] if before else None


def _chosen(
    reversal: TangledRow, standing: _Queue, replaced: TangledRow | None, taken: set[int]
) -> TangledRow | None:
    """The earliest row not replaced, if paid before the reversal; else the earliest of all."""
    first = standing.first(taken)
    if first and (first.paid_rank < reversal.paid_rank or not replaced):
        return first
    return min((r for r in (first, replaced) if r), key=lambda r: r.version, default=None)
