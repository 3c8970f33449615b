"""Runs whose file operations, also those of the engines, are counted, recorded, or fail.

file_operations.c, compiled by the tests, is loaded into a server process that has imported
everything and used nothing; each run is a fork of it. So nothing is skipped if there is a C
compiler.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from audit_rules.errors import AuditError
from tests.support.nights import night
from tests.support.running import ROOT
from tests.support.two_nights import request_in

_SOURCE = Path(__file__).with_suffix(".c")
_UNKNOWN = 99  # exit code of a run that an unexpected error ended


class Answer(NamedTuple):
    """A run: its exit code (negative for a signal), its operations, and which one failed."""

    code: int
    operations: int
    failed: str


@dataclass
class Watched:
    """The server process."""

    process: "subprocess.Popen[str]"

    def run(self, base: Path, at: int = 0, error: int = 0, record: Path | None = None) -> Answer:
        """Make the run of a base folder; the operation of that number fails with that error."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps([str(base), at, error, str(record or "")]), file=self.process.stdin)
        self.process.stdin.flush()
        return Answer(*json.loads(self.process.stdout.readline()))


@contextmanager
def watched_runs(folder: Path) -> Iterator[Watched]:
    """Compile the library into a folder, and start the server."""
    library = folder / "file_operations.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, _SOURCE], check=True)
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        env=os.environ | {"LD_PRELOAD": str(library), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Watched(process)
        assert process.stdin
        process.stdin.close()


def _serve() -> None:
    import flows.judging.frames  # noqa: F401 -- imported once, for every run

    for line in sys.stdin:
        base, at, error, record = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writing, json.dumps(_run(Path(base), at, error, record)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        answer = json.loads(said) if said else [os.waitstatus_to_exitcode(status), 0, ""]
        print(json.dumps(answer), flush=True)


def _run(base: Path, at: int, error: int, record: str) -> tuple[int, int, str]:
    library, name = ctypes.CDLL(None), ctypes.create_string_buffer(16)
    library.operations_begin(os.fsencode(base), ctypes.c_long(at), error, os.fsencode(record))
    try:
        night(request_in(base))
        code = 0
    except AuditError as refusal:
        code = refusal.exit_code
    except BaseException:
        code = _UNKNOWN
    library.operations_end.restype = ctypes.c_long
    return code, library.operations_end(name), name.value.decode()


if __name__ == "__main__":
    _serve()
