"""The one place that reads the clock."""

import time
from datetime import UTC, date, datetime


def today() -> date:
    """The local date: the as-of date of a run that names none."""
    return date.today()


def now() -> datetime:
    """The time in UTC, without a zone: for the warehouse's journal, never for results."""
    return datetime.now(UTC).replace(tzinfo=None)


def seconds() -> float:
    """Seconds on a clock that only runs forward: for timings.json, never for results."""
    return time.perf_counter()


def seconds_since(started: float) -> float:
    """Seconds since `seconds()` was read, to the millisecond."""
    return round(seconds() - started, 3)
