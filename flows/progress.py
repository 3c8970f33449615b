"""Progress in a terminal: one line per stage, with its current file, rows, rate and time.

Nothing is shown without a terminal.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from schemas.notes import counted

_RATED = 1_000
"""So many rows have a rate: of a few it would tell how long the program takes to start."""


def announce(text: str, wanted: bool = True, console: Console | None = None) -> None:
    """Show what the user waits for before the first bar, if standard error is a terminal."""
    console = console or Console(stderr=True)
    if wanted and console.is_terminal:
        console.print(text)


class StageBars:
    """A bar per stage on standard error, if that is a terminal and the user wants bars."""

    def __init__(self, wanted: bool = True, console: Console | None = None) -> None:
        """Prepare the bars; none is visible before the first stage."""
        console = console or Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[at]}"),
            console=console,
            disable=not (wanted and console.is_terminal),
        )
        self._current = self._bars.add_task("", total=1, at="", visible=False)

    @contextmanager
    def shown(self) -> Iterator["StageBars"]:
        """Keep the bars on the screen while a run lasts."""
        with self._bars:
            yield self

    def end(self) -> None:
        """Stop the bars, so that what is printed next comes below them."""
        self._bars.stop()

    @contextmanager
    def stage(self, name: str, total: int = 1) -> Iterator[None]:
        """Show the bar of one stage; it is full once the stage has succeeded."""
        self._current = self._bars.add_task(name, total=total, at="")
        yield
        self._bars.update(self._current, completed=self._bars.tasks[self._current].total)

    def rows(self, count: int) -> None:
        """Show how many rows the current stage has processed, and how many a second."""
        seconds = self._bars.tasks[self._current].elapsed
        rate = f", {count / seconds:,.0f} a second" if seconds and count >= _RATED else ""
        self._bars.update(self._current, at=f"{counted(count, 'row')}{rate}")

    def step(self, at: str, of: int | None = None) -> None:
        """Advance the bar of the current stage by one file or bucket, of that many."""
        self._bars.update(self._current, advance=1, total=of, at=at)
