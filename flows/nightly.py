"""The Prefect flow: load, validate, net, judge, report. Each task is one call to a plain function of stages.py.

What reaches Prefect's database are the paths the user gave, counts, and messages without row content.
"""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed

from flows import clock, stages
from flows.errors import redacted_errors
from flows.plan import Plan, Request, plan
from flows.privacy import FULL, Level
from flows.progress import StageBars
from flows.summary import Summary
from flows.warehouse.connection import hold

R = TypeVar("R", bound=stages.StageResult | Summary)
FINISHED = "claims-audit.night.finished"
"""The event that an automation can act on: its resource names the state, its payload the run and its counts."""


def night_of() -> str:
    """The name of the flow run at hand: which night it is about."""
    return f"night of {flow_run.parameters.get('as_of') or clock.today()}"


@flow(name="claims-audit", flow_run_name=night_of, validate_parameters=False, persist_result=False)
def nightly_audit(  # Prefect shows each parameter by name
    input: str | None,
    output: str,
    warehouse: str,
    as_of: str | None = None,
    config: str | None = None,
    policies: str | None = None,
    ndc_directory: str | None = None,
    partition_by: str | None = None,
    xlsx: bool | None = None,
    whole: bool = False,
    page: bool = True,
    privacy: Level = FULL,
    show_progress: bool = True,
) -> State[Summary]:
    """Audit the extracts of one landing folder; paths and the as-of date (YYYY-MM-DD, else today) as text.

    Without an input, what the warehouse holds is judged again. A finished night is told by an event (FINISHED).

    The state is `Completed`, or `Completed with quarantine` where rows were quarantined. Raises AuditError.
    """
    night = date.fromisoformat(as_of) if as_of else clock.today()
    request = Request(
        _path(input),
        Path(output),
        Path(warehouse),
        night,
        _path(config),
        _path(policies),
        _path(ndc_directory),
        partition_by,
        xlsx,
        whole,
        page,
        privacy,
    )
    with redacted_errors(request.output):
        summary = _audit(plan(request), show_progress)
    name = summary.state
    if PREFECT_API_URL.value():  # a server of this run's own would not outlive it
        counts = {"exceptions": summary.found, "quarantined": summary.quarantined, **summary.moved}
        resource = {"prefect.resource.id": f"{FINISHED}.{summary.run_id}", "state": name}
        resource["quarantine_tonight"] = (
            "yes" if summary.quarantined_tonight else "no"
        )  # of rows that this night loaded
        scheduled = {
            "prefect.resource.id": f"prefect.deployment.{deployment.id}",
            "prefect.resource.role": "deployment",
        }
        payload = {"run_id": summary.run_id, "as_of": summary.as_of, **counts}
        emit_event(
            FINISHED, resource, related=[scheduled] if deployment.id else [], payload=payload
        )
    return Completed(name=name, message=f"{summary.quarantined} rows quarantined", data=summary)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _audit(plan: Plan, show_progress: bool) -> Summary:
    request, bars = plan.request, StageBars(show_progress)
    request.output.mkdir(mode=0o700, parents=True, exist_ok=True)
    with hold(request.warehouse), bars.shown():
        try:
            stages.begin(plan)
            loaded = _stage(
                bars, "load", lambda: stages.load_stage(plan, bars.step), plan, len(plan.extracts)
            )
            validated = _stage(bars, "validate", lambda: stages.validate_stage(plan), plan)
            settled = _stage(bars, "settle", lambda: stages.settle_stage(plan), plan)
            judged = _stage(bars, "judge", lambda: stages.judge_stage(plan), plan)
            summary = _stage(
                bars,
                "report",
                lambda: stages.report_stage(plan, loaded, validated, settled, judged),
                plan,
            )
        finally:
            shutil.rmtree(plan.bench.scratch, ignore_errors=True)
    counts: dict[str, stages.StageResult] = {
        "load": loaded,
        "validate": validated,
        "settle": settled,
        "judge": judged,
    }
    rows = [
        {"stage": stage, "count": what, "value": n}
        for stage, result in counts.items()
        for what, n in result.counts().items()
    ]
    create_table_artifact(
        rows, key="claims-audit-counts", description=f"Counts of run {summary.run_id}"
    )
    return summary


def _stage(bars: StageBars, name: str, work: Callable[[], R], plan: Plan, steps: int = 1) -> R:
    """Run one stage as a Prefect task of that name."""

    def safely() -> R:
        with redacted_errors(plan.request.output):
            return work()

    with bars.stage(name, steps):
        answer = task(name=name, cache_policy=NO_CACHE, persist_result=False)(safely)()
        if not isinstance(answer, Summary):
            bars.rows(answer.counts()["rows"])
        return answer
