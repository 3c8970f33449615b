"""The seconds of each stage; the one result that differs between two runs of the same input."""

import json
from pathlib import Path

TIMINGS = "timings.json"


def write_timings(folder: Path, seconds: dict[str, float]) -> None:
    """Write the seconds of each stage by its name."""
    (folder / TIMINGS).write_text(json.dumps(seconds, indent=2) + "\n", encoding="utf-8")
