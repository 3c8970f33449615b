"""Identifiers that are planted in rows, the search for them, and errors that hold them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from flows.cli.app import main
from tests.support.stage_parts import module_of

CANARY = "CANARY7Q"
SERVICE_DATE = "1987-03-29"
_SPELLINGS = (CANARY, SERVICE_DATE, SERVICE_DATE.replace("-", ""))


def canaries_in(text: bytes) -> list[str]:
    """The canaries that some bytes hold, as UTF-8 or UTF-16, in any case."""
    lower = text.lower()
    encoded = {c: (c.lower().encode(), c.lower().encode("utf-16-le")) for c in _SPELLINGS}
    return [c for c, forms in encoded.items() if any(form in lower for form in forms)]


def raise_with_canaries(*_arguments: object) -> object:
    """Raise an exception whose text, cause and context hold row content."""
    try:
        raise KeyError(f"{CANARY} of {SERVICE_DATE}")
    except KeyError as error:
        raise ValueError(f"claim {CANARY}") from error


def run_all(runs: list[tuple[str, str | None, list[str]]]) -> dict[str, int]:
    """The exit code of every run by its name.

    A run is a name, the stage that is made to raise, and the arguments of the command line.
    """
    codes = {}
    for name, raising, arguments in runs:
        stage: Callable[..., object] | None = (
            getattr(module_of(raising), raising) if raising else None
        )
        if raising:
            setattr(module_of(raising), raising, raise_with_canaries)
        codes[name] = main(arguments)
        if raising:
            setattr(module_of(raising), raising, stage)
    return codes


if __name__ == "__main__":
    work = json.loads(sys.argv[1])
    ended = run_all(work["runs"])
    assert "prefect" in sys.modules and "prefect.server" not in sys.modules
    Path(work["codes"]).write_text(json.dumps(ended), encoding="utf-8")
