"""Progress in a terminal: one line per stage, with what it is at, its rows, their rate and its time. Silent elsewhere."""

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


class StageBars:
    """A bar per stage on standard error; nothing where that is no terminal, or where nothing is to be shown."""

    def __init__(self, wanted: bool = True, console: Console | None = None) -> None:
        """Bars without a stage yet."""
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
        """Keep the bars on the screen for the length of a run."""
        with self._bars:
            yield self

    @contextmanager
    def stage(self, name: str, total: int = 1) -> Iterator[None]:
        """The bar of one stage, full when it ends well."""
        self._current = self._bars.add_task(name, total=total, at="")
        yield
        self._bars.update(self._current, completed=total)

    def rows(self, count: int) -> None:
        """How many rows the current stage went through; told with their rate."""
        seconds = self._bars.tasks[self._current].elapsed
        rate = f", {count / seconds:,.0f} a second" if seconds else ""
        self._bars.update(self._current, at=f"{count:,} rows{rate}")

    def step(self, at: str) -> None:
        """One file of the current stage is done."""
        self._bars.update(self._current, advance=1, at=at)
