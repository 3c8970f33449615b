"""Serve the app on this machine alone, until a person stops it."""

import errno
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from flows.errors import UsageError
from flows.signals import STOPS

LOOPBACK = "127.0.0.1"
_NOTHING = 100  # above every level of a message
_LONGEST_END = 10  # seconds in which an answer may be finished


def listen(port: int) -> socket.socket:
    """Take a port of the loopback interface; 0 takes a free one. Raises UsageError."""
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        if error.errno == errno.EACCES:
            why = f"--port {port} may not be used by this user."
        else:
            why = f"--port {port} is taken by another program."
        raise UsageError(f"{why} Name another, or leave --port out to use a free one.") from None


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Answer until the process is asked to end; an answer that has begun is finished.

    Nothing is logged: paths and errors could name whom they are about.
    """
    settings = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,
        log_level=_NOTHING,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LONGEST_END,
    )
    _Server(settings).run(sockets=[listening])


class _Server(uvicorn.Server):
    """A server that a signal ends in order: it is how a person stops it, and no failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End in order on each signal that stops a command."""
        for number in STOPS:
            signal.signal(number, self.handle_exit)
        yield
