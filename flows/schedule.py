"""Nights that run by themselves: a served deployment on a schedule, and a range of past nights."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

from prefect import flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, State
from prefect.states import Completed
from prefect.types.entrypoint import EntrypointType

from flows.errors import UsageError
from flows.nightly import night_of, nightly_audit
from flows.request import RunRequest
from flows.summary import Summary

NAME, TAGS = "nightly", ["claims-audit"]
DESCRIPTION = "Audit the extracts that landed, and report what changed since the last run."
ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
)
RETRIES, RETRY_SECONDS = 2, 300
"""For a night that failed because the disk was full or another run held the warehouse."""


@flow(
    name="claims-audit-nightly",
    flow_run_name=night_of,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
)
def scheduled_night(request: RunRequest) -> State[Summary]:
    """Run the audit of this night, again if it failed; the state is that of the audit."""
    night = cast(State[Summary], nightly_audit(request, return_state=True))
    if night.is_completed():
        return Completed(name=night.name, message=night.message)
    return night


def serve(options: dict[str, Any], cron: str) -> None:
    """Keep the deployment `claims-audit-nightly/nightly` on the server and run its nights here.

    options   of `RunRequest`, as JSON; without a date, so that each night has its own.
    """
    scheduled_night.serve(
        name=NAME,
        cron=cron,
        parameters={"request": options},
        tags=TAGS,
        description=DESCRIPTION,
        global_limit=ONE_AT_A_TIME,
        limit=1,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


@flow(name="claims-audit-backfill", persist_result=False)
def backfill(request: RunRequest, nights: Path, first: date, last: date) -> list[Summary]:
    """Audit the days from first to last that have a folder NIGHTS/YYYY-MM-DD, in order.

    Raises UsageError if no day has one, and AuditError with the first night that fails.
    """
    return [cast(Summary, nightly_audit(one)) for one in nights_of(request, nights, first, last)]


def nights_of(request: RunRequest, nights: Path, first: date, last: date) -> list[RunRequest]:
    """The run of each day that has a folder NIGHTS/YYYY-MM-DD. Raises UsageError if none has."""
    found = [day for day in _days(first, last) if (nights / day.isoformat()).is_dir()]
    if not found:
        raise UsageError(
            f"No folder YYYY-MM-DD of {first} to {last} in {nights.name!r}. "
            "Name the folder that holds them."
        )
    return [replace(request, input=nights / day.isoformat(), as_of=day) for day in found]


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))
