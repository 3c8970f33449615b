"""The Prefect flow: load, validate, settle, judge, report.

Each task is one call to a plain function of stages.py. What reaches Prefect's database are the
paths the user gave, counts, and messages without row content.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import SyncClientContext
from prefect.events import emit_event
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed

from audit_rules.errors import AuditError
from flows import ending, run_folders, stages
from flows.clock import now
from flows.end_screen import as_markdown, headline
from flows.errors import PrefectTrouble, redacted_errors
from flows.plan import Plan, plan_run
from flows.privacy import AGGREGATE
from flows.process import work_privately
from flows.progress import StageBars
from flows.request import RunRequest
from flows.results.refused_rows import leaving_quarantine
from flows.stage_results import (
    OF_FILES,
    JudgeStageResult,
    LoadStageResult,
    SettleStageResult,
    StageResult,
    ValidateStageResult,
)
from flows.streams import say
from flows.summary import Summary
from flows.warehouse.files import make_folder
from flows.warehouse.left_open import LeftOpen
from flows.warehouse.lock import hold
from schemas.notes import counted

R = TypeVar("R", bound=StageResult)
FINISHED = "claims-audit.night.finished"
"""The event for automations: its resource names the state, its payload the run and its counts."""
_AS_A_TASK: dict[str, Any] = {"cache_policy": NO_CACHE, "persist_result": False}
_made_plans: dict[RunRequest, Plan] = {}
"""Plans made before Prefect started, until their flow takes them. Prefect pickles this module."""
_wait_for_prefect: list[Callable[[], None]] = []
_report_finished: list[Callable[[Summary], None]] = []
"""What the command line does when a run waits for Prefect, and when one is published."""
_unannounced: list[bool] = []
"""Holds something if nobody hears events: a server of the run's own does not outlive it."""


class Night:
    """A run at work: its plan and its progress bars.

    Not a dataclass: Prefect searches dataclass arguments of tasks, and a plan holds every code.
    """

    def __init__(self, made: Plan, bars: StageBars) -> None:
        """A run that has not begun."""
        self.plan, self.bars, self.bench = made, bars, LeftOpen(made.bench)
        self.published: Summary | None = None
        self._counted = ""

    @contextmanager
    def stage(self, name: str, steps: int = 1) -> Iterator[None]:
        """Show a stage's bar, redact its errors, and log what it counted."""
        ending.works()
        self._counted = ""
        with self.bars.stage(name, steps), redacted_errors(self.plan.request.output):
            yield
        for wait in _wait_for_prefect:
            wait()
        if self._counted:
            _log(logging.INFO, f"{name}: {self._counted}")

    def show(self, result: R) -> R:
        """Show how many rows the stage went through."""
        if self.plan.request.privacy != AGGREGATE:
            self.bars.rows(result.counts()["rows"])
        counts = _stored(self.plan.request, result).items()
        self._counted = ", ".join(f"{what.replace('_', ' ')} {n:,}" for what, n in counts)
        return result

    def show_bucket(self, number: int, of: int) -> None:
        """Show and log that one more bucket of persons is judged, if there are several."""
        if of > 1 and self.plan.request.privacy != AGGREGATE:
            self.bars.step(f"bucket {number} of {of}", of)
            _log(logging.INFO, f"judge: bucket {number} of {of}")

    def finish(self, summary: Summary) -> Summary:
        """Report a run as soon as it is published: nothing after it can undo that."""
        self.published = summary
        self.bars.end()
        for report_finished in _report_finished:
            report_finished(summary)
        _log(logging.INFO, f"report: {headline(summary)}, in {summary.folder.name}")
        return summary


@task(**_AS_A_TASK)
def load(night: Night) -> LoadStageResult:
    """Load every new extract."""
    with night.stage("load", len(night.plan.extracts)):
        return night.show(stages.load_stage(night.plan, night.bars.step))


@task(**_AS_A_TASK)
def validate(night: Night) -> ValidateStageResult:
    """Quarantine rows that fail a check, count warnings."""
    with night.stage("validate"):
        return night.show(stages.validate_stage(night.plan, night.bench))


@task(**_AS_A_TASK)
def settle(night: Night) -> SettleStageResult:
    """Find who is who, and which version of a claim is final."""
    with night.stage("settle"):
        return night.show(stages.settle_stage(night.plan, night.bench))


@task(**_AS_A_TASK)
def judge(night: Night) -> JudgeStageResult:
    """Run every rule for the persons affected since the last run."""
    with night.stage("judge"):
        return night.show(stages.judge_stage(night.plan, night.bench, night.show_bucket))


@task(**_AS_A_TASK)
def report(
    night: Night,
    loaded: LoadStageResult,
    validated: ValidateStageResult,
    settled: SettleStageResult,
    judged: JudgeStageResult,
) -> Summary:
    """Write and publish the results."""
    with night.stage("report"):
        summary = stages.report_stage(night.plan, loaded, validated, settled, judged)
    return night.finish(summary)


def night_of() -> str:
    """The name of the current flow run: which night it is about."""
    return f"night of {flow_run.parameters['request'].as_of}"


@flow(name="claims-audit", flow_run_name=night_of, persist_result=False)
def nightly_audit(request: RunRequest, show_progress: bool = True) -> State[Summary]:
    """Audit the extracts of one landing folder.

    Without an input, the contents of the warehouse are judged again. With a server, an event
    reports the finished night (FINISHED).

    The state is `Completed`, `Completed with quarantine` if rows were quarantined, or `Completed,
    nothing audited` if there was no paid line of an audited drug. Raises AuditError.
    """
    work_privately()  # a worker starts the flow without the command line
    ending.begins()
    try:
        with redacted_errors(request.output):
            made = _made_plans.pop(request, None) or plan_run(request)
            summary = _audit(made, show_progress)
    except AuditError as error:
        _log(logging.ERROR, str(error))
        raise
    if PREFECT_API_URL.value() and not _unannounced:
        _attempt("emit the event of this night", partial(_announce, summary))
    rows = "some rows" if (n := summary.quarantined) is None else counted(n, "row")
    return Completed(name=summary.state, message=f"{rows} quarantined", data=summary)


@contextmanager
def reported_to(
    finish: Callable[[Summary], None],
    patience: float,
    no_answer: PrefectTrouble,
    announced: bool,
) -> Iterator[None]:
    """Report each run of the block as soon as it is published, and limit each wait for Prefect.

    patience, no_answer   how many seconds a wait may take, and what to report if it takes longer.
    announced             whether to emit an event of each run; a server of the block's own would
                          not outlive it.
    """
    _report_finished.append(finish)
    _wait_for_prefect.append(partial(ending.waits, patience, no_answer))
    _unannounced.extend([] if announced else [True])
    try:
        yield
    finally:
        for each in (_report_finished, _wait_for_prefect, _unannounced):
            each.clear()


def audit(made: Plan, show_progress: bool) -> Summary:
    """Run the flow in this process, with a plan made before Prefect started. Raises AuditError."""
    _made_plans[made.request] = made
    try:
        return nightly_audit(made.request, show_progress)  # type: ignore[return-value]
    finally:
        _made_plans.pop(made.request, None)


def _audit(made: Plan, show_progress: bool) -> Summary:
    """Run the tasks under the lock of the warehouse, and store their counts as an artifact."""
    request, night = made.request, Night(made, StageBars(show_progress))
    results: dict[str, StageResult] = {}
    make_folder(request.output)
    with hold(request.warehouse_file), night.bars.shown():
        try:
            with leaving_quarantine(made, request.output):
                run_folders.begin(made)
                loaded = results["load"] = load(night)
                validated = results["validate"] = validate(night)
                settled = results["settle"] = settle(night)
            judged = results["judge"] = judge(night)
            report(night, loaded, validated, settled, judged)
        except Exception:
            if night.published is None:
                raise
        finally:
            night.bench.close()
            run_folders.clear_away(made)
    summary = night.published
    assert summary is not None
    _attempt("store the counts of this run", partial(_store_counts, request, summary, results))
    screen = partial(create_markdown_artifact, key="claims-audit-night")
    _attempt("store what this run came to", lambda: screen(as_markdown(summary)))
    return summary


def _attempt(what: str, act: Callable[[], object]) -> None:
    """Do what the results do not need; report if it fails."""
    try:
        act()
    except Exception as error:
        say(
            f"claims-audit: The results are published, but Prefect could not {what} "
            f"({type(error).__name__}).",
            on_error=True,
        )


def _store_counts(request: RunRequest, summary: Summary, results: dict[str, StageResult]) -> None:
    """Store what each stage counted as an artifact."""
    rows = [
        {"stage": stage, "count": what, "value": n}
        for stage, result in results.items()
        for what, n in _stored(request, result).items()
    ]
    description = f"Counts of run {summary.run_id}"
    create_table_artifact(rows, key="claims-audit-counts", description=description)


def _stored(request: RunRequest, result: StageResult) -> dict[str, int]:
    """The counts of a stage that Prefect may hold."""
    is_open = request.privacy != AGGREGATE
    return {what: n for what, n in result.counts().items() if is_open or what in OF_FILES}


def _log(level: int, message: str) -> None:
    """Add a line to the run's own log, of counts and names only.

    Prefect's own lines are not stored: they may hold what an error quotes. A line that cannot be
    stored is left out, as no result needs it.
    """
    if not flow_run.id:
        return
    line = {"name": "claims-audit", "level": level, "message": message}
    at = {"timestamp": f"{now().isoformat()}Z", "flow_run_id": flow_run.id}
    with suppress(Exception), SyncClientContext.get_or_create() as context:
        context.client.create_logs([line | at])


def _announce(summary: Summary) -> None:
    """Emit the event of a finished night, related to its deployment if it has one."""
    counts = {"exceptions": summary.found, "quarantined": summary.quarantined}
    counts |= summary.changes or {}
    resource = {
        "prefect.resource.id": f"{FINISHED}.{summary.run_id}",
        "state": summary.state,
        "quarantine_tonight": "no" if summary.newly_quarantined == 0 else "yes",
    }
    scheduled = {
        "prefect.resource.id": f"prefect.deployment.{deployment.id}",
        "prefect.resource.role": "deployment",
    }
    shown = {name: count for name, count in counts.items() if count is not None}
    payload = {"run_id": summary.run_id, "as_of": summary.as_of, **shown}
    emit_event(FINISHED, resource, related=[scheduled] if deployment.id else [], payload=payload)
