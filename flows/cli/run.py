"""Commands that load, audit and keep extracts: run, serve, backfill, validate, purge."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_rules.errors import AuditError
from flows import ending
from flows.cli import server
from flows.cli.options import options_of_a_run
from flows.errors import PrefectTrouble, UsageError, redacted_errors, short_of_addresses
from flows.process import address_limit
from flows.request import RunRequest
from schemas.notes import counted

if TYPE_CHECKING:
    from flows.plan import Plan
    from flows.summary import Summary

_UNRECORDED = "The results are published, but Prefect did not record the end of the run."
EVERY_NIGHT = "0 2 * * *"


@options_of_a_run()
def run(*, quiet: bool = False, json: bool = False, **options: Any) -> None:
    """Load the extracts of a landing folder, audit them, and write exception reports.

    Parameters
    ----------
    quiet
        print nothing but errors
    json
        print one JSON object and no progress, for schedulers
    """
    server.start_early()
    from flows.cli.terminal import as_json, failure_as_json, show
    from flows.plan import plan_run

    def report(summary: "Summary") -> None:
        if json:
            print(as_json(summary))
        elif not quiet:
            show(summary)

    request = RunRequest(**options)
    try:
        with redacted_errors(request.output):  # what can be is refused before Prefect is imported
            made = plan_run(request)
        _run_flow(made, show_progress=not (quiet or json), report=report)
    except AuditError as error:
        if json:
            print(failure_as_json(error.exit_code, str(error)))
        raise


def _run_flow(made: "Plan", show_progress: bool, report: Callable[["Summary"], None]) -> None:
    """Run the flow in this process, and report the run as soon as it is published."""
    from flows.progress import announce

    with redacted_errors(made.request.output):
        _refuse_held(made.bench.warehouse, made.request.output)
    announce("Starting Prefect, which takes a few seconds.", wanted=show_progress)
    with _prefect(made.request, runs=1, report=report):
        from flows.nightly import audit

        audit(made, show_progress)


@options_of_a_run(without=("as_of",))
def serve(*, cron: str = EVERY_NIGHT, **options: Any) -> None:
    """Run the audit every night until stopped, as a deployment of the server of PREFECT_API_URL.

    Parameters
    ----------
    cron
        when, as a cron expression in UTC (default: two o'clock at night)
    """
    if not os.environ.get("PREFECT_API_URL"):
        raise UsageError(
            "A schedule needs a server. Start one (prefect server start) and set PREFECT_API_URL "
            "to its /api."
        )
    asked = RunRequest(**options).as_parameters(absolute=True)
    del asked["as_of"]  # each night has its own
    from flows.schedule import serve as keep_serving

    print(
        f"Serving the deployment claims-audit-nightly/nightly at {cron}. Stop with Ctrl+C.",
        flush=True,
    )
    with _prefect_errors():
        keep_serving(asked, cron)


@options_of_a_run(without=("input", "as_of"))
def backfill(*, nights: Path, first: date, last: date, **options: Any) -> None:
    """Audit a range of past nights in order, each from its own folder NIGHTS/YYYY-MM-DD.

    Parameters
    ----------
    nights
        folder with a folder of extracts per night
    first
        the first night, YYYY-MM-DD
    last
        the last night, YYYY-MM-DD
    """
    if last < first:
        raise UsageError("--last is before --first. Swap them.")

    from flows.warehouse.files import refuse_unwritable

    def report(summary: "Summary") -> None:
        print(f"{summary.as_of}  {summary.changes_in_words()}", flush=True)

    request = RunRequest(**options)
    refuse_unwritable(request.output, "--output")
    with _prefect_errors():
        server.prepare()  # before Prefect is imported, which takes seconds
        server.start_early()
        from flows.schedule import backfill as audit_nights
        from flows.schedule import nights_of

    asked = nights_of(request, nights, first, last)
    with _prefect(request, runs=len(asked), report=report):
        audit_nights(request, nights, first, last)


@options_of_a_run("config", "as_of")
def validate(*, input: Path, output: Path | None = None, **options: Any) -> None:
    """Load and validate the extracts of a landing folder; audit nothing, keep no warehouse.

    Prints where each column came from (same name, renamed, expression, folder or absent), how many
    of its values are null or did not parse, and notes on what is odd.

    Parameters
    ----------
    input
        folder with the extracts
    output
        folder for quarantine.parquet and warnings.parquet (default: only the counts are printed);
        if a file is refused for its rows, quarantine.parquet shows why
    """
    from flows import run_folders, stages
    from flows.cli.columns import show_columns
    from flows.intake.origins import column_origins
    from flows.plan import plan
    from flows.results.publish import publish_failed_checks
    from flows.results.refused_rows import leaving_quarantine
    from flows.warehouse.files import refuse_unwritable
    from flows.warehouse.left_open import LeftOpen
    from flows.warehouse.scratch import passing_scratch

    stages.import_ahead(page=False, paper=False)
    if output:
        refuse_unwritable(output, "--output")
    with (
        passing_scratch(output) as scratch,
        redacted_errors(output or Path()),
    ):
        made = plan(RunRequest(input=input, output=scratch, allow_future=True, **options))
        with closing(LeftOpen(made.bench)) as bench:
            with leaving_quarantine(made, output):
                run_folders.begin(made)
                stages.load_stage(made, lambda _file: None)
                stages.validate_stage(made, bench)
                settled = stages.settle_stage(made, bench)
            with bench.opened() as connection:
                origins = column_origins(connection)
                if output:
                    publish_failed_checks(connection, output, made)
    show_columns(origins, settled.notes)
    counts = settled.counts()
    print(
        f"{counted(counts['accepted'], 'claim row')} accepted, "
        f"{counts['history']} of them history after final action."
    )


def _refuse_held(warehouse: Path, output: Path) -> None:
    """Raise WarehouseBusy if anybody else has the warehouse open, and DiskTrouble if it cannot be
    made: at once, before Prefect starts."""
    from flows.warehouse.files import real_path
    from flows.warehouse.lock import hold
    from flows.warehouse.upgrade import upgrade

    folder = warehouse.parent
    if folder.is_dir() or folder != real_path(output):  # the run makes its output folder
        with hold(warehouse):
            upgrade(warehouse)


@contextmanager
def _prefect(request: RunRequest, runs: int, report: Callable[["Summary"], None]) -> Iterator[None]:
    """Start Prefect for runs of a request, and report each as soon as it is published.

    What fails after the last one is published is only printed: the work is done. Raises
    PrefectTrouble, and AuditError as it is.
    """
    published: list[Summary] = []

    def finish(summary: "Summary") -> None:
        published.append(summary)
        try:
            report(summary)
        except OSError:
            print("claims-audit: The summary could not be printed.", file=sys.stderr)
        if len(published) == runs:
            ending.finishes(_UNRECORDED)

    try:
        with _prefect_errors():
            server.prepare()
            ending.waits(server.patience(), server.no_answer())
            from flows import nightly, stages

            stages.import_ahead(request.page, request.xlsx is not False, request.memory)
            limits = server.patience(), server.no_answer()
            with server.served() as stays, nightly.reported_to(finish, *limits, announced=stays):
                yield
    except AuditError:
        if len(published) < runs:
            raise
        print(f"claims-audit: {_UNRECORDED}", file=sys.stderr)


@contextmanager
def _prefect_errors() -> Iterator[None]:
    """Report what Prefect could not do. Raises PrefectTrouble; AuditError and MemoryError stay."""
    try:
        yield
    except (AuditError, MemoryError):
        raise
    except Exception as error:
        what = type(error).__name__
    else:
        return
    if limit := address_limit():
        raise short_of_addresses(what, limit)
    raise PrefectTrouble(f"Prefect could not start or record the run ({what}). {server.remedy()}")
