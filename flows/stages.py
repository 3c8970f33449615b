"""The stages of a run as plain functions: load, validate, net, judge, report. No Prefect here.

Each takes the plan and finds on disk what the stage before left; what it returns are counts.
"""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from audit_rules.dossier import compile_dossier
from audit_rules.judge import judge
from audit_rules.rule import Book
from audit_rules.rules import RULES
from flows.clock import seconds
from flows.extract import extract
from flows.ledger import changes
from flows.load import load
from flows.net import net
from flows.plan import Plan, program_version
from flows.privacy import AGGREGATE
from flows.report import (
    TIMINGS,
    make_private,
    protect,
    publish,
    stands_complete,
    write_findings,
    write_judgement,
    write_manifest,
    write_tables,
)
from flows.validate import validate
from flows.warehouse import keep, opened, upgrade

Step = Callable[[str], None]


@dataclass(frozen=True)
class Summary:
    """What a run came to, in counts: safe to print and to store."""

    run_id: str
    as_of: str
    folder: Path
    was_there: bool
    loaded_files: int
    passed_over: tuple[str, ...]
    growing: tuple[str, ...]
    rows_read: int
    quarantined: int
    duplicates: int
    night_before: str | None
    moved: dict[str, int]
    exceptions: dict[str, int]
    lines: int
    amount_at_risk: str


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
    return {"files": len(plan.extracts)} | {what: len(names) for what, names in asdict(loaded).items()}


def validate_stage(plan: Plan) -> dict[str, int]:
    """Quarantine rows that do not hold, count warnings."""
    started = seconds()
    validate(plan.bench, plan.config.max_error_rate)
    _note(plan, "validate", started)
    with opened(plan.bench) as connection:
        (quarantined,), (warned,) = (
            connection.execute(f"SELECT count(*) FROM main.{table}").fetchall()[0] for table in ("quarantine", "warning")
        )
    return {"failed_checks": quarantined, "warning_kinds": warned}


def net_stage(plan: Plan) -> dict[str, int]:
    """Persons, final action, conservation."""
    started = seconds()
    balance = net(plan.bench, plan.request.as_of, plan.payer_names, plan.config.max_error_rate)
    _note(plan, "net", started, balance=balance.as_dict())
    return {"history": sum(t.history for t in balance.tables), "accepted": sum(t.accepted for t in balance.tables)}


def judge_stage(plan: Plan) -> dict[str, int]:
    """Every rule over the affected persons."""
    started = seconds()
    extracted = extract(plan.bench, plan.reference, plan.request.as_of)
    dossier = compile_dossier(extracted, plan.reference, plan.default_supply_days, plan.request.as_of)
    judgement = judge(dossier, Book(plan.library, plan.reference), RULES)
    write_judgement(results(plan), judgement)
    _note(plan, "judge", started)
    return {"exceptions": judgement.exceptions.height, "lines": judgement.worklist.height}


def report_stage(plan: Plan) -> Summary:
    """Complete the results, keep the new rows, and only then give the results their name."""
    started = seconds()
    with opened(plan.bench) as connection:
        hashes = [row[0] for row in connection.execute("SELECT sha256 FROM every_file").fetchall()]
    run_id = plan.run_id(hashes)
    folder = plan.request.output / f"run={run_id}"
    noted = _noted(plan)
    was_there = stands_complete(folder)
    exceptions = pl.read_parquet(results(plan) / "exceptions.parquet")
    worklist = pl.read_parquet(results(plan) / "worklist.parquet", columns=["amount_at_risk"])
    moved = changes(plan, run_id, exceptions)
    write_tables(results(plan), {"changes": moved.changes})
    write_findings(results(plan), plan)
    protect(results(plan), plan)
    night_before = moved.night_before.isoformat() if moved.night_before else None
    if plan.request.page:
        _write_page(plan, run_id, noted["balance"], night_before)
    write_manifest(results(plan), plan, run_id, noted["balance"])
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
        duplicates=sum(f["duplicates"] for f in files),
        night_before=night_before,
        moved=dict(sorted(Counter(moved.changes["status"]).items())),
        exceptions=dict(sorted(Counter(" ".join(x) for x in exceptions.select("rule_id", "outcome").iter_rows()).items())),
        lines=worklist.height,
        amount_at_risk=str(worklist["amount_at_risk"].sum() or 0),
    )
    timings = noted["seconds"] | {"report": round(seconds() - started, 3)}
    (results(plan) / TIMINGS).write_text(json.dumps(timings, indent=2) + "\n", encoding="utf-8")
    make_private(results(plan), plan.config.result_mode, plan.config.result_group)
    keep(plan.bench)
    if not was_there:
        publish(results(plan), folder)
    shutil.rmtree(plan.bench.scratch)
    return summary


def _write_page(plan: Plan, run_id: str, balance: dict[str, Any], night_before: str | None) -> None:
    from flows.page.write import Heading, write_aggregate_page, write_page  # charts take a second to import

    level = plan.request.privacy
    heading = Heading(run_id, plan.request.as_of.isoformat(), program_version(), level, night_before)
    if level == AGGREGATE:
        write_aggregate_page(results(plan), heading)
    else:
        write_page(results(plan), heading, balance, plan.payer_names)


def _noted(plan: Plan) -> dict:  # type: ignore[type-arg]  # JSON
    path = plan.bench.scratch / "notes.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"seconds": {}}


def _note(plan: Plan, stage: str, started: float, **facts: object) -> None:
    """Keep a stage's seconds and facts for the report."""
    noted = _noted(plan) | facts
    noted["seconds"][stage] = round(seconds() - started, 3)
    (plan.bench.scratch / "notes.json").write_text(json.dumps(noted), encoding="utf-8")
