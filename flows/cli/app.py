"""The command line. Exit codes are the contract's; what is printed holds no row content."""

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
from cyclopts import (
    App,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from audit_rules import catalogue
from audit_rules.errors import AuditError
from audit_rules.policy.library import load_policies, read_policy_files
from audit_rules.rules import RULES
from flows import clock
from flows.cli.completion import offer_completion
from flows.cli.options import NO_SETTINGS, Deciding, Reports, Settings
from flows.cli.packets import packet, verify
from flows.errors import PrefectTrouble, UsageError, redacted_errors
from flows.ledger.changes import DISMISS, REOPEN, Decision, decide, last_night, read_decisions
from flows.plan import Request, plan, program_version
from flows.stages import begin, load_stage, settle_stage, validate_stage
from flows.summary import Summary

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_LOGGING_LEVEL", "CRITICAL")
os.environ.setdefault(
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180"
)  # a busy machine takes its time

DEFECTS_FOUND = 1

app = App(
    name="claims-audit",
    help="Audit paid drug claims against payers' policies.",
    version=program_version,
)
app.command(packet)
app.command(verify)
offer_completion(app)


@app.command
def run(
    *,
    input: Path | None = None,
    reports: Reports,
    as_of: str | None = None,
    settings: Settings = NO_SETTINGS,
    quiet: bool = False,
    json: bool = False,
) -> None:
    """Load the extracts of a landing folder, audit them, and write exception reports.

    Parameters
    ----------
    input
        folder with the extracts (left out: what the warehouse holds is judged again)
    as_of
        the knowledge date, YYYY-MM-DD (default: today)
    quiet
        print nothing but errors
    json
        print one JSON object and no progress, for schedulers
    """
    from flows.cli.terminal import as_json, failure_as_json, show

    try:
        request = reports.request(input, _day(as_of), settings)
        with redacted_errors(request.output):
            plan(request)  # what can be refused is refused before Prefect starts
        summary = _run_flow(request, show_progress=not (quiet or json))
    except AuditError as error:
        if json:
            print(failure_as_json(error.exit_code, str(error)))
        raise
    if json:
        print(as_json(summary))
    elif not quiet:
        show(summary)


@app.command
def serve(
    *,
    input: Path | None = None,
    reports: Reports,
    settings: Settings = NO_SETTINGS,
    cron: str = "0 2 * * *",
) -> None:
    """Run the audit every night, as a deployment of the Prefect server that PREFECT_API_URL names, until stopped.

    Parameters
    ----------
    input
        folder in which the extracts land
    cron
        when, as a cron expression (default: two o'clock at night)
    """
    if not os.environ.get("PREFECT_API_URL"):
        raise UsageError(
            "A schedule needs a server. Start one (prefect server start) and set PREFECT_API_URL to its /api."
        )
    words = reports.request(input, clock.today(), settings).words(absolute=True)
    del words["as_of"]  # each night has its own
    from flows.schedule import serve

    print(f"Serving the deployment claims-audit-nightly/nightly at {cron}. Stop with Ctrl+C.")
    with _prefect():
        serve(words, cron)


@app.command
def backfill(
    *, nights: Path, first: str, last: str, reports: Reports, settings: Settings = NO_SETTINGS
) -> None:
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
    words = reports.request(nights, _day(last), settings).words()
    del words["input"], words["as_of"]
    from flows.schedule import backfill

    with _prefect():
        summaries = backfill(
            str(nights), first=_day(first).isoformat(), last=_day(last).isoformat(), **words
        )
    for summary in summaries:
        print(f"{summary.as_of}  {summary.moved_in_words()}")


@app.command
def validate(
    *, input: Path, output: Path | None = None, config: Path | None = None, as_of: str | None = None
) -> None:
    """Load and validate the extracts of a landing folder; nothing is audited, no warehouse is kept.

    Parameters
    ----------
    input
        folder with the extracts
    output
        folder for quarantine.parquet and warnings.parquet (default: only the counts are printed)
    config
        a TOML file with settings
    as_of
        the knowledge date, YYYY-MM-DD (default: today)
    """
    from tempfile import TemporaryDirectory

    from flows.results.publish import publish_failed_checks
    from flows.warehouse.connection import opened

    with (
        TemporaryDirectory(prefix="claims-audit-") as scratch,
        redacted_errors(output or Path(scratch)),
    ):
        made = plan(
            Request(input, Path(scratch), Path(scratch) / "audit.duckdb", _day(as_of), config)
        )
        begin(made)
        load_stage(made, lambda _name: None)
        validate_stage(made)
        counts = settle_stage(made).counts()
        if output:
            with opened(made.bench) as connection:
                publish_failed_checks(connection, output, made)
    print(
        f"{counts['accepted']} claim rows accepted, {counts['history']} of them history after final action."
    )


@app.command
def rules(
    rule_id: str | None = None, *, coverage: bool = False, policies: Path | None = None
) -> None:
    """Print the rule catalogue, one rule, or how much of each policy document is audited.

    Parameters
    ----------
    rule_id
        such as QTY01
    coverage
        per document, the clauses audited, partly audited and not auditable
    policies
        a folder with more policy files
    """
    if coverage:
        print(catalogue.audited_clauses(load_policies(policies), RULES))
        return
    chosen = [m for m in RULES if rule_id is None or m.RULE.id == rule_id.upper()]
    if not chosen:
        raise UsageError(f"No such rule. Rules: {', '.join(m.RULE.id for m in RULES)}.")
    print("\n\n".join(catalogue.describe(m) for m in chosen))


@app.command
def dismiss(*ids: str, decision: Deciding, until: str | None = None) -> None:
    """Set exceptions aside: from the next night on they are `dismissed`, until a day or until they move.

    Parameters
    ----------
    ids
        exception ids
    until
        the last day on which the dismissal holds, YYYY-MM-DD (default: it holds until the exception moves)
    """
    count = _decided(DISMISS, ids, decision, _day(until, "--until") if until else None)
    print(f"{count} exceptions dismissed; the next run shows it.")


@app.command
def reopen(*ids: str, decision: Deciding) -> None:
    """Take a dismissal back, from the next night on.

    Parameters
    ----------
    ids
        exception ids
    """
    print(f"{_decided(REOPEN, ids, decision, None)} exceptions reopened; the next run shows it.")


def _decided(action: str, ids: tuple[str, ...], by: Deciding, until: date | None) -> int:
    """How many exceptions were decided about."""
    with redacted_errors(Path.cwd()):
        decisions = [Decision(i, by.reason) for i in ids] + (
            _decisions(by.file, by.reason, action) if by.file else []
        )
        return decide(by.warehouse, decisions, action, by.by, until)


def _decisions(file: Path, reason: str | None, action: str) -> list[Decision]:
    """What a work-paper or a CSV decides. Raises UsageError."""
    from flows.reports.workpaper.read import SPREADSHEETS, dismissals

    if file.suffix.lower() not in SPREADSHEETS:
        return read_decisions(file, reason)
    if action != DISMISS:
        raise UsageError(
            "A work-paper says what to dismiss, not what to reopen. Give exception ids, or a CSV."
        )
    return dismissals(file, reason)


@app.command
def purge(*, warehouse: Path, before: str, dry_run: bool = False) -> None:
    """Remove everyone of whom nothing in the warehouse is dated on or after a day, and all that stands there about them.

    The texts of records quarantined on nights before the day go as well. Reports in output folders are left alone.

    Parameters
    ----------
    warehouse
        the warehouse
    before
        the day, YYYY-MM-DD
    dry_run
        only count what would go
    """
    from flows.warehouse.purge import purge as purged

    with redacted_errors(Path.cwd()):
        gone = purged(warehouse, _day(before, "--before"), dry_run)
    print(
        f"{'Would be removed' if dry_run else 'Removed'}: {gone.members} members with {gone.rows} rows and {gone.exceptions} "
        f"exceptions of the ledger; the text of {gone.texts} quarantined records."
    )


@app.command
def explain(
    claim_id: str,
    *,
    warehouse: Path,
    line: int | None = None,
    as_of: str | None = None,
    settings: Settings = NO_SETTINGS,
) -> None:
    """Every rule on every line of one claim: fired or not, and why. What is printed is a result and may hold PHI.

    Give it the config and the policies of the run.

    Parameters
    ----------
    claim_id
        the claim, as it stands in the extracts
    warehouse
        the warehouse of a run
    line
        one line of it (default: all)
    as_of
        the knowledge date, YYYY-MM-DD (default: the last night of the warehouse)
    """
    from flows.replay.explain import explain as explained
    from flows.replay.explain_text import text_of

    rest = (settings.config, settings.policies, settings.ndc_directory)
    print(
        text_of(
            explained(
                Request(None, Path(), warehouse, _night(as_of, warehouse), *rest), claim_id, line
            )
        )
    )


@app.command
def compare(
    *,
    warehouse: Path,
    policies: list[Path],
    as_of: str | None = None,
    config: Path | None = None,
    ndc_directory: Path | None = None,
    json: bool = False,
) -> None:
    """Judge one warehouse under two sets of policies: what appears, disappears and changes, by rule and clause.

    Parameters
    ----------
    warehouse
        the warehouse of a run
    policies
        a folder with policy files; twice for a comparison of two, once to compare with the shipped ones
    as_of
        the knowledge date, YYYY-MM-DD (default: the last night of the warehouse)
    config
        the config file of the run, for its payer names
    ndc_directory
        a folder with the FDA NDC directory
    json
        print the moves as JSON
    """
    from flows.replay.compare import compare as compared
    from flows.replay.compare import show

    if not 1 <= len(policies) <= 2:
        raise UsageError("--policies is given once or twice: before and after, or after alone.")
    before, after = policies if len(policies) == 2 else (None, policies[0])
    night = _night(as_of, warehouse)
    moved = compared(
        Request(None, Path(), warehouse, night, config, None, ndc_directory), before, after
    )
    if json:
        print(moved.with_columns(pl.col("dollars").cast(pl.String)).write_json())
    else:
        show(moved)


@app.command
def lint(*policy_files: Path, json: bool = False, as_of: str | None = None) -> int:
    """Find defects in policy documents and in the files that transcribe them; exit code 1 where some are errors.

    Parameters
    ----------
    policy_files
        policy files, or folders of them (default: the shipped documents)
    json
        print the findings as JSON
    as_of
        the day on which a review has passed or not, YYYY-MM-DD (default: today)
    """
    from audit_rules.lint.run import as_json, as_text, has_errors
    from audit_rules.lint.run import lint as find_defects

    findings = find_defects(read_policy_files(policy_files), _day(as_of))
    print(as_json(findings) if json else as_text(findings))
    return DEFECTS_FOUND if has_errors(findings) else 0


def _day(text: str | None, option: str = "--as-of") -> date:
    if text is None:
        return clock.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} is a date, YYYY-MM-DD.") from None


def _night(as_of: str | None, warehouse: Path) -> date:
    """The day asked for, else the last night of the warehouse, else today."""
    return _day(as_of) if as_of else last_night(warehouse) or clock.today()


def _run_flow(request: Request, show_progress: bool) -> Summary:
    """Start the flow in this process; with a server of its own where PREFECT_API_URL names none."""
    with _prefect():
        from flows.nightly import nightly_audit

        return nightly_audit(**request.words(), show_progress=show_progress)  # type: ignore[return-value]


@contextmanager
def _prefect() -> Iterator[None]:
    """Tell what Prefect could not do. Raises PrefectTrouble, and AuditError as it is."""
    try:
        yield
    except AuditError:
        raise
    except Exception as error:
        raise PrefectTrouble(
            f"Prefect could not start or record the run ({type(error).__name__}). Check PREFECT_API_URL and that "
            "PREFECT_HOME can be written."
        ) from None


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    os.umask(0o077)
    answer = None
    try:
        with redacted_errors(Path.cwd()):
            answer = _call(arguments)
    except AuditError as error:
        print(f"claims-audit: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return answer if isinstance(answer, int) else 0


def _call(arguments: list[str] | None) -> object:
    """Parse the arguments and run the command. Raises UsageError, and whatever the command raises."""
    try:
        return app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        raise UsageError(f"{_misused(error)} See claims-audit --help.") from None


def _misused(error: CycloptsError) -> str:
    """What was wrong with the call, without the words of it."""
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        return f"{error.argument.name} needs a value."
    known = ", ".join(name for name in app if not name.startswith("-"))
    kinds = {
        UnknownCommandError: f"No such command; there are {known}.",
        UnknownOptionError: "An option is not known.",
        UnusedCliTokensError: "There are words too many.",
    }
    return next(
        (text for kind, text in kinds.items() if isinstance(error, kind)),
        "The call is not understood.",
    )


def entry() -> None:
    """The console script."""
    atexit.register(_silence_the_end)  # registered first, so it runs last
    sys.exit(main())


def _silence_the_end() -> None:
    """DuckDB's binding reports leaks while the interpreter ends: noise that says nothing about the run."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
