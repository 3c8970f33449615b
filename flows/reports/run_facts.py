"""What every report says about its run."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class RunFacts:
    """The facts of a run, the same for the same run whenever and wherever it was made.

    privacy   the privacy level of its results.
    changes   what changed since the last run, in words.
    """

    run_id: str
    as_of: date
    version: str
    privacy: str
    changes: str
    rows_read: int
    quarantined: int
    duplicates: int
