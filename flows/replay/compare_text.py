"""A comparison as text and as JSON."""

import json
import re
from collections.abc import Sequence

import polars as pl

from flows.replay.compare import AFTER, BEFORE, CITATION, Comparison
from flows.streams import say

_INDENT = "  "
_HEADS = {BEFORE: "before", AFTER: "after"}  # short, so that a row fits a terminal of 80 columns
_FIGURE = re.compile(r"-?[\d,.]+")


def show(found: Comparison, differences: Sequence[str] = ()) -> None:
    """Print the moves, and what the worklist comes to before and after.

    differences   what else differs, in sentences.
    """
    for sentence in differences:
        say(sentence)
    if found.moves.is_empty():
        say("Nothing changes: the same exceptions are found before and after.")
        return
    names = [name for name in found.moves.columns if name != CITATION]
    rows = [[_shown(row[name]) for name in names] for row in found.moves.iter_rows(named=True)]
    header, *lines = _aligned([[_HEADS.get(name, name) for name in names], *rows])
    say(header)
    for line, citation in zip(lines, found.moves[CITATION], strict=True):
        say(f"{line}\n{_INDENT}{citation or 'no clause'}")
    say(
        "\nbefore, after: sums of the worklist's amount_at_risk over the lines that a row "
        "counts. A line may be in several rows; below it counts once.\n"
    )
    sums = [
        [name, *(_shown(value) for value in (before, after, after - before))]
        for name, (before, after) in found.totals.items()
    ]
    say("\n".join(_aligned([["of the worklist", "before", "after", "difference"], *sums])))


def as_json(found: Comparison, differences: Sequence[str] = ()) -> str:
    """One object: moves, totals and differences; amounts are text."""
    moves = found.moves.with_columns(pl.col(BEFORE, AFTER).cast(pl.String)).to_dicts()
    sums = {
        name: {"before": str(before), "after": str(after)}
        for name, (before, after) in found.totals.items()
    }
    return json.dumps(
        {"moves": moves, "totals": sums, "differences": list(differences)}, ensure_ascii=False
    )


def _aligned(rows: list[list[str]]) -> list[str]:
    """Lines in columns: words to the left, columns of figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    is_figure = [_FIGURE.fullmatch(text) is not None for text in rows[-1]]
    return [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, is_figure, strict=True)
        ).rstrip()
        for row in rows
    ]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else f"{value:,}"
