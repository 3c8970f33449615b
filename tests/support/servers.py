"""A server of Prefect that several runs of the tests share."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flows.cli import server


@contextmanager
def serving(settings: dict[str, str]) -> Iterator[str]:
    """Start a server with these settings, and end it after the block: the URL of its API.

    It ends with this process in any case.
    """
    with pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        started = server._started()
    try:
        assert server._is_healthy(started.process, started.port)
        yield f"http://127.0.0.1:{started.port}/api"
    finally:
        started.stop()
