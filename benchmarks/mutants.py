"""Break it on purpose: rules and policies are changed one place at a time, and some case must fail for each change.

Usage: python -m benchmarks.mutants [WORD ...]     only the mutants whose id contains every word; all without words

A mutant of code flips one comparison, window, condition or order in a module of `audit_rules/rules` or in one that rules
share; a mutant of a policy moves one number or date, or drops one word of a list. Each is run over the cases of the
rules it concerns, and is killed by the first case that fails, or by the program's refusal to load the policy. What
survives needs a written reason in `mutants_survivors.toml`. Answers and figures are what cases state: evidence and
wording are not looked at. Exit 1: a survivor without a reason, or a case that fails with nothing changed.
"""

import ast
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
from copy import deepcopy
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from time import monotonic
from types import FrameType, ModuleType
from typing import Any, cast

import polars as pl

from audit_rules.dossier import Dossier, Extracted, compile_dossier
from audit_rules.errors import PolicyRefused
from audit_rules.policy import PolicyLibrary, load_policies
from audit_rules.reference import load_reference
from audit_rules.rule import ON, Book, RuleModule, in_scope, settle
from audit_rules.rules import RULES
from audit_rules.terms import TERM_KINDS, SupplyWindow
from flows import stages
from flows.extract import extract
from flows.plan import Request, plan
from tests.case_files import Case, read_case_file
from tests.case_runs import Answers, CaseRuns, Group, Variant, variants, write_extracts

ROOT = Path(__file__).resolve().parent.parent
AUDIT_RULES = ROOT / "audit_rules"
CASES = ROOT / "tests" / "cases"
SURVIVORS = Path(__file__).with_name("mutants_survivors.toml")
PROCESSES = 2
HUNG_SECONDS = 30
SMALL_STEP = Decimal("0.01")
MODULES = {m.RULE.id: m for m in RULES}
NOT_MUTATED = {"policy", "terms", "reference", "catalogue"}
"""Modules that say what a policy file may hold; the mutants of the policies themselves ask about those."""


@dataclass(frozen=True)
class Mutant:
    """One change: its id (the same as long as the place reads the same), the file, and the rules it concerns."""

    id: str
    path: Path
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant; `killed_by` is null where no case tells it from the program."""

    mutant: Mutant
    killed_by: str | None


# ---------------------------------------------------------------- mutants of code

_COMPARISONS: dict[type[ast.cmpop], tuple[str, type[ast.cmpop]]] = {
    ast.Lt: ("< to <=", ast.LtE), ast.LtE: ("<= to <", ast.Lt), ast.Gt: ("> to >=", ast.GtE), ast.GtE: (">= to >", ast.Gt),
    ast.Eq: ("== to !=", ast.NotEq), ast.NotEq: ("!= to ==", ast.Eq), ast.In: ("in to not in", ast.NotIn),
    ast.NotIn: ("not in to in", ast.In),
}  # fmt: skip
_OPPOSITES = {
    "min": "max", "max": "min", "min_horizontal": "max_horizontal", "max_horizontal": "min_horizontal", "any": "all",
    "all": "any", "first": "last", "last": "first",
}  # fmt: skip
_FLAGS = ("capped", "nulls_last")
_SHOWN_CHARACTERS = 110

Change = tuple[str, str, ast.AST]
"""Kind of change, the text it is made in, and what takes the node's place."""


@dataclass(frozen=True)
class Site:
    """A place in a module where one change is possible."""

    id: str
    function: str
    target: ast.AST
    new: ast.AST


def sites(tree: ast.Module, file: str) -> Iterator[Site]:
    """Every place of a module's functions and constants, in the order of the text; ids are unique."""
    seen: Counter[str] = Counter()
    for top in tree.body:
        if isinstance(top, ast.FunctionDef):
            name, roots = top.name, top.body
        elif isinstance(top, ast.Assign) and isinstance(top.targets[0], ast.Name):
            name, roots = top.targets[0].id, [top]
        else:
            continue
        for node in (n for root in roots for n in _walked(root)):
            for kind, text, new in _changes(node):
                shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
                mutant_id = f"{file}: {name}: {kind}: {shown}"
                seen[mutant_id] += 1
                number = seen[mutant_id]
                yield Site(mutant_id if number == 1 else f"{mutant_id} ({number})", name, node, new)


def _walked(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all below it, without annotations."""
    yield node
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _walked(child)


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=comparators) if type(op) in _COMPARISONS:
            kind, other = _COMPARISONS[type(op)]
            yield kind, ast.unparse(node), ast.Compare(left, [other()], comparators)
        case ast.BinOp(left=left, op=ast.BitAnd(), right=right):
            yield "& to |", ast.unparse(node), ast.BinOp(left, ast.BitOr(), right)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield "| to &", ast.unparse(node), ast.BinOp(left, ast.BitAnd(), right)
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            yield "~ dropped", ast.unparse(node), operand
        case ast.Constant(value=int() as value) if value in (0, 1) and not isinstance(value, bool):
            yield f"{value} to {1 - value}", "constant", ast.Constant(1 - value)
        case ast.List(elts=rows) if rows and all(_row_name(row) for row in rows):
            yield from _table_changes(rows)
        case ast.Call():
            yield from _call_changes(node)
        case ast.keyword(arg=arg, value=ast.Constant(value=bool() as value)) if arg in _FLAGS:
            yield f"{arg} flipped", ast.unparse(node), ast.keyword(arg, ast.Constant(not value))
        case ast.keyword(arg="descending", value=ast.List(elts=elements)):
            for i, element in enumerate(elements):
                if isinstance(element, ast.Constant):
                    flipped = [*elements[:i], ast.Constant(not element.value), *elements[i + 1 :]]
                    yield (
                        "direction flipped",
                        f"{ast.unparse(node)}[{i}]",
                        ast.keyword("descending", ast.List(flipped, ast.Load())),
                    )


def _row_name(row: ast.expr) -> str | None:
    """The reason of a row of an answer table, or its outcome where it has none; null for anything else."""
    if not (isinstance(row, ast.Call) and isinstance(row.func, ast.Name) and row.func.id == "Answer"):
        return None
    return ast.unparse(row.args[2] if len(row.args) > 2 else row.args[1])


def _table_changes(rows: list[ast.expr]) -> Iterator[Change]:
    for i, row in enumerate(rows):
        yield "row dropped", str(_row_name(row)), ast.List(rows[:i] + rows[i + 1 :], ast.Load())
    for i, (row, following) in enumerate(pairwise(rows)):
        swapped = [*rows[:i], following, row, *rows[i + 2 :]]
        yield "rows swapped", f"{_row_name(row)} and {_row_name(following)}", ast.List(swapped, ast.Load())


def _call_changes(call: ast.Call) -> Iterator[Change]:
    """Changes of a method call: its windows, conditions, order, and what it makes of a null."""
    if not isinstance(call.func, ast.Attribute):
        return
    receiver, name, args, keywords = call.func.value, call.func.attr, call.args, call.keywords
    short = f".{name}({', '.join(ast.unparse(a) for a in [*args, *keywords])})"
    if name in _OPPOSITES:
        other = ast.Attribute(receiver, _OPPOSITES[name], ast.Load())
        yield f"{name} to {_OPPOSITES[name]}", ast.unparse(call), ast.Call(other, args, keywords)
    if name == "is_between":
        for end in ("left", "right"):
            closed = ast.keyword("closed", ast.Constant(end))
            yield f"closed {end} only", ast.unparse(call), ast.Call(call.func, args, [*keywords, closed])
    if name == "over":
        yield "over dropped", ast.unparse(call), receiver
    if name == "filter":
        for i, condition in enumerate(args):
            rest = args[:i] + args[i + 1 :]
            yield "condition dropped", ast.unparse(condition), ast.Call(call.func, rest, keywords) if rest else receiver
    if name == "fill_null" and isinstance(args[0], ast.Constant) and isinstance(args[0].value, bool):
        yield "fill_null flipped", ast.unparse(call), ast.Call(call.func, [ast.Constant(not args[0].value)], keywords)
    if name == "sort" and args and all(k.arg != "descending" for k in keywords):
        yield "sort reversed", short, ast.Call(call.func, args, [*keywords, ast.keyword("descending", ast.Constant(True))])
    for i, keyword in enumerate(keywords):
        if keyword.arg == "keep" and isinstance(keyword.value, ast.Constant):
            other_end = ast.keyword("keep", ast.Constant(_OPPOSITES[keyword.value.value]))
            yield "keep flipped", short, ast.Call(call.func, args, [*keywords[:i], other_end, *keywords[i + 1 :]])
        if keyword.arg == "on" and isinstance(keyword.value, ast.List):
            for j, key in enumerate(keyword.value.elts):
                rest = keyword.value.elts[:j] + keyword.value.elts[j + 1 :]
                if isinstance(key, ast.Constant) and rest:
                    fewer = ast.keyword("on", ast.List(rest, ast.Load()))
                    changed = ast.Call(call.func, args, [*keywords[:i], fewer, *keywords[i + 1 :]])
                    yield f"key {key.value} dropped", f"on={ast.unparse(keyword.value)}", changed


class _Put(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST) -> None:
        self.target, self.new = target, new

    def visit(self, node: ast.AST) -> Any:
        """The new node in the target's place; all others as they are."""
        return self.new if node is self.target else self.generic_visit(node)


def _changed_module(mutant: Mutant) -> tuple[ModuleType, str]:
    """A fresh module with the change, and the function or constant that holds it."""
    tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
    site = next(s for s in sites(tree, _file(mutant.path)) if s.id == mutant.id)
    fresh = ModuleType(_module_name(mutant.path))
    exec(compile(ast.fix_missing_locations(_Put(site.target, site.new).visit(tree)), mutant.path, "exec"), fresh.__dict__)
    return fresh, site.function


@contextmanager
def _in_place(mutant: Mutant) -> Iterator[RuleModule | None]:
    """The change in force: a changed rule is given; in a shared module the function itself is changed, and put back."""
    fresh, function = _changed_module(mutant)
    if mutant.path.parent.name == "rules":
        yield cast(RuleModule, fresh)
        return
    shared = getattr(import_module(_module_name(mutant.path)), function)
    code = shared.__code__
    shared.__code__ = getattr(fresh, function).__code__
    try:
        yield None
    finally:
        shared.__code__ = code


def _file(path: Path) -> str:
    return path.relative_to(AUDIT_RULES).as_posix()


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def _imports(module: str) -> frozenset[str]:
    """The modules of audit_rules that a module imports, directly or through others; itself among them."""
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    named = {n.module for n in tree.body if isinstance(n, ast.ImportFrom) and n.module and n.module.startswith("audit_rules.")}
    return frozenset({module}).union(*(_imports(m) for m in named))


def code_mutants() -> Iterator[Mutant]:
    """Mutants of every rule, and of every module that rules share; the latter concern all rules that use it."""
    users: dict[str, list[str]] = defaultdict(list)
    for rule_id, module in MODULES.items():
        for name in _imports(cast(ModuleType, module).__name__):
            users[name].append(rule_id)
    for name in sorted(users, key=lambda n: (n.split(".")[1] != "rules", n)):
        if name.removeprefix("audit_rules.") not in NOT_MUTATED:
            path = ROOT / f"{name.replace('.', '/')}.py"
            for site in sites(ast.parse(path.read_text(encoding="utf-8")), _file(path)):
                yield Mutant(site.id, path, tuple(users[name]))


# ---------------------------------------------------------------- mutants of policies

PolicyData = dict[str, Any]


def policy_changes(path: Path) -> Iterator[tuple[str, str, PolicyData]]:
    """Every change of a policy file: id, the kind of section it is made in, and the whole file's content with it."""
    data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    for section, content in data.items():
        if section == "not_auditable":
            continue
        for i, table in enumerate(content if isinstance(content, list) else [content]):
            place = table.get("term_id") or " ".join([section, str(table.get("effective_from", ""))]).strip()
            for field, value in table.items():
                for change, new in _value_changes(value):
                    changed = deepcopy(data)
                    (changed[section][i] if isinstance(content, list) else changed[section])[field] = new
                    yield f"{_file(path)}: {place}: {field}: {change}", section, changed


def _value_changes(value: object) -> Iterator[tuple[str, object]]:
    """Changes of one value: a number up and down, a date a day later and earlier, a flag flipped, a word dropped."""
    match value:
        case bool():
            yield f"not {str(value).lower()}", not value
        case int() | Decimal():
            step = 1 if isinstance(value, int) else SMALL_STEP
            yield from ((f"{value} + {step}", value + step), (f"{value} - {step}", value - step))
        case date():
            yield from ((f"{value} + 1 day", value + timedelta(days=1)), (f"{value} - 1 day", value - timedelta(days=1)))
        case list():
            for i, word in enumerate(value):
                yield f"without {word}", value[:i] + value[i + 1 :]


def policy_mutants() -> Iterator[Mutant]:
    """Mutants of every shipped policy; a term concerns the rules that ask for its kind, the rest all rules of the policy."""
    askers = {kind.kind: tuple(i for i, m in MODULES.items() if kind in m.RULE.asks) for kind in TERM_KINDS}
    for path in sorted((AUDIT_RULES / "policies").glob("*.toml")):
        present = tomllib.loads(path.read_text(encoding="utf-8"))
        of_policy = tuple(i for i, m in MODULES.items() if m.RULE.asks[0].kind in present)
        for mutant_id, section, _ in policy_changes(path):
            rules = of_policy if section in ("document", "version") else askers[section] or tuple(MODULES)
            yield Mutant(mutant_id, path, rules)


def _as_toml(data: PolicyData) -> str:
    lines = []
    for section, content in data.items():
        head = f"[[{section}]]" if isinstance(content, list) else f"[{section}]"
        for table in content if isinstance(content, list) else [content]:
            lines += [head, *(f"{key} = {_toml_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list():
            return f"[{', '.join(_toml_value(v) for v in value)}]"
        case dict():
            return f"{{{', '.join(f'{k} = {_toml_value(v)}' for k, v in value.items())}}}"
        case _:
            return str(value)


# ---------------------------------------------------------------- trials


class Hung(Exception):
    """A mutant that does not come to an end."""


class Trials:
    """The cases of some rules with their extracts, which are made once: no rule and few policy terms touch them."""

    def __init__(self, cases: Sequence[Case], folder: Path) -> None:
        self.cases, self.folder = cases, folder
        self.left_out: set[tuple[str, Variant]] = set()
        library = load_policies()
        self.book = Book(library, load_reference(library))
        self._dossiers: dict[tuple[Group, Variant, str], Dossier] = {}
        self._extracts: dict[tuple[Group, Variant], Extracted] = {}

    def layouts(self) -> list[tuple[Group, Variant]]:
        """Every group of cases in every variant, the larger groups first."""
        groups = Counter(Group.of(c) for c in self.cases)
        alone = {Group.of(c) for c in self.cases if c.is_alone}
        return [(g, v) for v in Variant for g, _ in groups.most_common() if g not in alone or v != Variant.NEIGHBOUR]

    def extracted(self, layout: tuple[Group, Variant], policies: Path | None = None) -> Extracted:
        """The extracts of a group of cases, as laid out; kept on disk for other processes unless policies are given."""
        if policies is not None:
            return self._extract(layout, policies)
        kept = self.folder / f"{self.layouts().index(layout)}.pickle"
        if layout not in self._extracts:
            if not kept.exists():
                kept.write_bytes(pickle.dumps(self._extract(layout, None)))
            self._extracts[layout] = pickle.loads(kept.read_bytes())
        return self._extracts[layout]

    def _extract(self, layout: tuple[Group, Variant], policies: Path | None) -> Extracted:
        group, variant = layout
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            base = Path(name)
            (base / "in").mkdir()
            (base / "config.toml").write_text("max_error_rate = 1\n", encoding="utf-8")
            write_extracts(base / "in", [c for c in self.cases if Group.of(c) == group], group.absent, variant)
            planned = plan(Request(base / "in", base, base / "audit.duckdb", group.as_of, base / "config.toml", policies))
            stages.begin(planned)
            stages.load_stage(planned, lambda _: None)
            stages.validate_stage(planned)
            stages.net_stage(planned)
            return extract(planned.bench, planned.reference, group.as_of)

    def dossier(self, layout: tuple[Group, Variant], rule_id: str, made_new: "Remade | None") -> Dossier:
        """The dossier of one rule's cases of a group; compiled again where the change may show in it."""
        key = (*layout, rule_id)
        if made_new is not None:
            days, policies = made_new
            return compile_dossier(
                _of_rule(self.extracted(layout, policies), rule_id), self.book.reference, days, layout[0].as_of
            )
        if key not in self._dossiers:
            days = _supply_days(self.book.library)
            extracted = _of_rule(self.extracted(layout), rule_id)
            self._dossiers[key] = compile_dossier(extracted, self.book.reference, days, layout[0].as_of)
        return self._dossiers[key]

    def failing(self) -> list[tuple[str, Variant, str]]:
        """Cases that fail with nothing changed: tag, variant, problem."""
        run = _Run(self, self.book, None)
        found = [
            (c.tag, v, "; ".join(problems))
            for c in self.cases for v in variants(c) if (problems := run.problems(c, v, MODULES[c.rule_id]))
        ]  # fmt: skip
        return found

    def verdict(self, mutant: Mutant) -> Verdict:
        """Run the cases that a mutant concerns, until one fails."""
        try:
            with _time_limit():
                return Verdict(mutant, self._killer(mutant))
        except PolicyRefused:
            return Verdict(mutant, "refused on loading")
        except Hung:
            return Verdict(mutant, "no end")

    def _killer(self, mutant: Mutant) -> str | None:
        if mutant.path.suffix == ".toml":
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                data = next(d for i, _, d in policy_changes(mutant.path) if i == mutant.id)
                (Path(folder) / mutant.path.name).write_text(_as_toml(data), encoding="utf-8")
                library = load_policies(Path(folder))
                days = _supply_days(library)
                renamed = library.payer_names() != self.book.library.payer_names()
                remade = renamed or days != _supply_days(self.book.library)
                book = Book(library, load_reference(library))
                run = _Run(self, book, (days, Path(folder) if renamed else None) if remade else None)
                return self._first_failing(run, mutant, None)
        with _in_place(mutant) as changed:
            remade = mutant.path.stem == "dossier"
            return self._first_failing(
                _Run(self, self.book, (_supply_days(self.book.library), None) if remade else None), mutant, changed
            )

    def _first_failing(self, run: "_Run", mutant: Mutant, changed: RuleModule | None) -> str | None:
        """The first case that fails: all rules in the plain layout, then with rows reversed, then beside a neighbour."""
        asked = [c for c in self.cases if c.rule_id in mutant.rules]
        for variant in Variant:
            for case in asked:
                if variant in variants(case) and (case.tag, variant) not in self.left_out:
                    try:
                        problems = run.problems(case, variant, changed or MODULES[case.rule_id])
                    except (Hung, PolicyRefused):
                        raise
                    except Exception as error:
                        return f"{case.tag} {variant} {type(error).__name__}"
                    if problems:
                        return f"{case.tag} {variant}"
        return None


Remade = tuple[int, Path | None]
"""What a dossier is compiled with anew: default days of supply, and changed policies where payers have other names."""


class _Run(CaseRuns):
    """The harness over kept extracts; answers without evidence and wording."""

    def __init__(self, trials: Trials, book: Book, made_new: Remade | None) -> None:
        super().__init__(trials.cases, trials.folder)
        self._trials, self._book, self._made_new = trials, book, made_new

    def _answers(self, case: Case, variant: Variant, module: RuleModule) -> Answers:
        dossier = self._trials.dossier((Group.of(case), variant), case.rule_id, self._made_new)
        scope = in_scope(dossier, self._book, module.RULE).collect().lazy()
        settled = settle(scope, module.evaluate(dossier, scope, self._book).answers, module.RULE)
        line = dossier.lines.select("row_id", "claim_source", "payer", "claim_id", "claim_line_number")
        figures = settled.select(*ON, "outcome", "reason", "observed", "allowed", "amount_cents")
        found: Answers = defaultdict(list)
        for row in figures.join(line, on="row_id").collect().iter_rows(named=True):
            found[row["claim_source"], row["payer"].lower(), row["claim_id"], row["claim_line_number"]].append(row)
        return found


def _of_rule(extracted: Extracted, rule_id: str) -> Extracted:
    """The extracts of the persons of one rule's cases."""
    frames = {f.name: getattr(extracted, f.name) for f in fields(extracted)}
    own = pl.col("person").str.contains(rf"^(N-)?{rule_id}\.")
    return Extracted(
        **{n: f.filter(own) if isinstance(f, pl.DataFrame) and "person" in f.columns else f for n, f in frames.items()}
    )


def _supply_days(library: PolicyLibrary) -> int:
    return next(t.default_days for _, t in library.of_kind(SupplyWindow) if isinstance(t, SupplyWindow))


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

_kept_trials: list[Trials] = []
"""The trials of a worker process."""


def read_cases() -> list[Case]:
    """The cases of every rule; CaseError where a file is missing or does not hold."""
    return [case for rule_id in MODULES for case in read_case_file(CASES / f"{rule_id}.md").cases]


def every_mutant() -> list[Mutant]:
    """All mutants: rules, shared modules, policies."""
    return [*code_mutants(), *policy_mutants()]


def reasons() -> dict[str, str]:
    """Why a mutant survives, by its id."""
    return cast(dict[str, str], tomllib.loads(SURVIVORS.read_text(encoding="utf-8")))


def _begin(cases: list[Case], folder: Path, left_out: set[tuple[str, Variant]]) -> None:
    _kept_trials[:] = [Trials(cases, folder)]
    _kept_trials[0].left_out = left_out


def _extract_one(layout: tuple[Group, Variant]) -> None:
    _kept_trials[0].extracted(layout)


def _judge_one(mutant: Mutant) -> Verdict:
    return _kept_trials[0].verdict(mutant)


def main(words: list[str]) -> int:
    """Run all mutants, or those whose id contains every word; print what became of them."""
    started = monotonic()
    mutants = [m for m in every_mutant() if all(word in m.id for word in words)]
    cases = read_cases()
    os.environ["POLARS_MAX_THREADS"] = "1"  # frames are tiny, and both cores are taken
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trials = Trials(cases, folder)
        with ProcessPoolExecutor(PROCESSES, context, _begin, (cases, folder, set())) as pool:
            list(pool.map(_extract_one, trials.layouts()))
        failing = trials.failing()
        left_out = {(tag, variant) for tag, variant, _ in failing}
        print(f"{len(cases)} cases extracted after {monotonic() - started:.0f} s; {len(mutants)} mutants to run", flush=True)
        verdicts = []
        with ProcessPoolExecutor(PROCESSES, context, _begin, (cases, folder, left_out)) as pool:
            for verdict in pool.map(_judge_one, mutants):
                verdicts.append(verdict)
                if len(verdicts) % 50 == 0:
                    alive = sum(v.killed_by is None for v in verdicts)
                    print(f"{len(verdicts)} run, {alive} survive, {monotonic() - started:.0f} s", flush=True)
    return _report(verdicts, failing)


def _report(verdicts: list[Verdict], failing: list[tuple[str, Variant, str]]) -> int:
    """Print counts per file, survivors with their reasons, and what is left to do; give the exit code."""
    known = reasons()
    files = Counter(_file(v.mutant.path) for v in verdicts)
    killed = Counter(_file(v.mutant.path) for v in verdicts if v.killed_by)
    survivors = [v.mutant.id for v in verdicts if not v.killed_by]
    unexplained = [i for i in survivors if i not in known]
    print("\nfile, mutants, killed, survivors")
    for file, count in files.items():
        print(f"{file:45} {count:5} {killed[file]:5} {count - killed[file]:5}")
    for heading, ids in (("Survivors with a reason", [i for i in survivors if i in known]), ("Survivors without", unexplained)):
        print(f"\n{heading}: {len(ids)}")
        for mutant_id in ids:
            print(f"  {mutant_id}" + (f"\n      {known[mutant_id]}" if mutant_id in known else ""))
    needless = [v.mutant.id for v in verdicts if v.killed_by and v.mutant.id in known]
    for mutant_id in needless:
        print(f"A reason is given for a mutant that is killed: {mutant_id}")
    for tag, variant, problem in failing:
        print(f"Fails with nothing changed, and was left out: {tag} {variant}: {problem}")
    print(
        f"\n{len(verdicts)} mutants, {sum(killed.values())} killed, {len(survivors)} survive, {len(unexplained)} without a reason"
    )
    return 1 if unexplained or failing or needless else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
