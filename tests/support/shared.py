"""Folders that all test workers share, and where temporary files go."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

_MEMORY = Path("/dev/shm")
_ENOUGH = 4 * 1024**3  # bytes; the temporary files of all tests take less than half of it


def keep_temporary_files_in_memory() -> None:
    """Move the folder of temporary files to a file system in memory, if there is a large one.

    A run of a few rows asks the disk a hundred times to sync a file; in memory that costs nothing.
    Programs must be able to run there. TMPDIR chooses the folder if it is set.
    """
    if "TMPDIR" in os.environ or not _MEMORY.is_dir() or not os.access(_MEMORY, os.W_OK):
        return
    system = os.statvfs(_MEMORY)
    if system.f_bavail * system.f_frsize >= _ENOUGH and not system.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def shared_folder(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """The folder NAME of this test session, made by the first worker that asks for it."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, complete = base / name, base / f"{name}.complete"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            complete.touch()
    return folder
