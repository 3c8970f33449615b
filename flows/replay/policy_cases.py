"""Cases of a policy: small extracts next to the policy, and the findings expected of each.

DIR/cases/NAME/ holds the extracts of a case, in the layout of a run, and its expected.csv. Each
case is judged by itself, in a folder that does not stay.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import judge
from audit_rules.engine.rule import PolicyBook
from audit_rules.given_files import is_irregular
from audit_rules.kinds.judge import judge_documents
from audit_rules.policy.document import load_policy
from audit_rules.rules import CATALOGUE, RULES
from flows.errors import InputRefused, UsageError
from flows.intake.load import load
from flows.intake.validate import validate
from flows.judging.frames import read_frames
from flows.plan import Plan, plan
from flows.replay.expected import EXPECTED, Answer, Expected, LineKey, read_expected
from flows.request import RunRequest
from flows.settle.settle import settle
from flows.warehouse.connection import opened
from flows.warehouse.scratch import passing_scratch
from schemas.days import shifted
from schemas.results import CLAIM_LINE
from schemas.tables import CLAIM_TABLES, TABLES

CASES = "cases"
_ANSWER = (*CLAIM_LINE, "policy_id", "rule_id", "term_id", "outcome", "reason", "amount_cents")
_SEEN_THROUGH = 366
"""Days from a case's last service date to its as-of date: most windows are over by then."""


@dataclass(frozen=True)
class CaseResult:
    """What became of one case.

    lines         claim lines that the documents judge.
    findings      exceptions of the documents.
    differences   one sentence for each difference; none: all is as expected.
    """

    name: str
    lines: int
    findings: int
    differences: tuple[str, ...]


@dataclass(frozen=True)
class JudgedCase:
    """The answers on the lines of a case.

    keys        every claim line that is left after final action.
    own_lines   those that a tested document judges.
    """

    keys: frozenset[LineKey]
    own_lines: frozenset[LineKey]
    answers: tuple[Answer, ...]


def run_cases(folder: Path, as_of: date | None = None) -> Iterator[CaseResult]:
    """Judge each case of a folder of policies and compare it with what is expected.

    as_of   the as-of date of every case; without it a year after the case's last service date.

    Raises UsageError if there is no case, PolicyRefused, and InputRefused for a case that cannot
    be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder.name!r} is not a folder. Give the folder of the policy.")
    cases = sorted(p for p in (folder / CASES).glob("*") if p.is_dir() and p.name[0] != ".")
    if not cases:
        raise UsageError(
            f"{folder.name}: there is no case. Put each into a folder of its own,"
            f" {CASES}/NAME: extracts such as pharmacy_claim.csv, and {EXPECTED}."
        )
    own = frozenset(load_policy(path).document.id for path in folder.glob("*.toml"))
    for case in cases:
        yield _run(case, folder, own, as_of)


def _run(case: Path, policies: Path, own: frozenset[str], as_of: date | None) -> CaseResult:
    expected = read_expected(case / EXPECTED, case.name)
    judged = judge_case(case, policies, own, as_of)
    findings = sum(a.is_finding and a.is_own for a in judged.answers)
    differences = compared(case.name, expected, judged)
    return CaseResult(case.name, len(judged.own_lines), findings, tuple(differences))


def compared(case: str, expected: list[Expected], judged: JudgedCase) -> Iterator[str]:
    """What is expected and not found, and what is found and not expected, line by line.

    Raises InputRefused if a row is about a line that the case does not have.
    """
    for row in expected:
        if not any(row.is_on(key) for key in judged.keys):
            raise InputRefused(
                f"case {case}: {EXPECTED}: row {row.row}: the case has no such claim line in its"
                " history. Correct the claim or the line, or add it to the extracts."
            )
    for key in sorted(judged.keys):
        rows = [row for row in expected if row.is_on(key)]
        answers = [a for a in judged.answers if a.key == key]
        source, claim_id, number = key
        line = f"{source} {claim_id} line {number}"
        for row in rows:
            if not row.is_met(answers):
                found = "; ".join(map(str, row.asked(answers))) or "nothing"
                yield f"{line}: expected {row}, found {found}"
        for answer in answers:
            is_told = any(row.fits(answer) for row in rows)
            if answer.is_finding and answer.is_own and not is_told:
                yield f"{line}: found {answer}, which is not expected"


def judge_case(
    case: Path, policies: Path, own: frozenset[str], as_of: date | None = None
) -> JudgedCase:
    """Judge the extracts of a case as a run would. own: ids of the tested documents."""
    with passing_scratch(None) as scratch:
        landing = scratch / "in"
        _copy(case, landing)
        request = RunRequest(
            input=landing,
            output=scratch,
            as_of=as_of or date.min,
            allow_future=True,
            policies=policies,
        )
        try:
            made = plan(request)
            return _answers(made, scratch, own, as_of)
        except InputRefused as refusal:
            raise InputRefused(f"case {case.name}: {refusal}") from None


def _copy(case: Path, landing: Path) -> None:
    """Copy the extracts of a case. Raises InputRefused if something in it is not a regular file."""
    if any(is_irregular(path) for path in case.rglob("*")):
        raise InputRefused(
            f"case {case.name}: it holds what is neither a file nor a folder. Remove that."
        )
    shutil.copytree(case, landing, ignore=shutil.ignore_patterns(EXPECTED))


def _answers(made: Plan, scratch: Path, own: frozenset[str], as_of: date | None) -> JudgedCase:
    bench = replace(made.bench, database=scratch / "bench.duckdb", scratch=scratch)
    with opened(bench) as connection:
        load(connection, bench, list(made.extracts), made.config, lambda _name: None)
        validate(connection, 1, made.library.facts())
        _refuse_bad_rows(connection)
        day = as_of or shifted(_last_service(connection), _SEEN_THROUGH)
        settle(connection, day, made.payer_names, max_error_rate=1)
        frames = read_frames(connection, made.reference, day)
    dossier = compile_dossier(frames, made.reference, made.default_supply_days, day)
    book = PolicyBook(made.library, made.reference)
    governed = judge_documents(dossier, book, CATALOGUE)
    judgement = judge(dossier, book, RULES, governed)
    answered = [judgement.answers]
    lines = [judgement.answers.select("policy_id", *CLAIM_LINE)]
    if governed is not None:
        shown = governed.lines.select("row_id", *CLAIM_LINE).unique("row_id")
        answered.append(governed.answers.join(shown, on="row_id"))
        lines.append(governed.lines.select("policy_id", *CLAIM_LINE))
    rows = pl.concat([a.select(_ANSWER) for a in answered], how="vertical_relaxed")
    mine = pl.concat(lines, how="vertical_relaxed").filter(pl.col("policy_id").is_in(own))
    return JudgedCase(
        frozenset(_history(frames)),
        frozenset(mine.select(CLAIM_LINE).iter_rows()),
        tuple(_answer(row, own) for row in rows.sort(_ANSWER, nulls_last=True).to_dicts()),
    )


def _answer(row: dict[str, Any], own: frozenset[str]) -> Answer:
    cents = row["amount_cents"]
    return Answer(
        key=(row["claim_source"], row["claim_id"], row["claim_line_number"]),
        rule_id=row["rule_id"],
        term_id=row["term_id"],
        outcome=row["outcome"],
        reason=row["reason"],
        amount=None if cents is None else Decimal(cents) / 100,
        is_own=row["policy_id"] in own,
    )


def _history(frames: WarehouseFrames) -> Iterator[LineKey]:
    """The claim lines that are left after final action."""
    for source, frame in (("medical", frames.medical), ("pharmacy", frames.pharmacy)):
        left = frame.filter(pl.col("fate") == "history")
        for claim_id, number in left.select("claim_id", "claim_line_number").iter_rows():
            yield source, claim_id, number


def _refuse_bad_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise InputRefused if a row would be quarantined: it takes no part in its case."""
    found = connection.execute(
        "SELECT f.name, q.row_number, q.column_name, q.check_name FROM main.quarantine q"
        " JOIN main.file f USING (file_no) ORDER BY ALL LIMIT 1"
    ).fetchone()
    if found is not None:
        name, row, column, check = found
        where = f"{name}, row {row}" + (f", {column}" if column else "")
        raise InputRefused(f"{where}: {check}. Correct the row.")


def _last_service(connection: duckdb.DuckDBPyConnection) -> date:
    """The last service date of the claims."""
    days = [
        f"SELECT coalesce({', '.join(TABLES[table].service_dates)}) AS day FROM main.{table}"
        for table in CLAIM_TABLES
    ]
    found = connection.execute(f"SELECT max(day) FROM ({' UNION ALL '.join(days)})").fetchone()
    if found is None or found[0] is None:
        raise InputRefused("there is no claim line. Add some.")
    last: date = found[0]
    return last
