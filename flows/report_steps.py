"""The steps of the report stage, in their order: ledger, tables, reports, keeping, publication."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

from audit_rules.engine.past_decisions import PastDecisions
from flows.collecting import barred_fees, with_collectability
from flows.judging import affected, audited_codes, frames, members, population, standing
from flows.judging.standing import (
    files_of_answers,
    read_merged,
    read_repeated,
    with_all_columns,
)
from flows.ledger.before import read_ledger_before
from flows.ledger.changes import LedgerChanges, record_changes, with_ledger
from flows.ledger.nights import NightTotals, read_trend, record_totals
from flows.ledger.precision import read_decided
from flows.ledger.rebilled import follow_rebilled
from flows.plan import Plan
from flows.reports.run_facts import run_facts
from flows.reports.write import write_reports
from flows.results.agreement import refuse_disagreement
from flows.results.failed_checks import failed_checks
from flows.results.manifest import write_manifest
from flows.results.partitions import write_exceptions_by
from flows.results.privacy_level import (
    apply_privacy_level,
    shown_notes,
)
from flows.results.publish import make_private, publish
from flows.results.run_exceptions import RunExceptions, exceptions_on_lines
from flows.results.run_identity import RunIdentity, identify_run
from flows.results.run_record import record_run, runs_before
from flows.results.tables import write_result_tables
from flows.run_folders import clear_away, complete_folder, merged_folder, results_folder
from flows.settle.balance import Balance
from flows.settle.settle import TABLES as SETTLE_TABLES
from flows.summary import Summary
from flows.warehouse.keep import keep
from flows.warehouse.memory import Memory
from schemas.notes import Note
from schemas.results import AMOUNT_COLUMNS, EXCEPTION, conform

MEMORY = Memory(
    settled=SETTLE_TABLES,
    answers=(
        *audited_codes.TABLES,
        *population.TABLES,
        *affected.TABLES,
        *members.TABLES,
        *frames.TABLES,
        *standing.TABLES,
    ),
)
"""The tables of a run that the warehouse may remember, as their makers declare."""


@dataclass(frozen=True)
class LedgerFacts:
    """What the ledger says of a run: its id, what changed, and the exceptions with that.

    exceptions   without the columns that are left in files.
    shown        with all columns, in files.
    decided      what persons decided before it.
    notes        what the run says of its files, its config and its lines.
    """

    run: RunIdentity
    changes: LedgerChanges
    exceptions: pl.DataFrame
    shown: pl.LazyFrame
    decided: PastDecisions
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class ReportFacts:
    """What the reports of a run need besides its tables, once those are written: no exceptions.

    run, decided, notes   as LedgerFacts has them.
    tonight               what this night adds to the trend.
    """

    run: RunIdentity
    decided: PastDecisions
    notes: tuple[Note, ...]
    tonight: NightTotals


def record_in_ledger(
    connection: duckdb.DuckDBPyConnection, plan: Plan, notes: tuple[Note, ...]
) -> LedgerFacts:
    """Record what changed since the last run."""
    before = read_ledger_before(connection, plan.request.as_of)
    run = identify_run(connection, plan, before.digest, notes)
    judged_now = read_merged(merged_folder(plan))
    changes = record_changes(connection, plan, run.run_id, before, judged_now)
    known = with_collectability(with_ledger(judged_now, changes.standing), plan)
    columns = {name: kind for name, kind in EXCEPTION.items() if name in known.columns}
    exceptions = conform(known, columns)
    shown = with_all_columns(exceptions, merged_folder(plan))
    decided = read_decided(connection, plan.request.as_of)
    decided = follow_rebilled(connection, decided, exceptions, shown)
    return LedgerFacts(run, changes, exceptions, shown, decided, notes)


def write_shown_tables(
    connection: duckdb.DuckDBPyConnection, plan: Plan, ledger: LedgerFacts
) -> RunExceptions:
    """Write the result tables, at the privacy level of the request."""
    repeated = read_repeated(merged_folder(plan))
    fees = barred_fees(connection, ledger.exceptions, plan)
    found = exceptions_on_lines(ledger.exceptions, repeated, ledger.decided, fees, plan)
    tables = {
        "exceptions": ledger.shown,
        **found.lines._asdict(),
        "changes": ledger.changes.changes,
        **failed_checks(connection),
    }
    write_result_tables(results_folder(plan), tables)
    apply_privacy_level(results_folder(plan), plan)
    if plan.request.partition_by:
        write_exceptions_by(plan.request.partition_by, results_folder(plan), plan.payer_names)
    return found


def facts_for_reports(plan: Plan, ledger: LedgerFacts, found: RunExceptions) -> ReportFacts:
    """What is left to know of what was found, after which that need not be in memory."""
    sums = found.totals()
    dollars = (Decimal(sums[column]) for column in AMOUNT_COLUMNS.values())
    tonight = NightTotals(plan.request.as_of, found.live_lines(), *dollars)
    return ReportFacts(ledger.run, ledger.decided, ledger.notes, tonight)


def write_reports_and_manifest(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    known: ReportFacts,
    balance: Balance,
    repeated: Sequence[dict[str, object]],
    summary: Summary,
) -> tuple[str, ...]:
    """Write the reports from the tables, then the manifest of them all; record the run.

    Returns the notes of the run, and what the user must know about its reports.
    """
    folder, run_id, notes = results_folder(plan), known.run.run_id, shown_notes(known.notes, plan)
    counts = balance.as_dict() | {"notes": list(notes)}
    trend = read_trend(connection, known.tonight)
    facts = run_facts(plan, summary, balance, notes, known.decided, trend)
    before = runs_before(connection, plan.request.as_of, run_id)
    notes += write_reports(folder, plan, facts, counts, before)
    record_totals(connection, known.tonight)
    write_manifest(connection, folder, plan, run_id, counts, repeated)
    record_run(connection, folder, plan, run_id)
    return notes


def keep_and_publish(plan: Plan, run: RunIdentity, answers: Sequence[Path]) -> tuple[str, ...]:
    """Store the new rows in the warehouse, then publish the results unless they are there already.

    answers   folders with those that the warehouse is to remember.

    A crash between the two loses no row: the next run publishes the results. Returns what the user
    must know about files that were in the way. Raises DoesNotBalance, before anything is kept, if
    results are there already and are other ones.
    """
    staging, complete = results_folder(plan), complete_folder(plan)
    make_private(staging, plan.config.result_mode, plan.config.result_group)
    if run.was_published:
        refuse_disagreement(staging, run.folder)
    staging.rename(complete)  # what could stop the renaming below stops it before rows are kept
    memory = MEMORY._replace(written=files_of_answers(answers))
    signed = plan.signer.sign_link if plan.signer else None
    notes = keep(plan.bench, memory, signed, plan.request.lake and plan.request.lake.resolve())
    notes += publish(complete, run.folder, run.was_published)
    clear_away(plan)
    return notes
