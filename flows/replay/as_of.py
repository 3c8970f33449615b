"""Rebuild final action for a past as-of date in a passing workbench. Nothing is saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import duckdb

from flows.errors import UsageError
from flows.plan import Plan, plan
from flows.request import RunRequest
from flows.settle.settle import decide_again
from flows.warehouse.connection import NO_SUCH_WAREHOUSE, opened
from flows.warehouse.scratch import passing_scratch


@contextmanager
def settled_as_of(
    request: RunRequest, date_diagnoses: bool = True
) -> Iterator[tuple[Plan, duckdb.DuckDBPyConnection]]:
    """Yield the plan of a request without its input, and a workbench with final action settled.

    date_diagnoses   whether undated diagnoses are dated; else the caller dates those of the persons
                     it asks about.

    Raises UsageError if there is no such warehouse, and AuditError as a run would.
    """
    if not request.warehouse_file.is_file():
        raise UsageError(NO_SUCH_WAREHOUSE)
    made = plan(replace(request, input=None, allow_future=True))
    with passing_scratch(made.bench.warehouse.parent) as scratch:
        bench = replace(made.bench, database=scratch / "bench.duckdb", scratch=scratch)
        with opened(bench) as connection:
            decide_again(connection, request.as_of, made.payer_names, date_diagnoses)
            yield made, connection
