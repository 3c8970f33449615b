"""Files that a person names: opened without waiting for anybody.

Opening a named pipe waits until somebody writes into it, and a device may have no end. So every
file that the user gives is opened here, and is refused unless it is a regular file.
"""

import errno
import io
import os
import stat
from pathlib import Path


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file to read its bytes. Raises OSError, also if it is of another kind."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def read_file(path: Path) -> bytes:
    """Read a regular file. Raises OSError, also if it is of another kind."""
    with open_file(path) as stream:
        return stream.read()


def is_irregular(path: Path) -> bool:
    """Whether something of that name is there that is neither a regular file nor a folder."""
    return path.exists() and not (path.is_file() or path.is_dir())
