"""From any exception to one the contract names: what to tell the user, without row content."""

import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from cyclopts import CycloptsError

from audit_rules.errors import AuditError
from flows.errors import DiskTrouble

TRACE_FILE = "claims-audit-trace.txt"
_TORN_PARQUET = (
    "thrift: transport error"  # all that Polars says where the end of a file could not be written
)
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


class Bug(AuditError):
    """Something that should not happen: type and place on one line, the trace in a file of the owner's."""

    exit_code = 70


@contextmanager
def told(trace_folder: Path) -> Iterator[None]:
    """Turn every exception of the block into an AuditError that holds no row content, nor a link to one that does."""
    try:
        yield
        return
    except AuditError as error:
        failure = error.with_traceback(None)
    except (KeyboardInterrupt, SystemExit, GeneratorExit, BrokenPipeError, CycloptsError):
        raise
    except BaseException as error:  # a Polars panic is no Exception
        failure = explain(error, trace_folder)
    try:
        raise failure from None
    finally:
        failure.__context__ = None  # the interpreter has just set it


def explain(error: BaseException, folder: Path) -> AuditError:
    """What an unexpected exception means to the user."""
    if _is_disk(error):
        return DiskTrouble(
            "The disk or file system failed (full, read-only or gone). Make room or mend it, then run again."
        )
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename] or frames
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "?"
    where = _write_trace(error, folder)
    return Bug(
        f"A bug: {type(error).__name__} at {place}{where}. Nothing was published; please report this line."
    )


def _is_disk(error: BaseException) -> bool:
    return isinstance(
        error, (OSError, duckdb.IOException, duckdb.FatalException)
    ) or speaks_of_disk(error)


def speaks_of_disk(error: BaseException) -> bool:
    """Whether an error of an engine hands on what the operating system says of a full or broken disk."""
    text = str(error).lower()
    return any(
        words in text
        for words in (_TORN_PARQUET, *(os.strerror(code).lower() for code in _DISK_ERRORS))
    )


def _write_trace(error: BaseException, folder: Path) -> str:
    path = folder / TRACE_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.writelines(traceback.format_exception(error))
    except OSError:
        return ""
    return f"; the trace is in {TRACE_FILE} in the output folder"
