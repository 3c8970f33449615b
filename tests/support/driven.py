"""The program in a process of its own, with some of its functions changed before it starts.

    python -m tests.support.driven CHANGES MARK ARGUMENTS...

CHANGES is a JSON object: `MODULE:FUNCTION` -> what happens when it is called. `wait` marks that it
was reached by making the file MARK, and waits until the process is ended; `pause` goes on after
three seconds. `exit` ends the process as a library might. `fail` raises an error of a lost
connection, `fail after` does its work before, and `hang after` never returns from it; `lose server`
kills Prefect's server after it. `end in order` waits for SIGTERM, makes the file MARK.ended and
ends; `stay` ignores SIGTERM. A number replaces a number. Prefect is left out of a run, unless
CHANGES holds `prefect`.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
LONG = 600
_AFTER = ("fail after", "hang after", "lose server")


def main() -> None:
    """Apply the changes, and start the program."""
    changes, mark, *arguments = sys.argv[1:]
    wanted = json.loads(changes)
    if not wanted.pop("prefect", False):
        _leave_prefect_out()
    for place, what in wanted.items():
        owner, name, today = named(place)
        changed = _changed(today, what, Path(mark)) if isinstance(what, str) else what
        setattr(owner, name, changed)
    sys.argv[1:] = arguments
    from flows.start import entry

    entry()


def named(place: str) -> tuple[ModuleType, str, Any]:
    """The module of `MODULE:NAME`, the name, and what it names today; raises if there is none."""
    module, _, name = place.partition(":")
    owner = import_module(module)
    return owner, name, getattr(owner, name)


def _changed(function: Callable[..., Any], what: str, mark: Path) -> Callable[..., Any]:
    def changed(*given: Any, **named: Any) -> Any:
        answer = function(*given, **named) if what in _AFTER else None
        if what in ("end in order", "stay"):
            _answer_stops(mark if what == "end in order" else None)
        mark.touch()
        if what == "lose server":
            _kill_server()
            return answer
        if what == "exit":
            os._exit(1)
        if what.startswith("fail"):
            raise ConnectionError("lost")
        time.sleep(3 if what == "pause" else LONG)
        return function(*given, **named) if what == "pause" else answer

    return changed


def _answer_stops(mark: Path | None) -> None:
    """Answer SIGTERM as Prefect does: end in order, and make a file; or ignore it."""

    def end(_number: int, _frame: object) -> None:
        if mark is not None:
            mark.with_name(f"{mark.name}.ended").touch()
            os._exit(0)

    signal.signal(signal.SIGTERM, end)


def _kill_server() -> None:
    from flows.cli.server import _Own

    assert _Own.server
    _Own.server.process.kill()
    _Own.server.process.wait()


def _leave_prefect_out() -> None:
    """Make flow and tasks plain functions, and start no server."""
    from flows.cli import server

    sys.meta_path.insert(0, _NoPrefect())
    server.start_early = lambda: None
    server.served = lambda: nullcontext(False)


class _NoPrefect(MetaPathFinder, Loader):
    """Finds empty modules for those of Prefect, which take a second to import."""

    def find_spec(self, name: str, *_where: object) -> ModuleSpec | None:
        is_prefects = name.partition(".")[0] == "prefect"
        return spec_from_loader(name, self, is_package=True) if is_prefects else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, _module: ModuleType) -> None:
        pass


class _Empty(ModuleType):
    """A module in which all that is asked for does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _decorates if name in ("flow", "task") else _Nothing()


class _Nothing:
    """False, and itself whatever is done with it."""

    def __bool__(self) -> bool:
        return False

    def __call__(self, *_given: object, **_named: object) -> "_Nothing":
        return self

    def __getattr__(self, _name: str) -> "_Nothing":
        return self

    def __getitem__(self, _key: object) -> "_Nothing":
        return self


def _decorates(**_options: object) -> Callable[[F], F]:
    """A decorator that leaves functions as they are."""
    return lambda function: function


if __name__ == "__main__":
    main()
