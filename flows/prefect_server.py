"""Prefect's temporary server, as a program that ends with the run that started it.

Its standard input is a pipe from that run. However the run ends, the system closes the pipe, on
every platform; what has been stored by then is on disk.
"""

import gc
import os
import signal
import socket
import sqlite3
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

TABLES = Path(__file__).with_name("prefect_tables.sql")
"""The tables of a new database, which Prefect's migrations would take seconds to make."""
_SQLITE = "sqlite+aiosqlite:///"
_BUSY = 60.0  # seconds to wait for another server that makes the same database


def main(listening: int) -> None:
    """Serve Prefect's API on a listening socket until the run ends."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    gc.set_threshold(100_000)  # as collect_rarely() of process.py, which is not in the path here
    import uvicorn

    make_database()
    api = "prefect.server.api.server:create_app"
    config = uvicorn.Config(api, factory=True, log_level="critical", lifespan="on")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


def _end_with_the_run() -> None:
    while os.read(0, 1):
        pass
    os._exit(0)


def make_database() -> None:
    """Make the tables of a new database, as its migrations would.

    What goes wrong here is left to Prefect, which migrates whatever it finds.
    """
    from prefect import __version__
    from prefect.settings import (
        PREFECT_API_DATABASE_CONNECTION_URL,
        PREFECT_API_DATABASE_MIGRATE_ON_START,
    )

    url = PREFECT_API_DATABASE_CONNECTION_URL.value() or ""
    made_by, _, statements = TABLES.read_text(encoding="utf-8").partition("\n")
    if made_by != f"-- Prefect {__version__}" or not PREFECT_API_DATABASE_MIGRATE_ON_START.value():
        return
    path = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not path.exists():
        with suppress(OSError, sqlite3.Error), closing(sqlite3.connect(path, _BUSY)) as database:
            database.executescript(f"BEGIN EXCLUSIVE;\n{statements}\nCOMMIT;")


if __name__ == "__main__":
    main(int(sys.argv[1]))
