"""The quarantine of a run that is refused because too many rows of a file cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from audit_rules.errors import AuditError
from flows.errors import TooManyBadRows
from flows.plan import Plan
from flows.privacy import AGGREGATE
from flows.results.failed_checks import quarantine
from flows.results.pseudonyms import pseudonymise
from flows.results.publish import make_private
from flows.results.tables import write_tables
from flows.results.together import published_together
from flows.settle.persons import assume_resolved
from flows.warehouse.connection import opened


@contextmanager
def leaving_quarantine(plan: Plan, output: Path | None) -> Iterator[None]:
    """Leave quarantine.parquet in a folder, if one is named, when the block raises TooManyBadRows.

    An aggregate run leaves none. The error then says where it is.
    """
    try:
        yield
    except TooManyBadRows as refusal:
        if output is None or plan.request.privacy == AGGREGATE or not _has_left(plan, output):
            raise
        sentence = str(refusal).removesuffix(".")
        raise TooManyBadRows(
            f"{sentence}; the rows are in quarantine.parquet in the output folder."
        ) from None


def _has_left(plan: Plan, output: Path) -> bool:
    """Leave the quarantine. The run is refused for its rows even if that fails."""
    try:
        with opened(plan.bench) as connection:
            _leave(connection, output, plan)
    except (AuditError, OSError):
        return False
    return True


def _leave(connection: duckdb.DuckDBPyConnection, output: Path, plan: Plan) -> None:
    """Write the quarantine into a folder; it shows no more than the privacy level allows."""
    assume_resolved(connection)
    rows = quarantine(connection)
    if plan.pseudonyms is not None:
        rows = pseudonymise(rows, plan.pseudonyms, plan.payer_names)
    with published_together(output) as staging:
        write_tables(staging, {"quarantine": rows})
        make_private(staging, plan.config.result_mode, plan.config.result_group)
