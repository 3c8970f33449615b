"""Watch a worker: hear signals and reports, end it when it has to end, remove what it leaves."""

import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

from flows.clock import seconds
from flows.ending import remove_folder
from flows.process import address_limit
from flows.signals import CRASHED, ENDS_IN_ORDER, STOPPED, STOPS, UNTIL_STOPPED
from flows.streams import say

_PATIENCE = 20.0  # seconds for what should end by itself, before it is killed
_NOTHING_KEPT = "Nothing of the unfinished work is kept or published."
_CAUSES = {
    signal.SIGKILL: "it was killed, as the system does when memory runs out",
    signal.SIGABRT: "an engine aborted it, as engines do when memory runs out",
    signal.SIGXCPU: "it reached its limit of processor time",
    signal.SIGBUS: "a file that it had open was cut short, or the file system is full",
}


class Watch:
    """A worker that is being watched.

    worker     its process.
    reports    the pipe of its reports, which ends when the worker and its children are gone.
    agrees     the pipe on which the watcher agrees to what the worker asks.
    heard      the pipe of the signals that come to this process.
    arguments  those of the command line.
    """

    def __init__(
        self, worker: int, reports: int, agrees: int, heard: int, arguments: list[str]
    ) -> None:
        """Watch a worker that has just started."""
        self._worker, self._reports, self._agrees, self._heard = worker, reports, agrees, heard
        self._arguments = arguments
        command = arguments[0] if arguments else ""
        self._ends_in_order = command in ENDS_IN_ORDER
        self._is_until_stopped = command in UNTIL_STOPPED
        self._unread = b""
        self._left: dict[tuple[str, ...], str | None] = {}
        self._child: int | None = None
        self._limit: float | None = None
        self._late = (0, "")
        self._has_committed = self._has_finished = False
        self._returned: int | None = None
        self._stop: signal.Signals | None = None
        self._verdict: tuple[int, str] | None = None

    def code(self) -> int:
        """Watch the worker to its end, and say why if it did not end by itself.

        Returns the exit code of the command.
        """
        while (status := self._status()) is None:
            self._listen()
        self._wait_for_children()
        if self._returned is None:
            self._tidy()
        code, message = self._meaning(status)
        if message:
            self._say(code, message)
        return code

    def _status(self) -> int | None:
        """The status of the worker if it has ended."""
        process, status = os.waitpid(self._worker, os.WNOHANG)
        return status if process else None

    def _listen(self) -> None:
        """Wait for a signal, a report or the end of a limit, and act on it."""
        wait = None if self._limit is None else max(0.0, self._limit - seconds())
        ready, _, _ = select.select([self._reports, self._heard], [], [], wait)
        if self._reports in ready and not self._read():
            os.waitid(os.P_PID, self._worker, os.WEXITED | os.WNOWAIT)
        if self._heard in ready:
            for number in os.read(self._heard, 64):
                if number in STOPS:
                    self._hear(signal.Signals(number))
        if not ready:
            self._kill(*self._late)

    def _read(self) -> bool:
        """Read reports; whether there can be more."""
        data = os.read(self._reports, 65536)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            report = json.loads(line)
            getattr(self, f"_when_it_{report.pop('what')}")(**report)
        return bool(data)

    def _hear(self, number: signal.Signals) -> None:
        """Stop the worker for a signal; the first one counts, whatever comes after it."""
        if self._stop is None:
            self._stop = number
            self._stop_worker(number)

    def _stop_worker(self, number: signal.Signals) -> None:
        """Stop the worker for a signal, unless it is about to finish."""
        if self._has_finished:
            self._kill(0, "")
        elif self._ends_in_order:
            code = 0 if self._is_until_stopped else STOPPED + number
            self._kill(code, f"Stopped by {STOPS[number]}.", signal.SIGTERM)
        elif not self._has_committed:
            self._kill(STOPPED + number, f"Stopped by {STOPS[number]}. {_NOTHING_KEPT}")

    def _kill(self, code: int, message: str, by: signal.Signals = signal.SIGKILL) -> None:
        """End the worker; by another signal than SIGKILL it gets time to end by itself."""
        self._verdict = code, message
        self._late = code, message
        self._limit = None if by == signal.SIGKILL else seconds() + _PATIENCE
        os.kill(self._worker, by)

    # ------------------------------------------------------------ what a worker reports

    def _when_it_leaves(self, paths: list[str], lock: str | None) -> None:
        self._left[tuple(paths)] = lock

    def _when_it_keeps(self, path: str) -> None:
        self._left.pop((path,), None)

    def _when_it_begins(self) -> None:
        self._has_committed = False
        if self._stop is not None:
            self._stop_worker(self._stop)

    def _when_it_commits(self) -> None:
        if self._verdict is None or self._is_until_stopped:  # what it has begun it may finish
            self._has_committed = True
            os.write(self._agrees, b".")

    def _when_it_finishes(self, message: str) -> None:
        self._has_finished = True
        self._limit, self._late = seconds() + _PATIENCE, (0, message)
        if self._stop is not None:
            self._stop_worker(self._stop)

    def _when_it_waits(self, seconds_: float, exit_code: int, message: str) -> None:
        if not self._has_finished:
            self._limit, self._late = seconds() + seconds_, (exit_code, message)

    def _when_it_works(self) -> None:
        if not self._has_finished:
            self._limit = None

    def _when_it_returns(self, code: int) -> None:
        self._returned = code

    def _when_it_starts(self, process: int) -> None:
        self._child = process

    # ------------------------------------------------------------ after its end

    def _wait_for_children(self) -> None:
        """Wait until the pipe of the reports ends, which its children hold as well."""
        for last_resort in (False, True):
            until = seconds() + _PATIENCE
            while select.select([self._reports], [], [], max(0.0, until - seconds()))[0]:
                if not self._read():
                    return
            if self._child is not None and not last_resort:
                with suppress(ProcessLookupError):
                    os.kill(self._child, signal.SIGKILL)

    def _tidy(self) -> None:
        """Remove what the worker has left, and show the cursor that progress bars hide."""
        for paths, lock in self._left.items():
            if lock is None:
                _remove(paths)
            else:
                _remove_under_lock(paths, Path(lock))
        if sys.stderr.isatty():
            print("\x1b[?25h", end="", file=sys.stderr)

    def _meaning(self, status: int) -> tuple[int, str]:
        """The exit code of the command, and what to say about it."""
        if self._verdict is not None and (self._returned is None or self._ends_in_order):
            return self._verdict
        if self._returned is not None:
            return self._returned, ""
        if self._has_finished:
            return 0, ""
        crash = "the program crashed"
        if limit := address_limit():
            crash = f"most likely for want of memory, as it may address {limit}; lift that limit"
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            causes = _CAUSES | ({signal.SIGABRT: crash} if limit else {})
            how, cause = f"signal {number}", causes.get(signal.Signals(number), crash)
        else:
            how, cause = f"exit {os.WEXITSTATUS(status)}", crash
        return CRASHED, f"The work ended early ({how}): {cause}. {self._left_by_a_crash()}"

    def _left_by_a_crash(self) -> str:
        if not self._has_committed:
            return _NOTHING_KEPT
        if self._arguments[:1] == ["run"]:
            return "It was publishing; the next run completes that."
        return "It was storing what it had done, all of it or nothing: give the same command again."

    def _say(self, code: int, message: str) -> None:
        """Print why the worker was ended, for a scheduler as JSON as well."""
        if code and self._arguments[:1] == ["run"] and "--json" in self._arguments:
            from flows.cli.terminal import failure_as_json

            print(failure_as_json(code, message), flush=True)
        say(f"claims-audit: {message}", on_error=True)


def _remove(paths: tuple[str, ...]) -> None:
    for path in map(Path, paths):
        if path.is_dir() and not path.is_symlink():
            remove_folder(path)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _remove_under_lock(paths: tuple[str, ...], warehouse: Path) -> None:
    """Remove what only the holder of a warehouse may touch, unless another run holds it now."""
    from flows.warehouse.lock import hold

    with suppress(Exception), hold(warehouse):
        _remove(paths)
