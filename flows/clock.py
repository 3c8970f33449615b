"""The one place that reads the clock."""

import time
from datetime import date


def today() -> date:
    """The local date: the as-of date of a run that names none."""
    return date.today()


def seconds() -> float:
    """Seconds on a clock that only runs forward: for timings.json, never for results."""
    return time.perf_counter()
