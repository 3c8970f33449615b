"""The stages of a run as plain functions: load, validate, settle, judge, report. No Prefect here.

Each opens the workbench once, finds there what the stage before left, and returns a small result.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from audit_rules.engine.dossier import compile_dossier
from audit_rules.engine.judge import judge
from audit_rules.engine.rule import PolicyBook
from audit_rules.rules import RULES
from flows.clock import seconds
from flows.intake.load import load
from flows.intake.readers import nearest_plain_folder
from flows.intake.validate import validate
from flows.judging.affected import touched_persons
from flows.judging.frames import extract, of_others
from flows.judging.standing import with_standing
from flows.ledger.changes import FOUND, changes
from flows.plan import Plan, program_version
from flows.privacy import AGGREGATE
from flows.reports.workpaper.overview import About
from flows.reports.workpaper.write import write_workpaper
from flows.results.partitions import write_partitions
from flows.results.publish import (
    TIMINGS,
    make_private,
    named,
    protect,
    publish,
    stands_complete,
    write_findings,
    write_judgement,
    write_manifest,
    write_tables,
)
from flows.settle.claims import Balance, net
from flows.summary import Summary
from flows.warehouse.connection import keep, opened, upgrade
from flows.warehouse.sql import one

Step = Callable[[str], None]


class StageResult(Protocol):
    """What a stage came to: counts for the screen and for Prefect."""

    def counts(self) -> dict[str, int]:
        """What is shown of the stage; `rows` among them."""


def begin(plan: Plan) -> None:
    """An empty workbench; what a killed run left behind is cleared away."""
    bench = plan.bench
    shutil.rmtree(bench.scratch, ignore_errors=True)
    bench.scratch.mkdir(mode=0o700, parents=True)
    results(plan).mkdir(mode=0o700)
    upgrade(bench.warehouse)


def results(plan: Plan) -> Path:
    """Where results are written before they are complete."""
    return plan.bench.scratch / "results"


@dataclass(frozen=True)
class LoadStageResult:
    """What the load stage came to. passed_over, growing: names of files; rows: read by this run."""

    files: int
    passed_over: tuple[str, ...]
    growing: tuple[str, ...]
    rows: int
    seconds: float

    def counts(self) -> dict[str, int]:
        """What is shown of the stage."""
        left = {"passed_over": len(self.passed_over), "growing": len(self.growing)}
        return {"files": self.files, **left, "rows": self.rows}


@dataclass(frozen=True)
class ValidateStageResult:
    """What the validate stage came to."""

    failed_checks: int
    warning_kinds: int
    rows: int
    seconds: float

    def counts(self) -> dict[str, int]:
        """What is shown of the stage."""
        return {
            "failed_checks": self.failed_checks,
            "warning_kinds": self.warning_kinds,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class SettleStageResult:
    """What the settle stage came to."""

    balance: Balance
    seconds: float

    def counts(self) -> dict[str, int]:
        """What is shown of the stage."""
        accepted = sum(t.accepted for t in self.balance.tables)
        history = sum(t.history for t in self.balance.tables)
        return {"history": history, "accepted": accepted, "rows": accepted}


@dataclass(frozen=True)
class JudgeStageResult:
    """What the judge stage came to. repeated_amounts: claims named in the manifest."""

    exceptions: int
    lines: int
    rows: int
    persons: int
    judged_again: int
    repeated_amounts: tuple[dict[str, object], ...]
    seconds: float

    def counts(self) -> dict[str, int]:
        """What is shown of the stage."""
        return {
            "exceptions": self.exceptions,
            "lines": self.lines,
            "rows": self.rows,
            "persons": self.persons,
            "judged_again": self.judged_again,
        }


def load_stage(plan: Plan, step: Step) -> LoadStageResult:
    """Load every new extract."""
    started = seconds()
    landing = plan.request.input
    with opened(
        plan.bench, readable=nearest_plain_folder(landing) if landing else None
    ) as connection:
        loaded = load(connection, plan.bench, list(plan.extracts), plan.config, step)
    return LoadStageResult(
        files=len(plan.extracts),
        passed_over=tuple(loaded.passed_over),
        growing=tuple(loaded.growing),
        rows=loaded.rows,
        seconds=_since(started),
    )


def validate_stage(plan: Plan) -> ValidateStageResult:
    """Quarantine rows that fail a check, count warnings."""
    started = seconds()
    with opened(plan.bench) as connection:
        validate(connection, plan.config.max_error_rate)
        failed, warned = (
            one(connection, f"SELECT count(*) FROM main.{table}")
            for table in ("quarantine", "warning")
        )
        rows = one(connection, "SELECT coalesce(sum(rows_read), 0) FROM main.file")
    return ValidateStageResult(failed, warned, rows, _since(started))


def settle_stage(plan: Plan) -> SettleStageResult:
    """Persons, final action, conservation."""
    started = seconds()
    with opened(plan.bench) as connection:
        balance = net(
            connection,
            plan.request.as_of,
            plan.payer_names,
            plan.config.max_error_rate,
            plan.request.whole,
        )
    return SettleStageResult(balance, _since(started))


def judge_stage(plan: Plan) -> JudgeStageResult:
    """Run every rule for the affected persons that changed since the last run."""
    started = seconds()
    as_of, book = plan.request.as_of, PolicyBook(plan.library, plan.reference)
    with opened(plan.bench) as connection:
        others = of_others(connection, plan.reference, as_of)
        before = touched_persons(connection, book, RULES, others, as_of, plan.texts)
        extracted = extract(connection, plan.reference, as_of, others, before)
        dossier = compile_dossier(extracted, plan.reference, plan.default_supply_days, as_of)
        tonight = judge(dossier, book, RULES)
        judgement = with_standing(connection, tonight)
    write_judgement(results(plan), judgement)
    return JudgeStageResult(
        exceptions=judgement.exceptions.height,
        lines=judgement.worklist.height,
        rows=extracted.medical.height + extracted.pharmacy.height,
        persons=judgement.counted["person_id"].n_unique(),
        judged_again=tonight.counted["person_id"].n_unique(),
        repeated_amounts=tuple(named(judgement.repeated)),
        seconds=_since(started),
    )


def report_stage(
    plan: Plan,
    loaded: LoadStageResult,
    validated: ValidateStageResult,
    settled: SettleStageResult,
    judged: JudgeStageResult,
) -> Summary:
    """Complete the results, keep the new rows, and only then give the results their name."""
    started = seconds()
    balance = settled.balance.as_dict()
    files = settled.balance.files
    with opened(plan.bench) as connection:
        hashes = [row[0] for row in connection.execute("SELECT sha256 FROM every_file").fetchall()]
        fresh = {row[0] for row in connection.execute("SELECT sha256 FROM main.file").fetchall()}
        (purged_before,) = connection.execute("SELECT max(before) FROM every_purge").fetchall()[0]
        run_id = plan.run_id(hashes, purged_before)
        folder = plan.request.output / f"run={run_id}"
        was_there = stands_complete(folder)
        exceptions = pl.read_parquet(results(plan) / "exceptions.parquet", columns=list(FOUND))
        worklist = pl.read_parquet(
            results(plan) / "worklist.parquet", columns=["outcome", "amount_at_risk"]
        )
        moved = changes(connection, plan, run_id, exceptions)
        write_tables(results(plan), {"changes": moved.changes})
        write_findings(connection, results(plan))
        protect(results(plan), plan)
        summary = Summary(
            run_id=run_id,
            as_of=plan.request.as_of.isoformat(),
            folder=folder,
            was_there=was_there,
            loaded_files=loaded.files - len(loaded.passed_over) - len(loaded.growing),
            passed_over=loaded.passed_over,
            growing=loaded.growing,
            rows_read=sum(f.rows_read for f in files),
            quarantined=sum(f.quarantined for f in files),
            quarantined_tonight=sum(f.quarantined for f in files if f.sha256 in fresh),
            duplicates=sum(f.duplicates for f in files),
            night_before=moved.night_before.isoformat() if moved.night_before else None,
            moved=dict(sorted(Counter(moved.changes["status"]).items())),
            persons=judged.persons,
            judged_again=judged.judged_again,
            exceptions=dict(
                sorted(
                    Counter(
                        " ".join(x) for x in exceptions.select("rule_id", "outcome").iter_rows()
                    ).items()
                )
            ),
            lines=worklist.height,
            amount_at_risk=str(worklist["amount_at_risk"].sum() or 0),
            at_risk_by_outcome=_at_risk(worklist),
            repeated_amounts=len(judged.repeated_amounts),
        )
        summary = replace(summary, notes=_write_for_people(plan, summary, balance))
        write_manifest(
            connection, results(plan), plan, run_id, balance, list(judged.repeated_amounts)
        )
    timings = {
        "load": loaded.seconds,
        "validate": validated.seconds,
        "settle": settled.seconds,
        "judge": judged.seconds,
        "report": _since(started),
    }
    (results(plan) / TIMINGS).write_text(json.dumps(timings, indent=2) + "\n", encoding="utf-8")
    make_private(results(plan), plan.config.result_mode, plan.config.result_group)
    keep(plan.bench)
    if not was_there:
        publish(results(plan), folder)
    shutil.rmtree(plan.bench.scratch)
    return summary


def run_stages(plan: Plan, step: Step = lambda _name: None) -> Summary:
    """Every stage in order, without Prefect."""
    loaded = load_stage(plan, step)
    validated = validate_stage(plan)
    settled = settle_stage(plan)
    judged = judge_stage(plan)
    return report_stage(plan, loaded, validated, settled, judged)


def _since(started: float) -> float:
    return round(seconds() - started, 3)


def _at_risk(worklist: pl.DataFrame) -> dict[str, str]:
    """Outcome -> dollars of the lines whose strongest it is."""
    summed = worklist.group_by("outcome").agg(pl.col("amount_at_risk").sum()).sort("outcome")
    return {outcome: str(amount) for outcome, amount in summed.iter_rows()}


def _write_for_people(plan: Plan, summary: Summary, balance: dict[str, Any]) -> tuple[str, ...]:
    """Parts per payer, page and work-paper, as asked for, from the tables as published; what the user must know of them."""
    folder, request = results(plan), plan.request
    if request.partition_by:
        exceptions = pl.read_parquet(folder / "exceptions.parquet")
        by_payer = exceptions.with_columns(
            pl.col("payer").str.to_lowercase().replace(plan.payer_names)
        )
        write_partitions(folder, "exceptions", by_payer, request.partition_by)
    if request.page:
        _page(plan, summary, balance)
    return () if request.privacy == AGGREGATE else _workpaper(plan, summary)


def _page(plan: Plan, summary: Summary, balance: dict[str, Any]) -> None:
    from flows.reports.page.write import (  # charts take a second to import
        Heading,
        write_aggregate_page,
        write_page,
    )

    level = plan.request.privacy
    heading = Heading(
        summary.run_id, summary.as_of, program_version(), level, summary.moved_in_words()
    )
    if level == AGGREGATE:
        write_aggregate_page(results(plan), heading)
    else:
        write_page(results(plan), heading, balance, plan.payer_names)


def _workpaper(plan: Plan, summary: Summary) -> tuple[str, ...]:
    """Write the work-paper, where there is to be one; what the user must know of it."""
    about = About(
        summary.run_id,
        plan.request.as_of,
        program_version(),
        summary.moved_in_words(),
        summary.rows_read,
        summary.quarantined,
        summary.duplicates,
    )
    return write_workpaper(results(plan), about, plan.request.xlsx, plan.bench.scratch)
