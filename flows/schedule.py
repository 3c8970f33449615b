"""Nights that run by themselves: a served deployment with a schedule, and a range of past nights, one after the other."""

from datetime import date, timedelta
from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy, State
from prefect.states import Completed
from prefect.types.entrypoint import EntrypointType

from flows.errors import UsageError
from flows.nightly import night_of, nightly_audit
from flows.privacy import FULL, Level
from flows.summary import Summary

NAME, TAGS = "nightly", ["claims-audit"]
DESCRIPTION = "Audit the extracts that landed, and tell what moved since the night before."
ONE_AT_A_TIME = ConcurrencyLimitConfig(
    limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW
)
RETRIES, RETRY_SECONDS = (
    2,
    300,
)  # of a night that failed: a disk that was full, a warehouse that was held


@flow(
    name="claims-audit-nightly",
    flow_run_name=night_of,
    validate_parameters=False,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
)
def scheduled_night(
    input: str | None,
    output: str,
    warehouse: str,
    config: str | None = None,
    policies: str | None = None,
    ndc_directory: str | None = None,
    partition_by: str | None = None,
    xlsx: bool | None = None,
    whole: bool = False,
    page: bool = True,
    privacy: Level = FULL,
) -> State[Summary]:
    """Tonight's audit, tried again where it failed; its state is that of the audit."""
    settings = {"config": config, "policies": policies, "ndc_directory": ndc_directory}
    asked = {
        "partition_by": partition_by,
        "xlsx": xlsx,
        "whole": whole,
        "page": page,
        "privacy": privacy,
    }
    night = nightly_audit(input, output, warehouse, **settings, **asked, return_state=True)
    return Completed(name=night.name, message=night.message) if night.is_completed() else night  # type: ignore[return-value]


def serve(parameters: dict[str, str | bool | None], cron: str) -> None:
    """Keep the deployment `claims-audit-nightly/nightly` on the server of PREFECT_API_URL, and run its nights from here."""
    scheduled_night.serve(
        name=NAME,
        cron=cron,
        parameters=parameters,
        tags=TAGS,
        description=DESCRIPTION,
        global_limit=ONE_AT_A_TIME,
        limit=1,
        enforce_parameter_schema=False,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )


@flow(name="claims-audit-backfill", validate_parameters=False, persist_result=False)
def backfill(
    nights: str,
    output: str,
    warehouse: str,
    first: str,
    last: str,
    config: str | None = None,
    policies: str | None = None,
    ndc_directory: str | None = None,
    partition_by: str | None = None,
    xlsx: bool | None = None,
    whole: bool = False,
    page: bool = True,
    privacy: Level = FULL,
) -> list[Summary]:
    """Every night from the first day to the last that has a folder of its own (NIGHTS/YYYY-MM-DD), in order.

    Raises UsageError where no day has one, and AuditError with the first night that fails.
    """
    found = [
        day
        for day in _days(date.fromisoformat(first), date.fromisoformat(last))
        if (Path(nights) / day).is_dir()
    ]
    if not found:
        raise UsageError(
            f"No folder YYYY-MM-DD of {first} to {last} in {Path(nights).name!r}. Name the folder that holds them."
        )
    rest = (config, policies, ndc_directory, partition_by, xlsx, whole, page, privacy)
    return [nightly_audit(str(Path(nights) / day), output, warehouse, day, *rest) for day in found]  # type: ignore[misc]


def _days(first: date, last: date) -> list[str]:
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
