"""The judged lines of a run, found again in its warehouse.

A run publishes what its rules found, not the lines on which they found nothing.
"""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from duckdb import DuckDBPyConnection

from audit_rules.engine.dossier import compile_dossier
from audit_rules.law.collectable import collectability
from flows.errors import InputRefused, UsageError
from flows.judging.frames import read_parts
from flows.judging.members import Cut
from flows.judging.population import population_facts
from flows.memory_limits import rows_at_a_time
from flows.plan import Plan
from flows.privacy import FULL
from flows.replay.as_of import settled_as_of
from flows.request import RunRequest
from flows.results.run_record import refuse_unrecorded
from flows.sampling.population import NOT_COLLECTABLE, Lines, SampledRun
from schemas.collecting import NO
from schemas.notes import counted
from schemas.results import LINE_KEY, MONEY, WORKLIST

_OF_THE_LINE = (
    *("claim_source", "payer", "plan", "member_id", "claim_id", "claim_line_number"),
    *("service_date", "paid_date", "billing_npi", "product_code", "paid_amount"),
)


def judged_lines(run: SampledRun, warehouse: Path, **options: Any) -> Lines:
    """The judged lines of a run that may still be asked for.

    options   config, policies, law and NDC directory: those of the run.

    Raises InputRefused and UsageError unless the warehouse and they are those of the run.
    """
    if run.privacy != FULL:
        raise InputRefused(
            "--run hides who its lines are about, and --population lines reads them from the "
            "warehouse. Give a run of full privacy level."
        )
    refuse_unrecorded(warehouse, run.run_id, run.manifest_sha256)
    as_of = date.fromisoformat(run.manifest["as_of"])
    request = RunRequest(output=warehouse.parent, warehouse=warehouse, as_of=as_of, **options)
    found = pl.concat(run.table(name) for name in ("worklist", "advisories")).select(LINE_KEY)
    with settled_as_of(request) as (made, connection):
        _refuse_other_texts(run, made)
        table = _judged(made, connection, found)
    _refuse_missing(found, table)
    return _collectable(table, made, as_of)


def _judged(made: Plan, connection: DuckDBPyConnection, found: pl.DataFrame) -> pl.DataFrame:
    """The audited lines; and those of no audited code on which a rule found something."""
    as_of, days = made.request.as_of, made.default_supply_days
    facts = population_facts(connection, made.reference)
    tables = []
    for part in read_parts(connection, made.reference, as_of, facts, None, Cut(rows_at_a_time())):
        dossier = compile_dossier(part, made.reference, days, as_of)
        audited, others = (
            lines.select(*_OF_THE_LINE, person_id="person").collect()
            for lines in (dossier.lines, dossier.miscoded)
        )
        tables += [audited, others.join(found, on=list(LINE_KEY), how="semi", nulls_equal=True)]
    return pl.concat(tables)


def _refuse_other_texts(run: SampledRun, made: Plan) -> None:
    """Raise UsageError unless policies and code sets are those of the run."""
    policies = {name: file["sha256"] for name, file in run.manifest["policies"].items()}
    now = {p.document.id: p.sha256 for p in made.library.policies}
    if policies != now or run.manifest["reference"] != dict(made.reference.hashes):
        raise UsageError(
            "The policies or code sets are not those of the run. Give its --policies and "
            "--ndc-directory, or run again."
        )


def _refuse_missing(found: pl.DataFrame, table: pl.DataFrame) -> None:
    """Raise UsageError if lines with exceptions are not among the judged lines."""
    missing = found.join(table, on=list(LINE_KEY), how="anti", nulls_equal=True).height
    if missing:
        raise UsageError(
            f"{counted(missing, 'line')} with exceptions {'is' if missing == 1 else 'are'} not "
            "among the judged lines that the warehouse has. Give the config of the run; if rows "
            "were purged since, draw from the worklist."
        )


def _collectable(table: pl.DataFrame, made: Plan, as_of: date) -> Lines:
    """The lines that may still be asked for, with the columns that only a worklist fills."""
    of_no_finding = table.with_columns(ground=pl.lit(None, pl.String))
    known = collectability(of_no_finding, made.law, made.places, as_of)
    kept = table.filter(known["collectable"] != NO).with_columns(
        rule_id=pl.lit(None, pl.String),
        rule_ids=pl.lit(None, WORKLIST["rule_ids"]),
        amount_at_risk=pl.lit(None, MONEY),
    )
    return Lines(kept, {NOT_COLLECTABLE: table.height - kept.height})
