"""Whether published sums, added and subtracted in any way, could isolate a few members.

Several tables over the same lines are published: in each of them every line counts under one label.
A line's labels, one of each table, are its cell. Multiply published sums by any numbers and add
them up: the result is a sum over cells, in which the factor of a cell is the sum of the factors of
its labels. It isolates the members of the cells whose factor is not zero.

The tables are safe if no such sum, except zero, rests on fewer than `least` members. Factors of
cells are vectors of the space that the labels span, so this is shown by linear algebra: put the
members into `least` groups, no member in two of them, such that the cells of each group span what
all cells span. Fewer than `least` members leave one group out. If the factor is zero on all cells
of that group, it is zero on every cell. The same holds for cells that have `least` members by
themselves: their factor is zero, so they may count for every group.

Arithmetic is exact. The grouping is found greedily: if it is not found, tables that are safe may be
called unsafe, never the other way round.
"""

from collections.abc import Collection, Hashable, Mapping
from fractions import Fraction

Cell = tuple[str, ...]
Vector = dict[Hashable, Fraction]


def isolated_cell(contributors: Mapping[Cell, Collection[int]], least: int) -> Cell | None:
    """A cell that some combination of sums may show with few members; None: there is none.

    contributors   every cell, with the members who contribute to its sum.
    """
    labels = {place for cell in contributors for place in enumerate(cell)}
    tables = {table for table, _ in labels}
    most = len(labels) - len(tables) + 1  # all labels of a table together are the same sum
    of_many = _Span()
    for cell in sorted(contributors, key=lambda cell: (-len(contributors[cell]), cell)):
        if len(contributors[cell]) < least:
            break
        of_many.add(_vector(cell))
        if of_many.rank == most:
            return None
    unproven = {
        cell: rest
        for cell, members in contributors.items()
        if len(members) < least and (rest := of_many.rest(_vector(cell)))
    }
    if not unproven:
        return None
    whole = _Span()
    for rest in unproven.values():
        whole.add(rest)
    groups = _groups(contributors, unproven, least, whole.rank)
    for group in groups:
        missing = [cell for cell, rest in unproven.items() if group.rest(rest)]
        if missing:
            return min(missing, key=lambda cell: (len(contributors[cell]), cell))
    return None


def _groups(
    contributors: Mapping[Cell, Collection[int]],
    unproven: Mapping[Cell, Vector],
    least: int,
    rank: int,
) -> list["_Span"]:
    """What each group of members spans, each member in the group that needs its cells most."""
    vectors: dict[int, list[Vector]] = {}
    for cell, rest in unproven.items():
        for member in contributors[cell]:
            vectors.setdefault(member, []).append(rest)
    groups = [_Span() for _ in range(least)]
    for _, own in sorted(vectors.items()):
        incomplete = sorted((g for g in groups if g.rank < rank), key=lambda g: g.rank)
        if not incomplete:
            break
        wanted = (g for g in incomplete if any(g.rest(vector) for vector in own))
        if group := next(wanted, None):
            for vector in own:
                group.add(vector)
    return groups


def _vector(cell: Cell) -> Vector:
    """One for each of the cell's labels."""
    return {place: Fraction(1) for place in enumerate(cell)}


class _Span:
    """What some vectors span, as rows in reduced form: column of the row's leading one -> row."""

    def __init__(self) -> None:
        self._rows: dict[Hashable, Vector] = {}

    @property
    def rank(self) -> int:
        """The dimension."""
        return len(self._rows)

    def rest(self, vector: Vector) -> Vector:
        """What is left of a vector; empty if the rows span it."""
        left = dict(vector)
        for column in vector:
            if column in self._rows:
                _subtract(left, self._rows[column], left[column])
        return left

    def add(self, vector: Vector) -> None:
        """Span this vector too."""
        left = self.rest(vector)
        if not left:
            return
        leading = next(iter(left))
        row = {column: value / left[leading] for column, value in left.items()}
        for other in self._rows.values():
            if leading in other:
                _subtract(other, row, other[leading])
        self._rows[leading] = row


def _subtract(vector: Vector, other: Vector, factor: Fraction) -> None:
    """Subtract a multiple of another vector in place, and drop the zeros."""
    for column, value in other.items():
        difference = vector.get(column, Fraction(0)) - factor * value
        if difference:
            vector[column] = difference
        else:
            vector.pop(column, None)
