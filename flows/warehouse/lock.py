"""One writer: what a run, a purge or a decision holds while it works on a warehouse.

A warehouse can have several names (a link, a hard link, a bind mount), and a lock file can be
removed while it is held. So three things are locked: the lock file next to the real file, the file
itself whatever its name, and the folder in which the writer works.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from flows import ending
from flows.errors import DiskTrouble, WarehouseBusy
from flows.warehouse.files import PRIVATE, empty_folder, real_path, refuse_unusable, scratch_of
from flows.warehouse.rescue import put_back


@contextmanager
def hold(warehouse: Path) -> Iterator[None]:
    """Hold the warehouse as its only writer, with an empty working folder that goes at the end.

    What another writer was killed in the middle of is put right first. Raises WarehouseBusy if
    another run holds it under any name, DiskTrouble if a lock cannot be taken, and UsageError if
    the engine cannot open a file of that path.
    """
    refuse_unusable(warehouse)
    real = real_path(warehouse)
    with ExitStack() as held:
        lock = _lock_file(real)
        while not _lock(held, lock, os.O_RDWR | os.O_CREAT, real.name):
            pass  # someone removed the file between opening and locking it
        if real.is_file():
            _lock(held, real, os.O_RDONLY, real.name)
        scratch = scratch_of(real)
        with suppress(FileExistsError):
            scratch.mkdir(mode=0o700)
        _lock(held, scratch, os.O_RDONLY | os.O_DIRECTORY, real.name)
        held.callback(shutil.rmtree, scratch, ignore_errors=True)
        ending.leaves(scratch, lock=real)
        empty_folder(scratch)
        put_back(real)
        yield


def is_held(warehouse: Path) -> bool:
    """Whether a writer works on a warehouse, asked without getting in the way of one that begins.

    A writer makes its working folder once it has the lock. So without that folder there is none,
    and with it the lock can be tried.
    """
    if not scratch_of(warehouse).is_dir():
        return False
    try:
        descriptor = os.open(
            _lock_file(real_path(warehouse)), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        )
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock_file(real: Path) -> Path:
    return real.with_name(f".{real.name}.lock")


def _lock(held: ExitStack, path: Path, flags: int, warehouse: str) -> bool:
    """Lock a file or folder until the stack ends; whether it still has its name then."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
    except OSError as error:
        raise _cannot_lock(path, warehouse, error) from None
    held.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WarehouseBusy(
            f"Another run holds the warehouse {warehouse}. "
            "Wait for it to end, or name another with --warehouse."
        ) from None
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _cannot_lock(path: Path, warehouse: str, error: OSError) -> Exception:
    """What to report if a file or folder cannot be opened for its lock."""
    match error.errno:
        case errno.ENOENT:
            remedy = "its folder does not exist. Make it, or name another with --warehouse."
        case errno.EACCES | errno.EPERM:
            remedy = f"this user may not open {path.name}. Run this as its owner."
        case errno.EISDIR | errno.ENOTDIR | errno.ELOOP:
            remedy = f"{path.name} is a file, folder or link of another kind. Remove it."
        case _:
            return error
    return DiskTrouble(f"The warehouse {warehouse} cannot be locked: {remedy}")
