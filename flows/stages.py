"""The stages of a run as plain functions: load, validate, settle, judge, report. No Prefect here.

Each opens the workbench, or takes it over from the one before, reads what that left there, and
returns a small result.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import replace
from itertools import count
from threading import Thread

import duckdb

from audit_rules.engine.rule import PolicyBook
from audit_rules.rules import CATALOGUE
from flows.clock import seconds, seconds_since
from flows.intake.load import load
from flows.intake.validate import validate
from flows.judging.affected import last_valid_run, mark_affected_persons
from flows.judging.authorization_words import warn_of_unknown_words
from flows.judging.frames import read_parts
from flows.judging.judge_elsewhere import judge_on_cluster
from flows.judging.judge_part import Job
from flows.judging.members import Cut, audited_rows
from flows.judging.parts import Judged, Part, put_aside
from flows.judging.population import population_facts
from flows.judging.spread import judge_parts
from flows.judging.standing import (
    JUDGED_COVERAGE,
    merge_answers,
    put_remembered_aside,
)
from flows.ledger.decisions import warn_of_foreign_decisions
from flows.ledger.precision import demotion_notes, read_demotions
from flows.memory_limits import DEFAULT, rows_at_a_time
from flows.notes.find import audit_notes, input_notes
from flows.plan import Plan
from flows.report_steps import (
    ReportFacts,
    facts_for_reports,
    keep_and_publish,
    record_in_ledger,
    write_reports_and_manifest,
    write_shown_tables,
)
from flows.results.failed_checks import warnings
from flows.results.manifest import repeated_amounts_for_manifest
from flows.results.privacy_level import summary_at_privacy_level
from flows.results.refused_rows import leaving_quarantine
from flows.results.run_identity import RunIdentity
from flows.results.signature import sign_manifest
from flows.results.tables import write_tables
from flows.results.timings import write_timings
from flows.run_folders import (
    answers_folder,
    cluster_of,
    merged_folder,
    parts_folder,
    results_folder,
)
from flows.run_summary import notes_of, summary_of
from flows.settle.settle import settle
from flows.stage_results import (
    JudgeStageResult,
    LoadStageResult,
    SettleStageResult,
    ValidateStageResult,
)
from flows.summary import Summary
from flows.warehouse.connection import opened
from flows.warehouse.left_open import LeftOpen
from flows.warehouse.memory import warn_of_foreign_memory
from flows.warehouse.parquet import nearest_plain_folder
from flows.warehouse.sql import one
from schemas.results import LINE_KEY

Step = Callable[[str], None]
Bucket = Callable[[int, int], None]
"""Takes the number of a bucket that is judged, and how many there are."""


def import_ahead(page: bool, paper: bool, memory: float = DEFAULT) -> None:
    """Import beside what comes next, in a thread, what only later stages need.

    page     whether the run writes a page with charts.
    paper    whether it may write a work-paper.
    memory   GiB of the run. With less than the default, what writes is imported when it is needed:
             until then the stages have the 0.1 GiB that it takes.
    """
    is_roomy = memory >= DEFAULT
    ahead = page and is_roomy, paper and is_roomy
    Thread(target=_import_ahead, args=ahead, daemon=True).start()


def _import_ahead(page: bool, paper: bool) -> None:
    with suppress(Exception):  # the stage that needs it says what is wrong
        import pandera.polars  # noqa: F401

        if page:
            from flows.reports.page.drawing import start_renderer

            start_renderer()
            import flows.reports.page.write
        if paper:
            import flows.reports.workpaper.write  # noqa: F401


def load_stage(plan: Plan, step: Step) -> LoadStageResult:
    """Load every new extract."""
    started = seconds()
    landing, cluster = plan.request.input, cluster_of(plan)
    readable = [nearest_plain_folder(landing)] if landing else []
    if cluster:
        readable.append(cluster.folder)
    with opened(plan.bench, *readable) as connection:
        loaded = load(connection, plan.bench, list(plan.extracts), plan.config, step, cluster)
    return LoadStageResult(
        files=len(plan.extracts),
        passed_over=tuple(loaded.passed_over),
        read_again=tuple(loaded.read_again),
        growing=tuple(loaded.growing),
        read_otherwise=loaded.read_otherwise,
        purged=loaded.purged,
        said=tuple(said.format(names=", ".join(names)) for said, names in loaded.said.items()),
        rows=loaded.rows,
        seconds=seconds_since(started),
    )


def validate_stage(plan: Plan, bench: LeftOpen | None = None) -> ValidateStageResult:
    """Quarantine rows that fail a check, count warnings.

    bench   the workbench, if it stays open for the next stage.
    """
    started = seconds()
    with _opened(plan, bench) as connection:
        validate(connection, plan.config.max_error_rate, plan.library.facts())
        failed, warned = (
            one(connection, f"SELECT count(*) FROM main.{table}")
            for table in ("quarantine", "warning")
        )
        rows = one(connection, "SELECT coalesce(sum(rows_read), 0) FROM main.file")
    return ValidateStageResult(failed, warned, rows, seconds_since(started))


def settle_stage(plan: Plan, bench: LeftOpen | None = None) -> SettleStageResult:
    """Find persons and final action, check that no row is lost, and note what is odd.

    bench   as `validate_stage` takes it.
    """
    started = seconds()
    with _opened(plan, bench) as connection:
        balance = settle(
            connection,
            plan.request.as_of,
            plan.payer_names,
            plan.config.max_error_rate,
            plan.request.whole,
        )
        warn_of_unknown_words(connection, plan.reference, plan.library)
        notes = input_notes(connection, plan, warnings(connection))
    return SettleStageResult(balance, notes, seconds_since(started))


def judge_stage(
    plan: Plan, bench: LeftOpen | None = None, bucket: Bucket = lambda _number, _of: None
) -> JudgeStageResult:
    """Run every rule for the affected persons that changed since the last run.

    bench    as `validate_stage` takes it; it is closed before rules are run.
    bucket   called after each bucket of persons.
    """
    started = seconds()
    as_of = plan.request.as_of
    with _opened(plan, bench) as connection:
        demoted = read_demotions(connection, plan.library, as_of)
        terms = [d.term_id for d in demoted]
        book = PolicyBook(plan.library, plan.reference, frozenset(terms))
        before = last_valid_run(connection, plan.texts.judgement_digest(), terms, as_of)
        rows = audited_rows(connection, as_of, before)
        facts = population_facts(connection, plan.reference, rows)
        mark_affected_persons(connection, book, CATALOGUE, facts, rows, as_of, JUDGED_COVERAGE)
        remembered = put_remembered_aside(connection, CATALOGUE, answers_folder(plan))
        at_a_time = rows_at_a_time(plan.request.memory, plan.request.workers)
        cut = Cut(at_a_time, plan.request.buckets, plan.request.workers)
        read = read_parts(connection, plan.reference, as_of, facts, before, cut)
        is_for_others = plan.request.cluster is not None
        parts = list(put_aside(read, parts_folder(plan), is_for_others))
    if bench:
        bench.close()
    job = Job(book, plan.default_supply_days, as_of, parts[0].frames)
    numbers = count(1)
    _judge(plan, parts, job, lambda: bucket(next(numbers), len(parts)))
    fresh = (*(part.folder for part in parts), *remembered.of_other_rules)
    answers = merge_answers(fresh, remembered.valid, merged_folder(plan))
    write_tables(results_folder(plan), {"rule_coverage": answers.rule_coverage})
    return JudgeStageResult(
        exceptions=answers.exceptions.height,
        lines=answers.exceptions.select(LINE_KEY).n_unique(),
        audited_lines=int(facts.audited["lines"].sum()),
        rows=sum(part.rows for part in parts),
        persons=answers.persons,
        judged_again=answers.judged_again,
        repeated_amounts=tuple(repeated_amounts_for_manifest(answers.repeated)),
        notes=(
            *audit_notes(facts.audited, answers.exceptions, plan),
            *demotion_notes(demoted),
        ),
        fresh=fresh,
        seconds=seconds_since(started),
    )


def _opened(
    plan: Plan, bench: LeftOpen | None
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    return bench.opened() if bench else opened(plan.bench)


def _judge(plan: Plan, parts: Sequence[Part], job: Job, judged: Judged) -> None:
    """Judge every part: in this process, in others, or on a cluster."""
    request, job_file = plan.request, parts_folder(plan) / "job"
    if cluster := cluster_of(plan):
        judge_on_cluster(parts, job, cluster, job_file, judged)
    else:
        judge_parts(parts, job, CATALOGUE, request.workers, job_file, request.output, judged)


def report_stage(
    plan: Plan,
    loaded: LoadStageResult,
    validated: ValidateStageResult,
    settled: SettleStageResult,
    judged: JudgeStageResult,
) -> Summary:
    """Complete the results, keep the new rows, and only then give the results their name."""
    started = seconds()
    summary, run = _write_results(plan, loaded, settled, judged)
    if plan.signer:
        sign_manifest(results_folder(plan), plan.signer)
    timings = {
        "load": loaded.seconds,
        "validate": validated.seconds,
        "settle": settled.seconds,
        "judge": judged.seconds,
        "report": seconds_since(started),
    }
    write_timings(results_folder(plan), timings)
    return replace(summary, notes=(*summary.notes, *keep_and_publish(plan, run, judged.fresh)))


def _write_results(
    plan: Plan, loaded: LoadStageResult, settled: SettleStageResult, judged: JudgeStageResult
) -> tuple[Summary, RunIdentity]:
    """Complete the results: first the tables, then reports of them."""
    with opened(plan.bench) as connection:
        known, summary = _write_tables(connection, plan, loaded, settled, judged)
        notes = write_reports_and_manifest(
            connection, plan, known, settled.balance, judged.repeated_amounts, summary
        )
        summary = summary_at_privacy_level(results_folder(plan), plan, summary)
        notes += warn_of_foreign_decisions(connection, plan.bench.warehouse)
        notes += warn_of_foreign_memory(connection)
    return replace(summary, notes=(*notes, *summary.notes)), known.run


def _write_tables(
    connection: duckdb.DuckDBPyConnection,
    plan: Plan,
    loaded: LoadStageResult,
    settled: SettleStageResult,
    judged: JudgeStageResult,
) -> tuple[ReportFacts, Summary]:
    """Write the result tables. What was found is in memory until they are, and no longer."""
    ledger = record_in_ledger(connection, plan, (*judged.notes, *settled.notes))
    found = write_shown_tables(connection, plan, ledger)
    summary = summary_of(plan, ledger.run, loaded, settled, judged, found, ledger.changes)
    notes = tuple(notes_of(loaded, ledger.changes))
    return facts_for_reports(plan, ledger, found), replace(summary, notes=notes)


def run_stages(plan: Plan, step: Step = lambda _name: None) -> Summary:
    """Run every stage in order, without Prefect."""
    with closing(LeftOpen(plan.bench)) as bench:
        with leaving_quarantine(plan, plan.request.output):
            loaded = load_stage(plan, step)
            validated = validate_stage(plan, bench)
            settled = settle_stage(plan, bench)
        judged = judge_stage(plan, bench)
    return report_stage(plan, loaded, validated, settled, judged)
