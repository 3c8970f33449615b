"""Charts drawn by another process, which ends when they are drawn (renderer.py)."""

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

from flows import ending
from flows.errors import Bug
from flows.reports.page.renderer import END

_PROGRAM = "flows.reports.page.renderer"


class _Started:
    """The process that draws the next charts, None if it has not been started."""

    process: "subprocess.Popen[bytes] | None" = None
    lock = Lock()


def start_renderer() -> None:
    """Start the process that draws the next charts, unless it has been started.

    Loading the renderer takes it half a second, in which this process does something else.
    """
    with _Started.lock:
        _Started.process = _Started.process or subprocess.Popen(
            [sys.executable, "-P", "-m", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=ending.pipe(),
        )


def draw(specifications: Sequence[dict[str, Any]]) -> list[str]:
    """The SVG of each Vega-Lite specification.

    Raises Bug if the process is killed, and RuntimeError with what it says if it fails.
    """
    start_renderer()
    process, _Started.process = _Started.process, None
    assert process and process.stdin and process.stdout and process.stderr
    lines = "".join(f"{json.dumps(s)}\n" for s in specifications)
    with process:
        with suppress(BrokenPipeError):  # of one that was killed
            process.stdin.write(lines.encode() + END)
            process.stdin.flush()
        drawn, wrong = process.stdout.read(), process.stderr.read()
        with suppress(BrokenPipeError):
            process.stdin.close()
    if process.returncode < 0:
        raise Bug(
            f"The process that draws charts was ended ({signal.strsignal(-process.returncode)}), "
            "as the system does when memory runs out. Nothing was published. Give more memory, "
            "then run again."
        )
    if process.returncode:
        raise RuntimeError(wrong.decode(errors="replace"))
    return [json.loads(line) for line in drawn.splitlines()]
