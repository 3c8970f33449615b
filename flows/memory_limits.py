"""How the memory of a run is shared out: to the engine, and to the persons judged at a time."""

import os
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

from flows import ALLOCATOR, KEEPS_LITTLE

GIB = 1024**3
DEFAULT, LEAST, MOST = 4.0, 1.0, 65_536.0
"""GiB of all processes of a run together: if nothing is asked for, and the least and most to ask
for: whoever asks for more means bytes."""
_PROGRAM = 0.65
"""GiB that the program and its libraries take, and Prefect with its server."""
_ENGINE = 0.6
"""The engine's part of the rest; what it takes is a tenth more than it counts."""
_ROWS = 50_000
"""Claim rows that are judged at a time, per GiB: with a document for every code that is all lines,
and what rules need in between takes kilobytes a line."""
_LEAST_ROWS = 25_000
"""Fewer at a time would take longer to begin than to judge."""
_OPTION = "--memory"
_KEEPS_NOTHING = "dirty_decay_ms:0,muzzy_decay_ms:0"
_READ_AHEAD = "POLARS_ROW_GROUP_PREFETCH_SIZE"


def save_memory(arguments: Sequence[str]) -> None:
    """Let Polars keep no freed memory and read little ahead, if a command asks for less memory than
    the default: that is slower. Polars reads this when it is first imported, so before the command
    line is. What the environment says otherwise stays.
    """
    asked = [a.partition("=")[2] for a in arguments if a.startswith(f"{_OPTION}=")]
    asked += [b for a, b in pairwise(arguments) if a == _OPTION]
    with suppress(ValueError):  # the command line refuses what is not a number
        if any(float(gib) < DEFAULT for gib in asked):
            if os.environ.get(ALLOCATOR) == KEEPS_LITTLE:
                os.environ[ALLOCATOR] = _KEEPS_NOTHING
            os.environ.setdefault(_READ_AHEAD, "1")


def engine_bytes(memory: float = DEFAULT) -> int:
    """Bytes that the engine may take.

    memory   GiB of the run.
    """
    return int((memory - _PROGRAM) * _ENGINE * GIB)


def rows_at_a_time(memory: float = DEFAULT, workers: int = 1) -> int:
    """About how many claim rows, of whole persons, are read and judged at a time.

    memory    GiB of the run.
    workers   how many processes judge, each with its share.
    """
    return max(_LEAST_ROWS, int(memory * _ROWS) // workers)
