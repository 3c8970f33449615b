"""Errors a user can fix, each with the contract's exit code, and the redaction of all others.

Messages hold counts, file names and column names only, never row content.
"""

import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit_rules.errors import AuditError
from flows.process import address_limit
from schemas.errors import FrameError

TRACE_FILE = "claims-audit-trace.txt"
_HERE, _OUTPUT = Path(), "the output folder"
_TORN_PARQUET = "thrift: transport error"
"""All that Polars says when the end of a file could not be written."""
_DAMAGE = ("Corrupt database file", "Could not read enough bytes", "Failure while replaying WAL")
"""How DuckDB begins when a checksum, the length of a file, or its log is wrong."""
_PANIC = "PanicException"
"""What the engines written in Rust raise for a fault of theirs; it is not an Exception."""
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


class UsageError(AuditError):
    """Wrong usage, or an invalid config file."""

    exit_code = 2


class InputRefused(AuditError):
    """An extract cannot be read as a table of the contract."""

    exit_code = 3


class TooManyBadRows(AuditError):
    """More rows of one file were quarantined than the config allows."""

    exit_code = 4


class DoesNotBalance(AuditError):
    """Rows were lost or counted twice, or a rerun finds other results than those published."""

    exit_code = 5


class WarehouseBusy(AuditError):
    """Another run holds the warehouse."""

    exit_code = 7


class DiskTrouble(AuditError):
    """The disk or the file system failed."""

    exit_code = 8


class FileDamaged(DiskTrouble):
    """The engine has read something else than it had written."""


class WriteCutShort(FileDamaged):
    """A write into the warehouse was cut short; the next writer puts it right."""


class PrefectTrouble(AuditError):
    """Prefect could not start or record the run."""

    exit_code = 9


class Bug(AuditError):
    """A fault of this program: type and place on one line, the trace in a file for the owner."""

    exit_code = 70


def passed_on(exit_code: int, message: str) -> AuditError:
    """The error that another process of a run reports."""
    error = AuditError(message)
    error.exit_code = exit_code
    return error


@contextmanager
def redacted_errors(trace_folder: Path = _HERE, folder_name: str = _OUTPUT) -> Iterator[None]:
    """Turn every exception into an AuditError without row content or a chained exception.

    trace_folder   the current folder, if no other is given.
    folder_name    what a message calls another one.
    """
    try:
        yield
        return
    except AuditError as error:
        failure = error.with_traceback(None)
    except BrokenPipeError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise  # a signal: the process ends in order
        name = "the current folder" if trace_folder == _HERE else folder_name
        failure = as_user_error(error, trace_folder, name)
    try:
        raise failure from None
    finally:
        failure.__context__ = None  # the interpreter has just set it


def as_user_error(
    error: BaseException, trace_folder: Path, folder_name: str = _OUTPUT
) -> AuditError:
    """What an unexpected exception means to the user."""
    if is_damage(error):
        return FileDamaged(
            "The warehouse, or the working file next to it, is damaged: bytes are lost or changed. "
            "Run again; if that fails, restore the warehouse from a backup."
        )
    limit = address_limit()
    if _is_want_of_memory(error):
        if limit:
            return short_of_addresses(type(error).__name__, limit)
        return Bug("Memory ran out. Nothing was published; free memory, then run again.")
    if _is_disk_failure(error):
        return DiskTrouble(
            f"The disk or file system failed ({_disk_failure(error)}). "
            "Make room or fix it, then run again."
        )
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename] or frames
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"
    said = f" ({error})" if isinstance(error, FrameError) else ""
    is_traced = _write_trace(error, trace_folder)
    where = f"; the trace is in {TRACE_FILE} in {folder_name}" if is_traced else ""
    if limit:
        return short_of_addresses(f"{type(error).__name__} at {place}{where}", limit)
    return Bug(
        f"A bug: {type(error).__name__} at {place}{said}{where}. "
        "Nothing was published; please report this line."
    )


def short_of_addresses(failure: str, limit: str) -> Bug:
    """What to report of a failure under a limit of addresses, which libraries fail of in any way.

    failure   its type, and perhaps more; no row content.
    limit     what `address_limit` gives.
    """
    return Bug(
        f"Memory could not be had, most likely ({failure}): this process may address {limit}, and "
        "the engines reserve many times what they use. Nothing unfinished was published; lift "
        "that limit (ulimit -v unlimited), then run again."
    )


def _is_duckdbs(error: BaseException, *kinds: str) -> bool:
    """Whether an error is one of DuckDB's, which only the commands that open a file import."""
    return any(c.__name__ in kinds and "duckdb" in c.__module__ for c in type(error).__mro__)


def _is_want_of_memory(error: BaseException) -> bool:
    is_engines = _is_duckdbs(error, "OutOfMemoryException")
    return is_engines or isinstance(error, MemoryError) or os.strerror(errno.ENOMEM) in str(error)


def is_damage(error: BaseException) -> bool:
    """Whether the engine has read something else than it had written."""
    return _is_duckdbs(error, "Error") and any(text in str(error) for text in _DAMAGE)


def _is_disk_failure(error: BaseException) -> bool:
    is_engines = _is_duckdbs(error, "IOException", "FatalException")
    return is_engines or isinstance(error, OSError) or _mentions_disk_failure(error)


def is_of_machine(error: BaseException) -> bool:
    """Whether an engine lacked memory or disk, so that no file that it read is to blame."""
    return _is_want_of_memory(error) or _mentions_disk_failure(error)


def _disk_failure(error: BaseException) -> str:
    """What failed and in which folder, if the operating system says so."""
    if not isinstance(error, OSError) or not error.errno:
        return "full, read-only or gone"
    is_named = isinstance(error.filename, (str, Path))
    return os.strerror(error.errno) + (f", in {Path(error.filename).parent}" if is_named else "")


def _mentions_disk_failure(error: BaseException) -> bool:
    """Whether an engine's error repeats what the operating system says of a full or broken disk."""
    text = str(error).lower()
    messages = (_TORN_PARQUET, *(os.strerror(code).lower() for code in _DISK_ERRORS))
    return any(message in text for message in messages)


def _write_trace(error: BaseException, folder: Path) -> bool:
    """Write the trace so that only the owner can read it; whether that was possible."""
    path = folder / TRACE_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.writelines(traceback.format_exception(error))
    except OSError:
        return False
    return True
