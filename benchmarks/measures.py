"""The single measurements of the bench. Each runs in its own process and prints one line of JSON.

Usage: python benchmarks/measures.py base|pipeline|every|night|whole EXTRACTS WORK
       python benchmarks/measures.py every EXTRACTS WORK WORKERS BUCKETS
       python benchmarks/measures.py rules|plain EXTRACTS WORK ROUNDS

EXTRACTS is a landing folder. WORK is an empty folder; for rules and plain, it is the one in which a
pipeline left its warehouse, and they measure that many rounds.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
from bench import STAGES
from rounds import Measurement

from audit_rules.engine.dossier import compile_dossier
from audit_rules.engine.judge import Judgement, judge
from audit_rules.engine.rule import PolicyBook, RuleModule
from audit_rules.policy.library import load_policies
from audit_rules.reference.codes import load_reference
from audit_rules.rules import RULES
from flows import run_folders, stages
from flows.intake.landing import ExtractFile, find_extracts
from flows.judging.frames import read_frames
from flows.memory_limits import engine_bytes
from flows.plan import Plan, plan
from flows.request import RunRequest
from flows.warehouse.columns import sql_type
from flows.warehouse.connection import limit_memory, opened
from flows.warehouse.sql import identifier, literal, literals
from schemas.tables import TABLES

AS_OF = date(2026, 6, 30)
FOUR_RULES = ("DX01", "QTY01", "GEN01", "CYC01")

EVERY_CODE = """
[document]
id = "every-code"
title = "Most units of every code"
everything = true

[[version]]
effective_from = 1990-01-01
basis = "assumption"
cite = "for the bench"

[[quantity]]
term_id = "every-code.units"
effective_from = 1990-01-01
basis = "assumption"
cite = "for the bench"
measure = "units"
per = "date"
by = "product"
providers = "own"
table = "every.csv"
finding = { outcome = "review" }
"""

# What the rules read of every line: which drug, whose, when, how much; and every diagnosis.
FLOOR_COLUMNS = {
    "medical_claim": (
        "member_hash",
        "hcpcs_code",
        "ndc_code",
        "claim_line_start_date",
        "claim_start_date",
        "service_unit_quantity",
        "paid_amount",
        "diagnosis_code_1",
        "diagnosis_code_2",
        "diagnosis_code_3",
        "diagnosis_code_4",
    ),
    "pharmacy_claim": (
        "member_hash",
        "ndc_code",
        "dispensing_date",
        "quantity",
        "days_supply",
        "paid_amount",
    ),
    "diagnosis": ("member_hash", "diagnosis_code", "diagnosis_date"),
}


def measure_base(extracts: Path, work: Path) -> Measurement:
    """The bare load: every file into a typed table as DuckDB reads it; nothing is checked."""
    measured = Measurement()
    loads = [
        f"CREATE TABLE {identifier(extract.table)} AS {_typed_query(extract)}"
        for extract in find_extracts(extracts)
    ]
    with measured.timed("total"):
        connection = duckdb.connect(str(work / "base.duckdb"))
        limit_memory(connection, engine_bytes(), work)
        connection.execute("SET preserve_insertion_order = true; SET enable_progress_bar = false")
        for load in loads:
            connection.execute(load)
        connection.close()
    return measured


def _typed_query(extract: ExtractFile) -> str:
    """The query that reads a file, each column with the type that the warehouse gives it."""
    path, table = f"{literal(str(extract.path))}, hive_partitioning = false", TABLES[extract.table]
    reader = "read_parquet" if extract.is_parquet else "read_csv"
    described = duckdb.execute(f"DESCRIBE FROM {reader}({path})").fetchall()
    types = {str(name): sql_type(table.column(str(name))) for name, *_ in described}
    if extract.is_parquet:
        casts = ", ".join(
            f"CAST({identifier(n)} AS {t}) AS {identifier(n)}" for n, t in types.items()
        )
        return f"SELECT {casts} FROM read_parquet({path})"
    columns = ", ".join(f"{literal(n)}: {literal(t)}" for n, t in types.items())
    return (
        f"FROM read_csv({path}, auto_detect = false, header = true, delim = ',', quote = '\"', "
        f"escape = '\"', columns = {{{columns}}})"
    )


def measure_pipeline(extracts: Path, work: Path) -> Measurement:
    """A first run without Prefect, from extracts to published results: in all, and by stage."""
    return _run(lambda: _plan(extracts, work))


def measure_every(
    extracts: Path, work: Path, workers: int = 1, buckets: int | None = None
) -> Measurement:
    """A first run with one more document, which limits the units of every HCPCS code on file that
    names a drug or service: nearly all medical lines are judged."""
    policies = work / "policies"
    left_out = literals(sorted(load_reference(load_policies()).unclassified))
    policies.mkdir()
    (policies / "every.toml").write_text(EVERY_CODE, encoding="utf-8")
    files = [str(f.path) for f in find_extracts(extracts) if f.table == "medical_claim"]
    duckdb.execute(
        f"""COPY (SELECT DISTINCT hcpcs_code AS id, hcpcs_code AS hcpcs, 20 AS most
                  FROM read_csv({files}, all_varchar = true)
                  WHERE regexp_full_match(hcpcs_code, '[0-9A-Z][0-9]{{3}}[0-9A-Z]')
                    AND NOT list_contains({left_out}, hcpcs_code) ORDER BY id)
            TO {literal(str(policies / "every.csv"))}"""
    )
    request = _request(extracts, work, AS_OF, policies=policies)
    return _run(lambda: plan(replace(request, workers=workers, buckets=buckets)))


def measure_night(extracts: Path, work: Path) -> Measurement:
    """A later run on the same warehouse; the number in the folder's name gives its as-of date."""
    return _run(lambda: _plan(extracts, work, _night(extracts)))


def measure_whole(extracts: Path, work: Path) -> Measurement:
    """The same run again without a new file, with everybody judged again."""
    for folder in work.glob("run=*"):
        shutil.rmtree(folder)
    return _run(lambda: plan(_request(None, work, _night(extracts), whole=True)))


def _night(extracts: Path) -> date:
    return AS_OF + timedelta(days=int(extracts.name.removeprefix("night")))


def _run(planned: Callable[[], Plan]) -> Measurement:
    measured = Measurement()
    for name in STAGES:
        stage = f"{name}_stage"
        setattr(stages, stage, measured.timed(name)(getattr(stages, stage)))
    stages.judge_parts = measured.timed("buckets")(stages.judge_parts)
    with measured.timed("total"):
        made = planned()
        run_folders.begin(made)
        summary = stages.run_stages(made)
    counts = {
        "rows": summary.rows_read,
        "quarantined": summary.quarantined,
        "exceptions": summary.found,
        "persons": summary.persons,
        "judged_again": summary.judged_again,
    }
    measured.counts = {name: count for name, count in counts.items() if count is not None}
    return measured


def measure_rules(extracts: Path, work: Path, rounds: int) -> Measurement:
    """The judge stage with four rules and with all, and a scan that hashes what rules read."""
    made = _netted(extracts, work)
    measured = Measurement(counts={"rules": len(RULES)})
    for _ in range(rounds):
        with measured.timed("floor"):
            _scan(made)
        with measured.timed("four rules"):
            _judged(made, _four_rules())
        with measured.timed("all rules"):
            _judged(made, RULES)
    return measured


def measure_plain(extracts: Path, work: Path, rounds: int) -> Measurement:
    """Four rules as they are, in ordinary pandas, and in SQL by hand over everybody.

    Ends the program if the exceptions or their reasons differ.
    """
    from plain_rules import plain_exceptions
    from plain_sql import exceptions_by_sql

    by_hand = {"pandas": plain_exceptions, "sql": exceptions_by_sql}
    made = _netted(extracts, work)
    measured = Measurement()
    for _ in range(rounds):
        with measured.timed("four rules"):
            exceptions = _judged(made, _four_rules()).exceptions
        found = {
            row[0]: f"{row[1]} {row[2]}"
            for row in exceptions.select("exception_id", "rule_id", "reason").iter_rows()
        }
        for name, function in by_hand.items():
            with measured.timed(name), opened(made.bench) as connection:
                plainly = function(connection, made)
            differing = len(found.items() ^ plainly.items())
            if differing or len(found) != exceptions.height:
                raise SystemExit(
                    f"The rules give {exceptions.height} exceptions, {name} {len(plainly)}; "
                    f"{differing} differ."
                )
    measured.counts = {"exceptions": len(found)}
    return measured


def _four_rules() -> tuple[RuleModule, ...]:
    return tuple(module for module in RULES if module.RULE.id in FOUR_RULES)


def _request(
    extracts: Path | None,
    work: Path,
    as_of: date,
    whole: bool = False,
    policies: Path | None = None,
) -> RunRequest:
    """A request for the result tables alone."""
    return RunRequest(
        input=extracts,
        output=work,
        as_of=as_of,
        policies=policies,
        xlsx=False,
        page=False,
        whole=whole,
    )


def _plan(extracts: Path, work: Path, as_of: date = AS_OF) -> Plan:
    return plan(_request(extracts, work, as_of))


def _netted(extracts: Path, work: Path) -> Plan:
    """A plan whose workbench has the final action of every row in the warehouse."""
    made = _plan(extracts, work)
    run_folders.begin(made)
    stages.settle_stage(made)
    return made


def _scan(made: Plan) -> None:
    with opened(made.bench) as connection:
        for table, columns in FLOOR_COLUMNS.items():
            hashes = ", ".join(f"bit_xor(hash({c}))" for c in columns)
            connection.execute(f"SELECT {hashes} FROM every_{table}").fetchall()


def _judged(made: Plan, rules: tuple[RuleModule, ...]) -> Judgement:
    """Run the judge stage without writing its tables."""
    with opened(made.bench) as connection:
        extracted = read_frames(connection, made.reference, AS_OF)
    dossier = compile_dossier(extracted, made.reference, made.default_supply_days, AS_OF)
    return judge(dossier, PolicyBook(made.library, made.reference), rules)


MEASURES: dict[str, Callable[..., Measurement]] = {
    "base": measure_base,
    "pipeline": measure_pipeline,
    "every": measure_every,
    "night": measure_night,
    "whole": measure_whole,
    "rules": measure_rules,
    "plain": measure_plain,
}


def main() -> None:
    """Measure once and print the result."""
    name, extracts, work, *rounds = sys.argv[1:]
    os.umask(0o077)
    print(MEASURES[name](Path(extracts), Path(work), *map(int, rounds)).printed())


if __name__ == "__main__":
    main()
