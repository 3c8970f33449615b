"""Runs of case files: cases that can share a run become one set of extracts, judged together."""

import csv
import math
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from audit_rules.engine.dossier import Dossier, compile_dossier
from audit_rules.engine.judge import judge
from audit_rules.engine.rule import Described, PolicyBook, RuleModule
from audit_rules.kinds.judge import judge_documents
from audit_rules.rules import CATALOGUE
from flows.judging.frames import read_frames
from flows.plan import plan
from flows.results.failed_checks import quarantine
from flows.warehouse.connection import opened
from schemas.frame import check_frame
from schemas.frames import DOSSIER_FRAMES
from schemas.table import Kind
from schemas.tables import TABLES
from tests.support.case_files import Case, CaseError, Expectation, ExpectedAnswer, Row
from tests.support.running import request_for, run_to_final_action

_PREFIXED = ("claim_id", "member_id", "person_id", "authorization_id", "original_claim_id")
_DATE_FORMATS = ("%Y-%m-%d", "%Y%m%d")
T = TypeVar("T")


class RunFailed(Exception):
    """A run of cases ended in an error; every case in it reports this."""


class Variant(StrEnum):
    """How the rows of a case are laid out; the answers must be the same in each."""

    PLAIN = "plain"
    REVERSED = "rows reversed"
    NEIGHBOUR = "reversed, with a neighbour"


@dataclass(frozen=True)
class Group:
    """Cases that share a run: same as-of date, same tables not supplied, and none must be alone."""

    as_of: date
    absent: frozenset[str]
    alone: str | None

    @classmethod
    def of(cls, case: Case) -> "Group":
        return cls(case.as_of, case.absent, case.tag if case.is_alone else None)


def variants(case: Case) -> tuple[Variant, ...]:
    """The variants of a case; a case that must be alone has no neighbour."""
    return (Variant.PLAIN, Variant.REVERSED if case.is_alone else Variant.NEIGHBOUR)


class CaseRuns:
    """Runs of a set of cases, each made on first use and cached; failures are cached as well."""

    def __init__(self, cases: Iterable[Case], folder: Path) -> None:
        self._cases: dict[Group, list[Case]] = defaultdict(list)
        for case in cases:
            self._cases[Group.of(case)].append(case)
        self._folder = folder
        self._kept: dict[object, object] = {}

    def problems(self, case: Case, variant: Variant, module: Described) -> list[str]:
        """How the rule's answers on a case differ from the expected ones; empty if they agree."""
        answers = self._once(
            (Group.of(case), variant, module.RULE.id), lambda: self._answers(case, variant, module)
        )
        return [
            p
            for expected in case.expected
            for p in _compare(expected, answers.get(_key(case, expected), []))
        ]

    def _answers(self, case: Case, variant: Variant, module: Described) -> "Answers":
        group = Group.of(case)
        dossier, book = self._once((group, variant), lambda: self._dossier(group, variant))
        found: Answers = defaultdict(list)
        for row in answers_of(dossier, book, module).iter_rows(named=True):
            found[
                row["claim_source"], row["payer"].lower(), row["claim_id"], row["claim_line_number"]
            ].append(row)
        return found

    def _dossier(self, group: Group, variant: Variant) -> tuple[Dossier, PolicyBook]:
        cases = self._cases[group]
        base = Path(tempfile.mkdtemp(dir=self._folder))
        (base / "in").mkdir()
        (base / "config.toml").write_text("max_error_rate = 1\n", encoding="utf-8")
        owners = write_extracts(base / "in", cases, group.absent, variant)
        request = request_for(
            base / "in", base, base / "audit.duckdb", group.as_of, base / "config.toml"
        )
        planned = plan(request)
        run_to_final_action(planned)
        with opened(planned.bench) as connection:
            _refuse_bad_rows(connection, owners)
            extracted = read_frames(connection, planned.reference, group.as_of)
        shutil.rmtree(base)
        dossier = compile_dossier(
            extracted, planned.reference, planned.default_supply_days, group.as_of
        )
        check_declared(dossier)
        return dossier, PolicyBook(planned.library, planned.reference)

    def _once(self, key: object, make: Callable[[], T]) -> T:
        """The result of `make`, called once; if it fails, later callers get a short error."""
        if key not in self._kept:
            try:
                self._kept[key] = make()
            except Exception as error:
                self._kept[key] = RunFailed(f"{type(error).__name__}: {error}")
                raise
        kept = self._kept[key]
        if isinstance(kept, RunFailed):
            raise RunFailed(str(kept))
        return kept  # type: ignore[return-value]  # the result of make for this key


def answers_of(dossier: Dossier, book: PolicyBook, module: Described) -> pl.DataFrame:
    """The answers of a rule, or of documents of the language under its id."""
    if isinstance(module, RuleModule):
        return judge(dossier, book, (module,)).answers
    governed = judge_documents(dossier, book, CATALOGUE)
    answers = judge(dossier, book, (), governed).every_answer()
    return answers.filter(pl.col("rule_id") == module.RULE.id)


def check_declared(dossier: Dossier) -> None:
    """Raise unless every frame has the columns and the grain that `schemas.frames` declares."""
    for name, frame in DOSSIER_FRAMES.items():
        rows = getattr(dossier, name).collect()
        check_frame(frame, rows)
        for key in frame.keys:
            assert not rows.select(key).is_duplicated().any(), f"frame {name}: {key} repeats"


Answers = dict[tuple[str, str, str, int], list[dict[str, object]]]


def _key(case: Case, expected: Expectation) -> tuple[str, str, str, int]:
    return (
        expected.claim_source,
        expected.payer.lower(),
        f"{case.tag}-{expected.claim_id}",
        expected.line,
    )


def write_extracts(
    folder: Path, cases: list[Case], absent: frozenset[str], variant: Variant
) -> dict[str, list[Case]]:
    """Write the cases as CSV extracts; return per table the case of each row, in file order."""
    owners: dict[str, list[Case]] = {}
    for name, table in TABLES.items():
        if name in absent:
            continue
        rows = [(c, _owned(r, f"{c.tag}-")) for c in cases for r in c.tables.get(name, ())]
        if variant == Variant.NEIGHBOUR:
            dates = table.of_kind(Kind.DATE)
            rows += [
                (c, _owned(_shifted(r, dates), f"N-{c.tag}-"))
                for c in cases
                for r in c.tables.get(name, ())
            ]
        if variant != Variant.PLAIN:
            rows.reverse()
        used = {column for _, row in rows for column in row}
        needed = {c.name for c in table.columns if c.required}
        needed |= {group[0] for group in table.one_of if not set(group) & used}
        columns = [c.name for c in table.columns if c.name in used | needed]
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(row for _, row in rows)
        owners[name] = [case for case, _ in rows]
    return owners


def _owned(row: Row, prefix: str) -> Row:
    return {c: prefix + v if c in _PREFIXED and v else v for c, v in row.items()}


def _shifted(row: Row, dates: tuple[str, ...]) -> Row:
    return {c: _next_day(v) if c in dates else v for c, v in row.items()}


def _next_day(text: str) -> str:
    """The date a day later in the same format; other text unchanged."""
    for form in _DATE_FORMATS:
        try:
            return (datetime.strptime(text, form) + timedelta(days=1)).strftime(form)
        except ValueError:
            continue
    return text


def _refuse_bad_rows(connection: duckdb.DuckDBPyConnection, owners: dict[str, list[Case]]) -> None:
    """Raise CaseError if a row was quarantined and its case does not say `bad rows`."""
    for row in quarantine(connection).iter_rows(named=True):
        table, column, check, row_number = (
            row[name] for name in ("table", "column", "check", "row_number")
        )
        case = owners[table][row_number - 1]
        if not case.may_have_bad_rows:
            raise CaseError(f"{case.tag} ({case.sentence}): {table}.{column}: {check}")


def _compare(expected: Expectation, found: list[dict[str, object]]) -> list[str]:
    where = (
        f"{expected.claim_source} {expected.payer} claim {expected.claim_id} line {expected.line}"
    )
    shown = "; ".join(_shown(row) for row in found) or "no answer"
    if len(found) != len(expected.answers):
        wanted = f"{len(expected.answers)} answers" if expected.answers else "no answer"
        return [f"{where}: expected {wanted}, got {shown}"]
    problems = []
    for answer in expected.answers:
        row = next((r for r in found if answer.policy_id in (None, r["policy_id"])), None)
        if row is None or not _agrees(answer, row):
            problems.append(f"{where}: expected {_worded(answer)}, got {shown}")
    return problems


def _agrees(answer: ExpectedAnswer, row: dict[str, object]) -> bool:
    figures = _figures(row)
    return (answer.outcome, answer.reason) == (row["outcome"], row["reason"]) and all(
        _same(value, figures[name]) for name, value in answer.figures.items()
    )


def _figures(row: dict[str, object]) -> dict[str, object]:
    cents = row["amount_cents"]
    amount = None if cents is None else Decimal(str(cents)) / 100
    return {"observed": row["observed"], "allowed": row["allowed"], "amount": amount}


def _same(expected: Decimal | None, found: object) -> bool:
    if expected is None or found is None:
        return expected is found
    return math.isclose(float(expected), float(str(found)), rel_tol=0, abs_tol=1e-6)


def _worded(answer: ExpectedAnswer) -> str:
    return _sentence(answer.policy_id, answer.outcome, answer.reason, answer.figures)


def _shown(row: dict[str, object]) -> str:
    return _sentence(row["policy_id"], row["outcome"], row["reason"], _figures(row))


def _sentence(
    policy_id: object, outcome: object, reason: object, figures: Mapping[str, object]
) -> str:
    words = [f"{name}={'null' if value is None else value}" for name, value in figures.items()]
    return " ".join(
        [f"{policy_id}:" if policy_id else "", str(outcome), str(reason or ""), *words]
    ).strip()
