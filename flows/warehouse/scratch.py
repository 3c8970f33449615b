"""A scratch folder for rows that must not be left behind: it is removed with its process."""

import fcntl
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from types import FrameType
from typing import NoReturn

from flows import ending

_PREFIX = ".claims-audit-"
_ENDS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def passing_scratch(near: Path | None) -> Iterator[Path]:
    """Yield an empty private folder in the nearest folder of a path, without leaving it behind.

    SIGTERM and SIGHUP end the process in order, so that the folder goes. What a killed process left
    here is removed first. Without a path, or if its folder cannot be written, the folder is in the
    folder for temporary files.
    """
    home = _home(near)
    _sweep(home)
    with _ending_in_order():
        folder, lock = _locked_folder(home)
        ending.leaves(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _home(near: Path | None) -> Path:
    if near is not None:
        real = Path(os.path.realpath(near))
        home = next(folder for folder in (real, *real.parents) if folder.is_dir())
        if os.access(home, os.W_OK | os.X_OK):
            return home
    return Path(gettempdir())


def _locked_folder(home: Path) -> tuple[Path, int]:
    """A new folder and the lock that says that its process lives."""
    while True:
        folder = Path(mkdtemp(prefix=_PREFIX, dir=home))
        lock = _lock(folder)
        if lock is not None and folder.is_dir():  # else another process took it for a dead one's
            return folder, lock
        if lock is not None:
            os.close(lock)


def _sweep(home: Path) -> None:
    """Remove the folders of dead processes."""
    for folder in home.glob(f"{_PREFIX}*"):
        lock = _lock(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """A lock on a folder; None if another process holds it, or it is not this user's to lock."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Turn the signals that end a process into SystemExit; a signal that is ignored stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDS}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(TypeError):  # a handler that Python did not set
                signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
