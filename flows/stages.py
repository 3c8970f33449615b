"""The stages of a run as plain functions: load, validate, settle, judge, report. No Prefect here.

Each opens the workbench once, finds there what the stage before left, and returns a small result.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from audit_rules.engine.dossier import compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.parts import together
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.judge import judge_all
from audit_rules.rules import RULES
from flows import ending
from flows.clock import seconds
from flows.collecting import with_collectability
from flows.intake.load import load
from flows.intake.readers import nearest_plain_folder
from flows.intake.validate import validate
from flows.judging import affected, frames, members, population, standing
from flows.judging.affected import mark_affected_persons
from flows.judging.authorization_words import warn_of_unknown_words
from flows.judging.frames import ROWS_AT_A_TIME, read_parts
from flows.judging.parts import Part, put_aside
from flows.judging.population import population_facts
from flows.judging.standing import (
    JUDGED_COVERAGE,
    merge_answers,
    read_merged_exceptions,
    read_repeated,
    read_valid_answers,
    store_answers,
    write_answers,
    write_merged,
)
from flows.ledger.before import read_ledger_before
from flows.ledger.changes import record_changes, with_ledger
from flows.ledger.decisions import warn_of_foreign_decisions
from flows.ledger.precision import demotion_notes, read_decided, read_demotions
from flows.notes.find import audit_notes, input_notes
from flows.plan import Plan
from flows.provenance import digest
from flows.reports.run_facts import run_facts
from flows.reports.write import write_reports
from flows.results.agreement import refuse_disagreement
from flows.results.failed_checks import failed_checks, warnings
from flows.results.manifest import repeated_amounts_for_manifest, write_manifest
from flows.results.partitions import write_exceptions_by
from flows.results.privacy_level import (
    apply_privacy_level,
    shown_notes,
    summary_at_privacy_level,
)
from flows.results.publish import make_private, publish
from flows.results.refused_rows import leaving_quarantine
from flows.results.run_exceptions import exceptions_on_lines
from flows.results.run_identity import RunIdentity, identify_run
from flows.results.run_record import record_run
from flows.results.signature import sign_manifest
from flows.results.tables import write_result_tables, write_tables
from flows.results.timings import write_timings
from flows.run_summary import notes_of, summary_of
from flows.settle.settle import TABLES as SETTLE_TABLES
from flows.settle.settle import settle
from flows.stage_results import (
    JudgeStageResult,
    LoadStageResult,
    SettleStageResult,
    ValidateStageResult,
)
from flows.summary import Summary
from flows.warehouse.connection import opened
from flows.warehouse.files import empty_folder
from flows.warehouse.keep import keep
from flows.warehouse.memory import Memory, warn_of_foreign_memory
from flows.warehouse.sql import one
from flows.warehouse.upgrade import upgrade
from schemas.results import EXCEPTION, LINE_KEY, conform

Step = Callable[[str], None]
MEMORY = Memory(
    settled=SETTLE_TABLES,
    answers=(
        *population.TABLES,
        *affected.TABLES,
        *members.TABLES,
        *frames.TABLES,
        *standing.TABLES,
    ),
)
"""The tables of a run that the warehouse may remember, as their makers declare."""


def begin(plan: Plan) -> None:
    """Make an empty workbench, and clear away what a killed run left behind."""
    bench = plan.bench
    ending.leaves(results(plan), complete_results(plan), lock=bench.warehouse)
    shutil.rmtree(complete_results(plan), ignore_errors=True)
    for folder in (bench.scratch, results(plan)):
        empty_folder(folder)
    upgrade(bench.warehouse)


def results(plan: Plan) -> Path:
    """The folder in which results are written until they are complete.

    It is in the output folder, so that it is on the file system on which it is published. Each
    warehouse has its own: runs on two warehouses may share an output folder.
    """
    return plan.request.output / f".results-{digest(os.fsencode(plan.bench.warehouse).hex())[:16]}"


def complete_results(plan: Plan) -> Path:
    """The name of the complete results until the new rows are kept."""
    staging = results(plan)
    return staging.with_name(f"{staging.name}.complete")


def clear_away(plan: Plan) -> None:
    """Remove whatever this run, or one that was killed, has not published."""
    for folder in (plan.bench.scratch, results(plan), complete_results(plan)):
        shutil.rmtree(folder, ignore_errors=True)


def _answers(plan: Plan) -> Path:
    """The folder in which the judge stage leaves its answers for the report stage to store."""
    return plan.bench.scratch / "answers"


def _parts(plan: Plan) -> Path:
    """The folder in which persons wait to be judged, if they are too many to be in memory."""
    return plan.bench.scratch / "parts"


def load_stage(plan: Plan, step: Step) -> LoadStageResult:
    """Load every new extract."""
    started = seconds()
    landing = plan.request.input
    readable = nearest_plain_folder(landing) if landing else None
    with opened(plan.bench, readable) as connection:
        loaded = load(connection, plan.bench, list(plan.extracts), plan.config, step)
    return LoadStageResult(
        files=len(plan.extracts),
        passed_over=tuple(loaded.passed_over),
        read_again=tuple(loaded.read_again),
        growing=tuple(loaded.growing),
        read_otherwise=loaded.read_otherwise,
        purged=loaded.purged,
        rows=loaded.rows,
        seconds=_since(started),
    )


def validate_stage(plan: Plan) -> ValidateStageResult:
    """Quarantine rows that fail a check, count warnings."""
    started = seconds()
    with opened(plan.bench) as connection:
        validate(connection, plan.config.max_error_rate, plan.library.facts())
        failed, warned = (
            one(connection, f"SELECT count(*) FROM main.{table}")
            for table in ("quarantine", "warning")
        )
        rows = one(connection, "SELECT coalesce(sum(rows_read), 0) FROM main.file")
    return ValidateStageResult(failed, warned, rows, _since(started))


def settle_stage(plan: Plan) -> SettleStageResult:
    """Find persons and final action, check that no row is lost, and note what is odd."""
    started = seconds()
    with opened(plan.bench) as connection:
        balance = settle(
            connection,
            plan.request.as_of,
            plan.payer_names,
            plan.config.max_error_rate,
            plan.request.whole,
        )
        warn_of_unknown_words(connection, plan.reference, plan.library)
        notes = input_notes(connection, plan, warnings(connection))
    return SettleStageResult(balance, notes, _since(started))


def judge_stage(plan: Plan) -> JudgeStageResult:
    """Run every rule for the affected persons that changed since the last run."""
    started = seconds()
    as_of = plan.request.as_of
    with opened(plan.bench) as connection:
        demoted = read_demotions(connection, plan.library, as_of)
        book = PolicyBook(plan.library, plan.reference, frozenset(d.term_id for d in demoted))
        judged_under = digest(plan.texts.judgement_digest(), *(d.term_id for d in demoted))
        facts = population_facts(connection, plan.reference, as_of)
        before = mark_affected_persons(
            connection, book, RULES, facts, as_of, judged_under, JUDGED_COVERAGE
        )
        valid = read_valid_answers(connection)
        read = read_parts(connection, plan.reference, as_of, facts, before, ROWS_AT_A_TIME)
        parts = list(put_aside(read, _parts(plan)))
    new_answers = together([_judged(plan, part, book) for part in parts])
    write_answers(_answers(plan), new_answers)
    judgement = merge_answers(new_answers, valid)
    write_merged(_answers(plan), judgement)
    write_tables(results(plan), {"rule_coverage": judgement.rule_coverage})
    return JudgeStageResult(
        exceptions=judgement.exceptions.height,
        lines=judgement.exceptions.select(LINE_KEY).n_unique(),
        rows=sum(part.rows for part in parts),
        persons=judgement.counted["person_id"].n_unique(),
        judged_again=new_answers.counted["person_id"].n_unique(),
        repeated_amounts=tuple(repeated_amounts_for_manifest(judgement.repeated)),
        notes=(
            *audit_notes(facts.audited, judgement.exceptions, plan),
            *demotion_notes(demoted),
        ),
        seconds=_since(started),
    )


def _judged(plan: Plan, part: Part, book: PolicyBook) -> Judgement:
    """What rules and documents find of some persons."""
    known, days = part.read(), plan.default_supply_days
    judgement = judge_all(
        compile_dossier(known, plan.reference, days, plan.request.as_of), book, RULES
    )
    answers = judgement.answers.clear()  # row ids are each part's own
    return replace(judgement, answers=answers, governed=None)


def report_stage(
    plan: Plan,
    loaded: LoadStageResult,
    validated: ValidateStageResult,
    settled: SettleStageResult,
    judged: JudgeStageResult,
) -> Summary:
    """Complete the results, keep the new rows, and only then give the results their name."""
    started = seconds()
    staging, balance = results(plan), settled.balance.as_dict()
    with opened(plan.bench) as connection:
        store_answers(connection, _answers(plan))
        before = read_ledger_before(connection, plan.request.as_of)
        found_notes = (*judged.notes, *settled.notes)
        run = identify_run(connection, plan, before.digest, found_notes)
        judged_now = read_merged_exceptions(_answers(plan))
        changed = record_changes(connection, plan, run.run_id, before, judged_now)
        known = with_collectability(with_ledger(judged_now, changed.standing), plan)
        exceptions = conform(known, EXCEPTION)
        decided = read_decided(connection, plan.request.as_of)
        found = exceptions_on_lines(exceptions, read_repeated(_answers(plan)), decided, plan)
        tables = {**found.lines._asdict(), "changes": changed.changes, **failed_checks(connection)}
        write_result_tables(staging, {"exceptions": exceptions, **tables})
        apply_privacy_level(staging, plan)
        if plan.request.partition_by:
            write_exceptions_by(plan.request.partition_by, staging, plan.payer_names)
        summary = summary_of(plan, run, loaded, settled, judged, found, changed)
        notes = shown_notes(found_notes, plan)
        balance |= {"notes": list(notes)}
        notes += write_reports(
            staging, plan, run_facts(plan, summary, settled.balance, notes, decided), balance
        )
        write_manifest(connection, staging, plan, run.run_id, balance, judged.repeated_amounts)
        record_run(connection, staging, plan, run.run_id)
        summary = summary_at_privacy_level(staging, plan, summary)
        notes += warn_of_foreign_decisions(connection, plan.bench.warehouse)
        notes += warn_of_foreign_memory(connection)
    if plan.signer:
        sign_manifest(staging, plan.signer)
    timings = {
        "load": loaded.seconds,
        "validate": validated.seconds,
        "settle": settled.seconds,
        "judge": judged.seconds,
        "report": _since(started),
    }
    write_timings(staging, timings)
    notes += (*notes_of(loaded, changed), *_keep_and_publish(plan, run))
    return replace(summary, notes=notes)


def _keep_and_publish(plan: Plan, run: RunIdentity) -> tuple[str, ...]:
    """Store the new rows in the warehouse, then publish the results unless they are there already.

    A crash between the two loses no row: the next run publishes the results. Returns what the user
    must know about files that were in the way. Raises DoesNotBalance, before anything is kept, if
    results are there already and are other ones.
    """
    staging, complete = results(plan), complete_results(plan)
    make_private(staging, plan.config.result_mode, plan.config.result_group)
    if run.was_published:
        refuse_disagreement(staging, run.folder)
    staging.rename(complete)  # what could stop the renaming below stops it before rows are kept
    notes = keep(plan.bench, MEMORY, plan.signer.sign_link if plan.signer else None)
    notes += publish(complete, run.folder, run.was_published)
    clear_away(plan)
    return notes


def run_stages(plan: Plan, step: Step = lambda _name: None) -> Summary:
    """Run every stage in order, without Prefect."""
    with leaving_quarantine(plan, plan.request.output):
        loaded = load_stage(plan, step)
        validated = validate_stage(plan)
        settled = settle_stage(plan)
    judged = judge_stage(plan)
    return report_stage(plan, loaded, validated, settled, judged)


def _since(started: float) -> float:
    return round(seconds() - started, 3)
