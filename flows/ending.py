"""What a working process reports to the process that watches it (`flows/start.py`).

The watcher can then end it at any moment: it knows what to remove, what can no longer be taken
back, and how long to wait. Without a watcher (under a Prefect worker, say) nothing is reported.
"""

import json
import os
import shutil
import signal
import threading
from contextlib import suppress
from pathlib import Path

from audit_rules.errors import AuditError


class _Watcher:
    """The pipe to the watcher, None without one, and whether it has agreed to a commit."""

    pipe: int | None = None
    agreed = threading.Event()


def report_to(pipe: int, answers: int) -> None:
    """Report to the watcher that reads one pipe and writes into the other.

    If the watcher is killed, this process is killed at once.
    """
    _Watcher.pipe = pipe
    threading.Thread(target=_hear, args=(answers,), daemon=True).start()


def _hear(answers: int) -> None:
    while os.read(answers, 1):
        _Watcher.agreed.set()
    os.kill(os.getpid(), signal.SIGKILL)


def pipe() -> tuple[int, ...]:
    """The pipe to the watcher, for a child that the watcher waits for as well; empty without."""
    return () if _Watcher.pipe is None else (_Watcher.pipe,)


def leaves(*paths: Path, lock: Path | None = None) -> None:
    """Report files and folders to remove if this process is ended before it removes them.

    lock   the warehouse under whose lock they are used: another run may use them next.
    """
    _report("leaves", paths=[str(path) for path in paths], lock=str(lock) if lock else None)


def remove_folder(path: Path) -> None:
    """Remove a folder and all that is in it, as far as possible.

    Twice: a worker of a cluster may be writing there. What it writes during the first time goes the
    second time, and it removes what it writes afterwards: then its job is gone.
    """
    for _ in range(2):
        shutil.rmtree(path, ignore_errors=True)


def keeps(path: Path) -> None:
    """Report that what was reported with `leaves` is no longer to be removed."""
    _report("keeps", path=str(path))


def begins() -> None:
    """Report that work begins which can be stopped without a trace until `commits`."""
    _report("begins")


def commits() -> None:
    """Ask whether the work may be stored. From then on it is finished, and no longer stopped."""
    _Watcher.agreed.clear()
    if _report("commits"):
        _Watcher.agreed.wait()  # for good, if the watcher is ending this process


def finishes(otherwise: str) -> None:
    """Report that all that was asked for is done. What fails or lasts after it does not count.

    otherwise   what to say if this process does not end soon by itself.
    """
    _report("finishes", message=otherwise)


def returns(code: int) -> None:
    """Report the exit code. A process that exits without reporting one has crashed."""
    _report("returns", code=code)


def waits(seconds: float, failure: AuditError) -> None:
    """Report that this process waits for another program, and how it fails if that takes longer."""
    _report("waits", seconds_=seconds, exit_code=failure.exit_code, message=str(failure))


def works() -> None:
    """Report that this process no longer waits."""
    _report("works")


def starts(process: int) -> None:
    """Report a child process, to be killed if it has not ended soon after this one."""
    _report("starts", process=process)


def _report(what: str, **details: object) -> bool:
    """Send a report; whether there is a watcher."""
    if _Watcher.pipe is None:
        return False
    line = json.dumps({"what": what, **details}) + "\n"
    with suppress(OSError):  # the watcher is gone, and this process follows it
        os.write(_Watcher.pipe, line.encode())
    return True
