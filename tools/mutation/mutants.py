"""Break it on purpose: change rules and policies in one place at a time; some case must fail.

Usage: python -m tools.mutation.mutants [WORD ...]     only the mutants whose id contains every
                                                       word; all without words

A mutant of code flips one comparison, window, condition or order in a module of `audit_rules/rules`
or in one that rules share; a mutant of a policy moves one number or date, or drops one word of a
list. Each is run over the cases of the rules it concerns, and is killed by the first case that
fails, or by the program's refusal to load the policy. What survives needs a written reason in
`survivors.toml`. Cases state answers and figures: evidence and wording are not looked at.
Exit 1: a survivor without a reason, a reason for a mutant that is killed, or a case that fails with
nothing changed.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from time import monotonic
from types import FrameType, FunctionType, ModuleType
from typing import cast

import polars as pl

from audit_rules.engine.dossier import Dossier, WarehouseFrames, compile_dossier
from audit_rules.engine.judge import run_rules
from audit_rules.engine.rule import ON, Described, PolicyBook, RuleModule
from audit_rules.errors import PolicyRefused
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.policy.terms.fills import SupplyWindow
from audit_rules.reference.codes import load_reference
from flows.judging.frames import read_frames
from flows.plan import plan
from flows.warehouse.connection import opened
from tests.support.case_files import Case, read_case_file
from tests.support.case_runs import (
    Answers,
    CaseRuns,
    Group,
    Variant,
    answers_of,
    variants,
    write_extracts,
)
from tests.support.running import request_for, run_to_final_action
from tools.mutation.mutations import (
    MODULES,
    ROOT,
    Mutant,
    changed_policy,
    changed_tree,
    every_mutant,
    short_name,
)

CASES = ROOT / "tests" / "cases"
SURVIVORS = Path(__file__).with_name("survivors.toml")
PROCESSES = 2
HUNG_SECONDS = 30
REFUSED = "refused on loading"
VARIANTS = tuple(Variant)
OF_THE_DOSSIER = ("dossier", "claim_links", "history")
"""Modules that a dossier is made with: a change in one shows only in a dossier compiled anew."""

Layout = tuple[Group, Variant]


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant; `killed_by` is null if no case tells it from the program."""

    mutant: Mutant
    killed_by: str | None


@dataclass(frozen=True)
class Failure:
    """A case that fails with nothing changed."""

    tag: str
    variant: Variant
    problems: str


class Hung(Exception):
    """A mutant that does not come to an end."""


class Trials:
    """The cases of some rules, and their extracts, which are made once for all mutants."""

    def __init__(
        self, cases: Sequence[Case], folder: Path, left_out: Sequence[Failure] = ()
    ) -> None:
        """Cases to run, a folder to keep extracts in, and cases that fail anyway."""
        self.cases, self.folder = cases, folder
        self._left_out = {(f.tag, f.variant) for f in left_out}
        library = load_policies()
        self.book = PolicyBook(library, load_reference(library))
        self._extracts: dict[Layout, WarehouseFrames] = {}
        self._dossiers: dict[tuple[Layout, str], Dossier] = {}

    def layouts(self) -> list[Layout]:
        """Every group of cases in every variant, the plain ones and the larger groups first."""
        groups = Counter(Group.of(c) for c in self.cases)
        return [
            (g, v)
            for v in Variant
            for g, _ in groups.most_common()
            if not (g.alone and v == Variant.NEIGHBOUR)
        ]

    def failures(self, rule_id: str) -> list[Failure]:
        """The cases of a rule that fail with nothing changed."""
        run = _Run(self, self.book)
        return [
            Failure(c.tag, v, "; ".join(problems))
            for c in self.cases
            if c.rule_id == rule_id
            for v in variants(c)
            if (problems := run.problems(c, v, MODULES[rule_id]))
        ]

    def verdict(self, mutant: Mutant) -> Verdict:
        """Run the cases that a mutant concerns, until one fails."""
        try:
            return Verdict(
                mutant,
                self._policy(mutant) if mutant.path.suffix == ".toml" else self._code(mutant),
            )
        except PolicyRefused:
            return Verdict(mutant, REFUSED)

    def extracted(self, layout: Layout) -> WarehouseFrames:
        """The extracts of a group of cases, as laid out; kept in the folder for other processes."""
        kept = self.folder / f"{self.layouts().index(layout)}.pickle"
        if layout not in self._extracts:
            if not kept.exists():
                kept.write_bytes(pickle.dumps(self.new_frames(layout, None)))
            self._extracts[layout] = pickle.loads(kept.read_bytes())
        return self._extracts[layout]

    def kept_dossier(self, layout: Layout, rule_id: str) -> Dossier:
        """What one rule's cases of a group come to, with nothing changed."""
        key = (layout, rule_id)
        if key not in self._dossiers:
            self._dossiers[key] = self.new_dossier(
                self.extracted(layout), layout, rule_id, self.book.library
            )
        return self._dossiers[key]

    def new_dossier(
        self, extracted: WarehouseFrames, layout: Layout, rule_id: str, library: PolicyLibrary
    ) -> Dossier:
        """The same, compiled anew."""
        return compile_dossier(
            _of_rule(extracted, rule_id),
            self.book.reference,
            _supply_days(library),
            layout[0].as_of,
        )

    def new_frames(self, layout: Layout, policies: Path | None) -> WarehouseFrames:
        """The extracts of a group of cases, made anew, under other policies if a folder is
        given."""
        group, variant = layout
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            base = Path(name)
            (base / "in").mkdir()
            (base / "config.toml").write_text("max_error_rate = 1\n", encoding="utf-8")
            write_extracts(
                base / "in", [c for c in self.cases if Group.of(c) == group], group.absent, variant
            )
            request = request_for(
                base / "in",
                base,
                base / "audit.duckdb",
                group.as_of,
                base / "config.toml",
                policies,
            )
            planned = plan(request)
            run_to_final_action(planned)
            with opened(planned.bench) as connection:
                return read_frames(connection, planned.reference, group.as_of)

    def _policy(self, mutant: Mutant) -> str | None:
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            (folder / mutant.path.name).write_text(changed_policy(mutant), encoding="utf-8")
            library = load_policies(folder)
            known = self.book.library
            other_names = library.payer_names() != known.payer_names()
            other_days = _supply_days(library) != _supply_days(known)
            run = _Run(
                self,
                PolicyBook(library, load_reference(library)),
                other_names or other_days,
                folder if other_names else None,
            )
            return self._first_failure(run, mutant, None)

    def _code(self, mutant: Mutant) -> str | None:
        with in_place(mutant) as changed_rule:
            run = _Run(self, self.book, compiles_anew=mutant.path.stem in OF_THE_DOSSIER)
            return self._first_failure(run, mutant, changed_rule)

    def _first_failure(
        self, run: "_Run", mutant: Mutant, changed_rule: RuleModule | None
    ) -> str | None:
        """The first case that fails: all in the plain layout, then all in the next."""
        concerned = [
            (c, v)
            for v in Variant
            for c in self.cases
            if c.rule_id in mutant.rules and v in variants(c)
        ]
        for case, variant in concerned:
            if (case.tag, variant) not in self._left_out:
                try:
                    with _time_limit():
                        problems = run.problems(
                            case, variant, changed_rule or MODULES[case.rule_id]
                        )
                except PolicyRefused:
                    raise
                except (
                    Exception,
                    pl.exceptions.PanicException,
                ) as error:  # a panic is not an Exception
                    return f"{case.tag} {variant}: {type(error).__name__}"
                if problems:
                    return f"{case.tag} {variant}"
        return None


class _Run(CaseRuns):
    """The harness over kept extracts; answers without evidence and wording."""

    def __init__(
        self,
        trials: Trials,
        book: PolicyBook,
        compiles_anew: bool = False,
        policies: Path | None = None,
    ) -> None:
        super().__init__(trials.cases, trials.folder)
        self._trials, self._book, self._compiles_anew, self._policies = (
            trials,
            book,
            compiles_anew,
            policies,
        )
        self._extracts: dict[Layout, WarehouseFrames] = {}

    def _answers(self, case: Case, variant: Variant, module: Described) -> Answers:
        layout = Group.of(case), variant
        if self._compiles_anew:
            dossier = self._trials.new_dossier(
                self._extracted(layout), layout, case.rule_id, self._book.library
            )
        else:
            dossier = self._trials.kept_dossier(layout, case.rule_id)
        found: Answers = defaultdict(list)
        for row in self._rows(dossier, module).iter_rows(named=True):
            found[
                row["claim_source"], row["payer"].lower(), row["claim_id"], row["claim_line_number"]
            ].append(row)
        return found

    def _rows(self, dossier: Dossier, module: Described) -> pl.DataFrame:
        if not isinstance(module, RuleModule):
            return answers_of(dossier, self._book, module)
        place = ("row_id", "claim_source", "payer", "claim_id", "claim_line_number")
        line = pl.concat([lines.select(place) for lines in (dossier.lines, dossier.miscoded)])
        figures = (*ON, "outcome", "reason", "observed", "allowed", "amount_cents")
        for run in run_rules(dossier, self._book, (module,)):
            return run.settled.select(figures).join(line, on="row_id").collect()
        return pl.DataFrame()

    def _extracted(self, layout: Layout) -> WarehouseFrames:
        if self._policies is None:
            return self._trials.extracted(layout)
        if layout not in self._extracts:
            self._extracts[layout] = self._trials.new_frames(layout, self._policies)
        return self._extracts[layout]


@contextmanager
def in_place(mutant: Mutant) -> Iterator[RuleModule | None]:
    """Apply the change: give the changed rule, or change a shared function or constant and put it
    back after."""
    tree, place = changed_tree(mutant)
    name = ".".join(mutant.path.relative_to(ROOT).with_suffix("").parts)
    fresh = ModuleType(name)
    exec(compile(tree, mutant.path, "exec"), fresh.__dict__)
    if mutant.path.parent.name == "rules":
        yield cast(RuleModule, fresh)
        return
    shared, changed = getattr(import_module(name), place), getattr(fresh, place)
    if isinstance(shared, FunctionType):
        code = shared.__code__
        shared.__code__ = changed.__code__
        try:
            yield None
        finally:
            shared.__code__ = code
        return
    users = [m for n, m in sys.modules.items() if n.startswith("audit_rules.")]
    holders = [m for m in users if vars(m).get(place) is shared]
    try:
        for module in holders:
            setattr(module, place, changed)
        yield None
    finally:
        for module in holders:
            setattr(module, place, shared)


def _of_rule(extracted: WarehouseFrames, rule_id: str) -> WarehouseFrames:
    """The extracts of the persons of one rule's cases; what belongs to no person stays whole."""
    own = pl.col("person").str.contains(rf"^(N-)?{rule_id}\.")
    return replace(
        extracted,
        medical=extracted.medical.filter(own),
        pharmacy=extracted.pharmacy.filter(own),
        diagnosis=extracted.diagnosis.filter(own),
        eligibility=extracted.eligibility.filter(own),
        authorization=extracted.authorization.filter(own),
        clinical_evidence=extracted.clinical_evidence.filter(own),
    )


def _supply_days(library: PolicyLibrary) -> int:
    return next(
        t.default_days for _, t in library.of_kind(SupplyWindow) if isinstance(t, SupplyWindow)
    )


@contextmanager
def _time_limit() -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Hung

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(HUNG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


# ---------------------------------------------------------------- the whole run

_of_this_process: list[Trials] = []


def read_cases() -> list[Case]:
    """The cases of every rule; raises if a file is missing or not valid."""
    return [case for rule_id in MODULES for case in read_case_file(CASES / f"{rule_id}.md").cases]


def reasons() -> dict[str, str]:
    """Why a mutant survives, by its id."""
    return cast(dict[str, str], tomllib.loads(SURVIVORS.read_text(encoding="utf-8")))


def _begin(cases: list[Case], folder: Path, left_out: list[Failure]) -> None:
    _of_this_process[:] = [Trials(cases, folder, left_out)]


def _extract_one(layout: Layout) -> None:
    _of_this_process[0].extracted(layout)


def _fail_of_one(rule_id: str) -> list[Failure]:
    return _of_this_process[0].failures(rule_id)


def _try_one(mutant: Mutant) -> Verdict:
    return _of_this_process[0].verdict(mutant)


def main(words: list[str]) -> int:
    """Run all mutants, or those whose id contains every word, and report; returns the exit code."""
    started, known = monotonic(), reasons()
    mutants = [m for m in every_mutant() if all(word in m.id for word in words)]
    cases = read_cases()
    os.environ["POLARS_MAX_THREADS"] = (
        "1"  # for the workers: frames are tiny, and every core has its process
    )
    spawned = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ProcessPoolExecutor(PROCESSES, spawned, _begin, (cases, folder, [])) as pool:
            list(pool.map(_extract_one, Trials(cases, folder).layouts()))
            failures = [failure for found in pool.map(_fail_of_one, MODULES) for failure in found]
        print(
            f"{len(cases)} cases are ready after {monotonic() - started:.0f} s; {len(mutants)}"
            " mutants",
            flush=True,
        )
        verdicts: list[Verdict] = []
        with ProcessPoolExecutor(PROCESSES, spawned, _begin, (cases, folder, failures)) as pool:
            for verdict in pool.map(_try_one, mutants):
                verdicts.append(verdict)
                if verdict.killed_by is None and verdict.mutant.id not in known:
                    print(f"  alive: {verdict.mutant.id}", flush=True)
                if len(verdicts) % 50 == 0:
                    alive = sum(v.killed_by is None for v in verdicts)
                    print(
                        f"{len(verdicts):5} run, {alive:4} alive, {monotonic() - started:4.0f} s",
                        flush=True,
                    )
    return _report(verdicts, failures)


def _report(verdicts: list[Verdict], failures: list[Failure]) -> int:
    """Print counts per file, survivors with reasons, and what is left to do; returns the exit
    code."""
    known = reasons()
    per_file = Counter(short_name(v.mutant.path) for v in verdicts)
    killed = Counter(short_name(v.mutant.path) for v in verdicts if v.killed_by)
    ways = Counter(
        v.killed_by.rpartition(": ")[2]
        for v in verdicts
        if v.killed_by and not v.killed_by.endswith(VARIANTS)
    )
    survivors = [v.mutant.id for v in verdicts if not v.killed_by]
    unexplained = [i for i in survivors if i not in known]
    needless = [v.mutant.id for v in verdicts if v.killed_by and v.mutant.id in known]
    print(f"\n{'file':42} mutants  killed  alive")
    for file, count in per_file.items():
        print(f"{file:42} {count:7} {killed[file]:7} {count - killed[file]:6}")
    print(f"\nSurvivors with a reason: {len(survivors) - len(unexplained)}")
    for mutant_id in survivors:
        if mutant_id in known:
            print(f"  {mutant_id}\n      {known[mutant_id]}")
    for heading, found in (
        ("Survivors without a reason", unexplained),
        ("Killed, although a reason says why they survive", needless),
        (
            "Cases that fail with nothing changed, left out",
            [f"{f.tag} {f.variant}: {f.problems}" for f in failures],
        ),
    ):
        print("\n  ".join([f"\n{heading}: {len(found)}", *found]))
    print(
        "\nKilled otherwise than by a wrong answer:"
        f" {', '.join(f'{n} {way}' for way, n in sorted(ways.items()))}"
    )
    print(
        f"\n{len(verdicts)} mutants, {sum(killed.values())} killed, {len(survivors)} alive,"
        f" {len(unexplained)} without a reason"
    )
    return 1 if unexplained or needless or failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
