"""Progress in a terminal: one line per stage, with what it is at and how long it took. Silent elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class StageBars:
    """A bar per stage on standard error; nothing where that is no terminal."""

    def __init__(self) -> None:
        """Bars without a stage yet."""
        console = Console(stderr=True)
        self._bars = Progress(
            SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[at]}"), console=console, disable=not console.is_terminal,
        )  # fmt: skip
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
        self._bars.update(self._current, completed=total, at="")

    def step(self, at: str) -> None:
        """One file of the current stage is done."""
        self._bars.update(self._current, advance=1, at=at)
