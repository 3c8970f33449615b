"""The command `review`: read findings and decide about them in a browser."""

from pathlib import Path
from typing import Any

from flows.cli.options import options_of_a_run
from flows.errors import UsageError

_MOST_PORT = 65535


@options_of_a_run("config", "policies", "law", "ndc_directory")
def review(
    *,
    warehouse: Path,
    port: int | None = None,
    run: Path | None = None,
    reviewer: str | None = None,
    read_only: bool = False,
    **options: Any,
) -> None:
    """Serve the review queue on this machine until Ctrl-C: findings, evidence, decisions.

    It prints an address with a token, to be opened in a browser of this machine. The pages hold
    PHI. Use the config and the policies of the run.

    Parameters
    ----------
    warehouse
        the warehouse of a run
    port
        the port of 127.0.0.1 to serve on (default: a free one)
    run
        the folder run=ID whose findings are shown (default: that of the last night, next to the
        warehouse)
    reviewer
        who decides (default: the form asks)
    read_only
        show everything and record nothing
    """
    if port is not None and not 0 < port <= _MOST_PORT:
        raise UsageError(f"--port is a number from 1 to {_MOST_PORT}. Correct it.")
    from flows.review.app import make_app
    from flows.review.desk import Desk
    from flows.review.guard import Guard
    from flows.review.serve import listen, serve

    with listen(port or 0) as listening:
        guard = Guard(listening.getsockname()[1])
        desk = Desk(warehouse, run, options)
        app = make_app(desk, guard, reviewer=(reviewer or "").strip(), read_only=read_only)
        print(
            f"Review queue: {guard.url}\n"
            "Open this address in a browser of this machine. Stop with Ctrl-C.",
            flush=True,
        )
        serve(app, listening)
