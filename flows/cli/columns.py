"""Where each column of the extracts came from, as `validate` prints it."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from rich.console import Console
from rich.table import Table as Grid

from flows.intake.origins import ABSENT, ColumnOrigin
from flows.streams import say

_PIPED_WIDTH = 120


def show_columns(origins: list[ColumnOrigin], notes: Iterable[object] = ()) -> None:
    """Print a table per extract table, columns that no file has below it, and what is to note."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    for table, columns in groupby(origins, key=lambda origin: origin.table):
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        grid.add_column(table, style="bold", no_wrap=True)
        for heading in ("from", "null", "did not parse"):
            grid.add_column(heading, justify="left" if heading == "from" else "right")
        absent = []
        for column in columns:
            if set(column.origins) == {ABSENT}:
                absent.append(column.column)
                continue
            counts = (f"{column.nulls:,}", f"{column.unparsed:,}")
            grid.add_row(column.column, _origin(column.origins), *counts)
        console.print(grid)
        if absent:
            names = ", ".join(series_folded(absent))
            console.print(
                f"absent: {names}", style="bright_black", soft_wrap=not console.is_terminal
            )
        console.print()
    for note in notes:
        say(f"note: {note}")


def _origin(origins: dict[str, int]) -> str:
    """Where a column came from; in how many files, if files differ."""
    if len(origins) == 1:
        return next(iter(origins))
    return ", ".join(
        f"{origin} ({files} {'file' if files == 1 else 'files'})"
        for origin, files in sorted(origins.items())
    )


def series_folded(names: Iterable[str]) -> Iterator[str]:
    """The names; of numbers that follow each other (diagnosis_code_1, _2, ...) only the ends."""
    for _, members in groupby(enumerate(names), key=lambda item: _series(*item)):
        first, *rest = [name for _, name in members]
        yield f"{first} to {rest[-1]}" if rest else first


def _series(place: int, name: str) -> tuple[str, int]:
    """What the names of one series have in common; a name without a number is one by itself."""
    number = re.search(r"\d+$", name)
    return (name[: number.start()], int(number[0]) - place) if number else (name, 0)
