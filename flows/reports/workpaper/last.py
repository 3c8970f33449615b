"""Find the work-paper of the run before."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from flows.privacy import FULL
from flows.reports.workpaper.carried import LastPaper
from flows.results.manifest import WORKPAPER, read_manifest


def last_paper(output: Path, runs: Iterable[tuple[str, date]]) -> LastPaper | None:
    """The work-paper next to this run's results that the nearest run before it published.

    Pseudonyms cannot be matched: only runs of privacy level full count.

    runs   id and as-of date of the runs before, the nearest first.
    """
    for run_id, as_of in runs:
        folder = output / f"run={run_id}"
        file = folder / WORKPAPER
        if file.is_file() and (read_manifest(folder) or {}).get("privacy", FULL) == FULL:
            return LastPaper(file, run_id, as_of)
    return None
