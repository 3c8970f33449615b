"""The stages of a run as plain functions: load, validate, net, judge, report. No Prefect here.

Each takes the plan and finds on disk what the stage before left; what it returns are counts.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.engine.dossier import compile_dossier
from audit_rules.engine.judge import judge
from audit_rules.engine.rule import Book
from audit_rules.rules import RULES
from flows.clock import seconds
from flows.intake.load import load
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
from flows.settle.claims import net
from flows.summary import Summary
from flows.warehouse.connection import keep, opened, upgrade
from flows.warehouse.sql import one

Step = Callable[[str], None]


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


def load_stage(plan: Plan, step: Step) -> dict[str, int]:
    """Load every new extract."""
    started = seconds()
    loaded = load(plan.bench, plan.request.input, list(plan.extracts), plan.config, step)
    _note(plan, "load", started, **asdict(loaded))
    left = {"passed_over": len(loaded.passed_over), "growing": len(loaded.growing)}
    return {"files": len(plan.extracts), **left, "rows": loaded.rows}


def validate_stage(plan: Plan) -> dict[str, int]:
    """Quarantine rows that do not hold, count warnings."""
    started = seconds()
    validate(plan.bench, plan.config.max_error_rate)
    _note(plan, "validate", started)
    with opened(plan.bench) as connection:
        quarantined, warned = (
            one(connection, f"SELECT count(*) FROM main.{table}")
            for table in ("quarantine", "warning")
        )
        rows = one(connection, "SELECT coalesce(sum(rows_read), 0) FROM main.file")
    return {"failed_checks": quarantined, "warning_kinds": warned, "rows": rows}


def net_stage(plan: Plan) -> dict[str, int]:
    """Persons, final action, conservation."""
    started = seconds()
    balance = net(plan.bench, plan.request.as_of, plan.payer_names, plan.config.max_error_rate)
    _note(plan, "net", started, balance=balance.as_dict())
    accepted = sum(t.accepted for t in balance.tables)
    return {
        "history": sum(t.history for t in balance.tables),
        "accepted": accepted,
        "rows": accepted,
    }


def judge_stage(plan: Plan) -> dict[str, int]:
    """Every rule over the affected persons, of whom those are judged again whom anything touched since the night before."""
    started = seconds()
    as_of, book = plan.request.as_of, Book(plan.library, plan.reference)
    others = of_others(plan.bench, plan.reference, as_of)
    before = touched_persons(plan.bench, book, RULES, others, as_of, plan.texts)
    extracted = extract(plan.bench, plan.reference, as_of, others, before)
    dossier = compile_dossier(extracted, plan.reference, plan.default_supply_days, as_of)
    tonight = judge(dossier, book, RULES)
    judgement = with_standing(plan.bench, tonight)
    write_judgement(results(plan), judgement)
    judged = {"persons": judgement, "judged_again": tonight}
    persons = {which: found.counted["person_id"].n_unique() for which, found in judged.items()}
    _note(plan, "judge", started, repeated_amounts=named(judgement.repeated), **persons)
    rows = extracted.medical.height + extracted.pharmacy.height
    return {
        "exceptions": judgement.exceptions.height,
        "lines": judgement.worklist.height,
        "rows": rows,
    } | persons


def report_stage(plan: Plan) -> Summary:
    """Complete the results, keep the new rows, and only then give the results their name."""
    started = seconds()
    with opened(plan.bench) as connection:
        hashes = [row[0] for row in connection.execute("SELECT sha256 FROM every_file").fetchall()]
        fresh = {row[0] for row in connection.execute("SELECT sha256 FROM main.file").fetchall()}
        (purged_before,) = connection.execute("SELECT max(before) FROM every_purge").fetchall()[0]
    run_id = plan.run_id(hashes, purged_before)
    folder = plan.request.output / f"run={run_id}"
    noted = _noted(plan)
    was_there = stands_complete(folder)
    exceptions = pl.read_parquet(results(plan) / "exceptions.parquet", columns=list(FOUND))
    worklist = pl.read_parquet(
        results(plan) / "worklist.parquet", columns=["outcome", "amount_at_risk"]
    )
    moved = changes(plan, run_id, exceptions)
    write_tables(results(plan), {"changes": moved.changes})
    write_findings(results(plan), plan)
    protect(results(plan), plan)
    files = noted["balance"]["files"]
    summary = Summary(
        run_id=run_id,
        as_of=plan.request.as_of.isoformat(),
        folder=folder,
        was_there=was_there,
        loaded_files=len(plan.extracts) - len(noted["passed_over"]) - len(noted["growing"]),
        passed_over=tuple(noted["passed_over"]),
        growing=tuple(noted["growing"]),
        rows_read=sum(f["rows_read"] for f in files),
        quarantined=sum(f["quarantined"] for f in files),
        quarantined_tonight=sum(f["quarantined"] for f in files if f["sha256"] in fresh),
        duplicates=sum(f["duplicates"] for f in files),
        night_before=moved.night_before.isoformat() if moved.night_before else None,
        moved=dict(sorted(Counter(moved.changes["status"]).items())),
        persons=noted["persons"],
        judged_again=noted["judged_again"],
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
        repeated_amounts=len(noted["repeated_amounts"]),
    )
    summary = replace(summary, notes=_write_for_people(plan, summary, noted["balance"]))
    write_manifest(results(plan), plan, run_id, noted["balance"], noted["repeated_amounts"])
    timings = noted["seconds"] | {"report": round(seconds() - started, 3)}
    (results(plan) / TIMINGS).write_text(json.dumps(timings, indent=2) + "\n", encoding="utf-8")
    make_private(results(plan), plan.config.result_mode, plan.config.result_group)
    keep(plan.bench)
    if not was_there:
        publish(results(plan), folder)
    shutil.rmtree(plan.bench.scratch)
    return summary


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


def _noted(plan: Plan) -> dict:  # type: ignore[type-arg]  # JSON
    path = plan.bench.scratch / "notes.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"seconds": {}}


def _note(plan: Plan, stage: str, started: float, **facts: object) -> None:
    """Keep a stage's seconds and facts for the report."""
    noted = _noted(plan) | facts
    noted["seconds"][stage] = round(seconds() - started, 3)
    (plan.bench.scratch / "notes.json").write_text(json.dumps(noted), encoding="utf-8")
