"""How the memory of a run is shared out: to the engine, and to the persons judged at a time."""

GIB = 1024**3
DEFAULT, LEAST, MOST = 4.0, 1.0, 65_536.0
"""GiB of all processes of a run together: if nothing is asked for, and the least and most to ask
for: whoever asks for more means bytes."""
_PROGRAM = 0.6
"""GiB that the program and its libraries take, and Prefect with its server."""
_ENGINE = 0.6
"""The engine's part of the rest; what it takes is a tenth more than it counts."""
_ROWS = 50_000
"""Claim rows that are judged at a time, per GiB: with a document for every code that is all lines,
and what rules need in between takes kilobytes a line."""
_LEAST_ROWS = 25_000
"""Fewer at a time would take longer to begin than to judge."""


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
