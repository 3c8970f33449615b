"""One night, and a night after another, whose file operations tests disturb."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.errors import DiskTrouble, InputRefused, UsageError
from flows.request import RunRequest
from tests.support.extracts import Content, write
from tests.support.hostile import ANY_ERROR_RATE, CSV, csv, fill
from tests.support.nights import content, night, published
from tests.support.running import AS_OF, request_for

Nights = Sequence[Mapping[str, Content]]

_FIRST: Mapping[str, Content] = {CSV: csv(*(fill(n) for n in range(9)), fill(3, quantity="x"))}
_SECOND: Mapping[str, Content] = {"pharmacy_claim_2.csv": csv(*(fill(n) for n in range(9, 15)))}
FIRST_AND_LATER = pytest.mark.parametrize(
    "nights", [[_FIRST], [_FIRST, _SECOND]], ids=["first night", "later night"]
)
"""Disturb the last of these `nights`."""
_CODES = {0, *(kind.exit_code for kind in (UsageError, InputRefused, DiskTrouble))}


def request_in(base: Path) -> RunRequest:
    """The run of a base folder: `in`, `out` and `config.toml`."""
    warehouse = base / "out" / "audit.duckdb"
    return request_for(base / "in", base / "out", warehouse, AS_OF, base / "config.toml")


def make_before(base: Path, nights: Nights) -> None:
    """Make a base folder in which every night but the last has run, and the last may begin."""
    write(base, {"config.toml": ANY_ERROR_RATE})
    for files in nights[:-1]:
        write(base / "in", files)
        night(request_in(base))
    write(base / "in", nights[-1])


def left(base: Path, with_traces: bool = True) -> tuple[object, ...]:
    """What runs have published in a base folder, and the content of its warehouse."""
    reports = published(base / "out").items()
    shown = {n: b for n, b in reports if with_traces or not n.endswith("trace.txt")}
    return shown, content(base / "out" / "audit.duckdb")


class Disturbed(NamedTuple):
    """A run in which an operation failed, and the run after it: exit codes, and what they left."""

    code: int | None
    left: tuple[object, ...]
    code_again: int | None
    left_again: tuple[object, ...]

    def wrongs(self, start: tuple[object, ...], sound: tuple[object, ...]) -> list[str]:
        """What is wrong with them; `sound` is what an undisturbed run leaves."""
        wrong = {
            f"exit code {self.code}": self.code not in _CODES,
            "it failed, but something was published": self.code and self.left[0] != start[0],
            "it succeeded with other results": self.code == 0 and self.left != sound,
            f"it could not be run again: {self.code_again}": self.code_again != 0,
            "the next run left something else": self.left_again != sound,
        }
        return [what for what, is_so in wrong.items() if is_so]
