"""Runs in a child process in which one file operation fails, or whose file operations are listed.

An operation is one that Python reports to audit hooks (open, rename, remove, mkdir, chmod, ...), or
an fsync, on a file or folder under a given one. What the engines write themselves is not seen here.
"""

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit_rules.errors import AuditError
from flows.request import RunRequest
from tests.support.nights import night

_EVENTS = ("open", "os.", "shutil.")
_NOT_FILES = (
    "shutil.rmtree",  # reported outside of what it forgives; the operations within it count
    "os.putenv",
    "os.unsetenv",
    "os.fork",
    "os.kill",
    "os.system",
    "os.exec",
    "os.fwalk",
)


def with_fault(act: Callable[..., object], request: RunRequest, at: int, log: Path) -> None:
    """Run, and let the operation of that number fail; exit with the run's code.

    The log gets the number of operations and the name of the one that failed.
    """
    operations = _Operations(request.output.parent, at)
    try:
        act(request)
        code = 0
    except AuditError as error:
        code = error.exit_code
    finally:
        operations.stop()
        log.write_text(json.dumps([operations.count, operations.failed]))
    sys.exit(code)


def whole(request: RunRequest) -> None:
    """Make a run."""
    night(request)


class _Operations:
    """Counts file operations under a folder, and lets one of them fail."""

    def __init__(self, folder: Path, at: int) -> None:
        self._folder, self._at = str(folder), at
        self.count, self.failed = 0, ""
        self._works = True
        self._fsync, os.fsync = os.fsync, self._audited_fsync
        sys.addaudithook(self._hook)

    def stop(self) -> None:
        """Let everything succeed from now on; a hook cannot be removed."""
        self._works = False

    def _hook(self, event: str, given: tuple[Any, ...]) -> None:
        if not self._works or not event.startswith(_EVENTS) or event.startswith(_NOT_FILES):
            return
        path = given[0] if given else None
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith(
            self._folder
        ):
            self._happens(event)

    def _audited_fsync(self, descriptor: int) -> None:
        if self._works:
            self._happens("fsync")
        self._fsync(descriptor)

    def _happens(self, event: str) -> None:
        self.count += 1
        if self.count == self._at:
            self.failed = event
            raise OSError(errno.EIO, "Input/output error")
