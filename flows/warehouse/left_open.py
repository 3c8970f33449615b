"""A workbench that one stage leaves open for the next."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import duckdb

from flows.warehouse.connection import Workbench, opened


class LeftOpen:
    """A workbench that is opened at its first use: on a night of few rows, opening it for each
    stage takes a tenth of the time."""

    def __init__(self, bench: Workbench) -> None:
        """A workbench that is not open yet."""
        self._bench = bench
        self._closing = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Use the workbench as `opened` of connection.py does, but leave it open.

        What the block has written is on disk when it ends. If it fails, the workbench is closed.
        """
        if self._connection is None:
            self._connection = self._closing.enter_context(opened(self._bench))
        try:
            yield self._connection
            self._connection.execute("CHECKPOINT")
        except BaseException:
            self._connection = None
            self._closing.__exit__(*sys.exc_info())
            raise

    def close(self) -> None:
        """Close the workbench if it is open, and free what the engine keeps in memory."""
        self._connection = None
        self._closing.close()
