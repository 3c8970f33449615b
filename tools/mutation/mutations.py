"""The changes that `mutants.py` tries: every single one that its kinds allow in the rules, in what
they share, and in policies.

Ids name the file, the function or term, the kind of change and the text it is made in: they last as
long as the text.
"""

import ast
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from audit_rules.engine.rule import Described
from audit_rules.policy.language.kinds import KINDS
from audit_rules.policy.statements import SECTION_KINDS
from audit_rules.policy.terms import TERM_KINDS
from audit_rules.rules import CATALOGUE, RULES

ROOT = Path(__file__).resolve().parent.parent.parent
AUDIT_RULES = ROOT / "audit_rules"
MODULES: dict[str, Described] = {m.RULE.id: m for m in CATALOGUE}
NOT_MUTATED = ("policy.", "reference.", "catalogue", "given_files")
"""Modules that read policy files and tables; the mutants of the policies exercise those."""


@dataclass(frozen=True)
class Mutant:
    """One change: its id, the file, and the rules it concerns."""

    id: str
    path: Path
    rules: tuple[str, ...]


def every_mutant() -> list[Mutant]:
    """All mutants: rules, shared modules, policies."""
    return [*code_mutants(), *policy_mutants()]


def short_name(path: Path) -> str:
    """A file's path within audit_rules."""
    return path.relative_to(AUDIT_RULES).as_posix()


# ---------------------------------------------------------------- code

_COMPARISONS: dict[type[ast.cmpop], tuple[str, type[ast.cmpop]]] = {
    ast.Lt: ("< to <=", ast.LtE),
    ast.LtE: ("<= to <", ast.Lt),
    ast.Gt: ("> to >=", ast.GtE),
    ast.GtE: (">= to >", ast.Gt),
    ast.Eq: ("== to !=", ast.NotEq),
    ast.NotEq: ("!= to ==", ast.Eq),
    ast.In: ("in to not in", ast.NotIn),
    ast.NotIn: ("not in to in", ast.In),
}
_OPPOSITES = {
    "min": "max",
    "max": "min",
    "min_horizontal": "max_horizontal",
    "max_horizontal": "min_horizontal",
    "any": "all",
    "all": "any",
    "first": "last",
    "last": "first",
}
_FLAGS = ("approved_care", "nulls_last")
_SHOWN_CHARACTERS = 100

Change = tuple[str, str, ast.AST]
"""Kind of change, the text it is made in, and what takes the node's place."""


@dataclass(frozen=True)
class Site:
    """One possible change: the mutant's id, the function or constant that holds it, the node."""

    id: str
    function: str
    target: ast.AST
    new: ast.AST


def code_mutants() -> Iterator[Mutant]:
    """Mutants of every rule and of every module that rules share; the latter concern all rules that
    use it, those without code too."""
    users: dict[str, list[str]] = defaultdict(list)
    for module in RULES:
        for name in _imports(module.evaluate.__module__):
            users[name].append(module.RULE.id)
    without_code = [m.RULE.id for m in CATALOGUE if m not in RULES]
    for name in _imports("audit_rules.kinds.judge") & users.keys():
        users[name] += without_code
    for name in sorted(users, key=lambda n: (n.split(".")[1] != "rules", n)):
        if not name.removeprefix("audit_rules.").startswith(NOT_MUTATED):
            path = _path(name)
            for site in sites(ast.parse(path.read_text(encoding="utf-8")), short_name(path)):
                yield Mutant(site.id, path, tuple(users[name]))


def changed_tree(mutant: Mutant) -> tuple[ast.Module, str]:
    """A module with the mutant's change, and the name of the function or constant that holds it."""
    tree = ast.parse(mutant.path.read_text(encoding="utf-8"))
    site = next(s for s in sites(tree, short_name(mutant.path)) if s.id == mutant.id)
    _Put(site.target, site.new).visit(tree)
    return ast.fix_missing_locations(tree), site.function


def sites(tree: ast.Module, file: str) -> Iterator[Site]:
    """Every place in a module's functions and constants, in order; ids are unique."""
    seen: Counter[str] = Counter()
    for top in tree.body:
        roots: list[ast.stmt]
        if isinstance(top, ast.FunctionDef):
            name, roots = top.name, top.body
        elif isinstance(top, ast.Assign):
            name, roots = ast.unparse(top.targets[0]), [top]
        else:
            continue
        for node, parent in (pair for root in roots for pair in _walked(root, top)):
            for kind, text, new in _changes(node, parent):
                shown = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."
                place = f"{file}: {name}: {kind}: {shown}"
                seen[place] += 1
                yield Site(
                    place if seen[place] == 1 else f"{place} ({seen[place]})", name, node, new
                )


class _Put(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST) -> None:
        self.target, self.new = target, new

    def visit(self, node: ast.AST) -> Any:
        """The new node in the target's place; all others as they are."""
        return self.new if node is self.target else self.generic_visit(node)


def _path(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _imports(module: str) -> frozenset[str]:
    """A module and the modules of audit_rules that it imports, directly or through others."""
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    named = {
        n.module
        for n in tree.body
        if isinstance(n, ast.ImportFrom) and n.module and n.module.startswith("audit_rules.")
    }
    return frozenset({module}).union(*(_imports(m) for m in named))


def _walked(node: ast.AST, parent: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """The node and all below it, each with what contains it, without annotations."""
    yield node, parent
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _walked(child, node)


def _changes(node: ast.AST, parent: ast.AST) -> Iterator[Change]:
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
            yield f"{value} to {1 - value}", ast.unparse(parent), ast.Constant(1 - value)
        case ast.List(elts=rows) if rows and all(_row_name(row) for row in rows):
            yield from _table_changes(rows)
        case ast.Call(func=ast.Attribute()):
            yield from _call_changes(node)
        case ast.keyword():
            yield from _keyword_changes(node)


def _row_name(row: ast.expr) -> str:
    """The reason of a row of an answer table, or else its outcome; empty for anything else."""
    if not (
        isinstance(row, ast.Call) and isinstance(row.func, ast.Name) and row.func.id == "Answer"
    ):
        return ""
    return ast.unparse(row.args[2] if len(row.args) > 2 else row.args[1])


def _table_changes(rows: list[ast.expr]) -> Iterator[Change]:
    for i, row in enumerate(rows):
        yield "row dropped", _row_name(row), ast.List(rows[:i] + rows[i + 1 :], ast.Load())
    for i, (row, following) in enumerate(pairwise(rows)):
        swapped = [*rows[:i], following, row, *rows[i + 2 :]]
        yield (
            "rows swapped",
            f"{_row_name(row)} and {_row_name(following)}",
            ast.List(swapped, ast.Load()),
        )


def _call_changes(call: ast.Call) -> Iterator[Change]:
    """Changes of a method call: window, conditions, partition, order, and treatment of nulls."""
    assert isinstance(call.func, ast.Attribute)
    receiver, name, args, keywords = call.func.value, call.func.attr, call.args, call.keywords
    text = ast.unparse(call)
    match name, args:
        case "is_between", _:
            for end in ("left", "right"):
                closed = ast.keyword("closed", ast.Constant(end))
                yield f"closed {end} only", text, ast.Call(call.func, args, [*keywords, closed])
        case "over", _:
            yield "over dropped", text, receiver
        case "filter", _:
            for i, condition in enumerate(args):
                rest = args[:i] + args[i + 1 :]
                yield (
                    "condition dropped",
                    ast.unparse(condition),
                    ast.Call(call.func, rest, keywords) if rest else receiver,
                )
        case "fill_null", [ast.Constant(value=bool() as value)]:
            yield (
                "fill_null flipped",
                text,
                ast.Call(call.func, [ast.Constant(not value)], keywords),
            )
        case "sort", [_, *_] if all(k.arg != "descending" for k in keywords):
            shown = f".sort({', '.join(ast.unparse(a) for a in args)})"
            yield (
                "sort reversed",
                shown,
                ast.Call(
                    call.func, args, [*keywords, ast.keyword("descending", ast.Constant(True))]
                ),
            )
        case _, _ if name in _OPPOSITES:
            opposite = ast.Attribute(receiver, _OPPOSITES[name], ast.Load())
            yield f"{name} to {_OPPOSITES[name]}", text, ast.Call(opposite, args, keywords)


def _keyword_changes(keyword: ast.keyword) -> Iterator[Change]:
    """Changes of a keyword argument: direction, end, key of a join, flag."""
    text = ast.unparse(keyword)
    match keyword.arg, keyword.value:
        case "keep", ast.Constant(value=str() as end):
            yield "keep flipped", text, ast.keyword("keep", ast.Constant(_OPPOSITES[end]))
        case "descending", ast.List(elts=directions):
            for i, direction in enumerate(directions):
                if isinstance(direction, ast.Constant):
                    flipped = [
                        *directions[:i],
                        ast.Constant(not direction.value),
                        *directions[i + 1 :],
                    ]
                    yield (
                        "direction flipped",
                        f"{text}[{i}]",
                        ast.keyword("descending", ast.List(flipped, ast.Load())),
                    )
        case "on", ast.List(elts=[_, _, *_] as keys):
            for i, key in enumerate(keys):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    rest = ast.List(keys[:i] + keys[i + 1 :], ast.Load())
                    yield f"key {key.value} dropped", text, ast.keyword("on", rest)
        case flag, ast.Constant(value=bool() as value) if flag in _FLAGS:
            yield f"{flag} flipped", text, ast.keyword(flag, ast.Constant(not value))


# ---------------------------------------------------------------- policies

PolicyData = dict[str, Any]
SMALL_STEP = Decimal("0.01")
SPAN = re.compile(r"(\d+) (days|weeks|months|years)")
SHOWN_ALONE = ("documents",)
"""Fields of a finding that no answer depends on."""
READ_BY_NO_RULE = {
    "not_auditable",
    "document.sections",
    *(kind.key for kind in SECTION_KINDS),
    *(kind.kind for kind in KINDS if kind.kind not in {k.kind for k in TERM_KINDS}),
}
"""Sections and fields of the document that no rule reads: people and lint do, and the kinds of the
policy language, whose cases are the document's own unless the term answers as a rule with cases."""


def policy_mutants() -> Iterator[Mutant]:
    """Mutants of every shipped policy; a term concerns the rules that ask for its kind, the rest
    all rules of the policy."""
    askers = {
        kind.kind: tuple(i for i, m in MODULES.items() if kind in m.RULE.asks)
        for kind in TERM_KINDS
    }
    for path in sorted((AUDIT_RULES / "policies").glob("*.toml")):
        present = tomllib.loads(path.read_text(encoding="utf-8"))
        of_policy = tuple(i for i, m in MODULES.items() if m.RULE.asks[0].kind in present)
        for mutant_id, section, data in policy_changes(path):
            rules = (
                of_policy
                if section in ("document", "version")
                else askers.get(section) or _said_under(data[section]) or tuple(MODULES)
            )
            yield Mutant(mutant_id, path, rules)


def _said_under(tables: object) -> tuple[str, ...]:
    """The rules under whose ids terms of the language answer."""
    ids = [t.get("rule_id") for t in tables] if isinstance(tables, list) else []
    return tuple(i for i in MODULES if i in ids)


def changed_policy(mutant: Mutant) -> str:
    """The text of a policy file with the mutant's change."""
    data = next(d for i, _, d in policy_changes(mutant.path) if i == mutant.id)
    lines = []
    for section, content in data.items():
        head = f"[[{section}]]" if isinstance(content, list) else f"[{section}]"
        for table in content if isinstance(content, list) else [content]:
            lines += [head, *(f"{key} = {_as_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def policy_changes(path: Path) -> Iterator[tuple[str, str, PolicyData]]:
    """Every change of a policy file: id, the kind of section it is made in, and the whole file's
    content with it."""
    data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    for section, content in data.items():
        for i, table in enumerate(content if isinstance(content, list) else [content]):
            if section in READ_BY_NO_RULE and table.get("rule_id") not in MODULES:
                continue
            named = table.get("effective_from") or table.get("name", "")
            place = table.get("term_id") or f"{section} {named}".strip()
            for field, value in table.items():
                if f"{section}.{field}" in READ_BY_NO_RULE:
                    continue
                for change, new in _value_changes(value):
                    changed = deepcopy(data)
                    (changed[section][i] if isinstance(content, list) else changed[section])[
                        field
                    ] = new
                    yield f"{short_name(path)}: {place}: {field}: {change}", section, changed


def _value_changes(value: object) -> Iterator[tuple[str, object]]:
    """Changes of one value: a number up and down, also that of a span, a date a day later and
    earlier, a flag flipped, a word dropped; and of one value inside a table or a list."""
    match value:
        case bool():
            yield f"not {str(value).lower()}", not value
        case int() | Decimal():
            step = 1 if isinstance(value, int) else SMALL_STEP
            yield from ((f"{value} + {step}", value + step), (f"{value} - {step}", value - step))
        case date():
            yield from (
                (f"{value} + 1 day", value + timedelta(days=1)),
                (f"{value} - 1 day", value - timedelta(days=1)),
            )
        case str() if span := SPAN.fullmatch(value):
            for step in (1, -1):
                yield f"{value} {step:+}", f"{int(span[1]) + step} {span[2]}"
        case dict() | list():
            yield from _changes_inside(value)


def _changes_inside(value: dict[str, object] | list[object]) -> Iterator[tuple[str, object]]:
    """Changes of one value of a table or list; each value of a list is also left out once."""
    if isinstance(value, dict):
        for field in (name for name in value if name not in SHOWN_ALONE):
            for change, new in _value_changes(value[field]):
                yield f"{field}: {change}", value | {field: new}
        return
    for i, inner in enumerate(value):
        place = inner if isinstance(inner, str) else f"number {i + 1}"
        yield f"without {place}", value[:i] + value[i + 1 :]
        for change, new in () if isinstance(inner, str) else _value_changes(inner):
            yield f"{place}: {change}", [*value[:i], new, *value[i + 1 :]]


def _as_toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list():
            return f"[{', '.join(_as_toml(v) for v in value)}]"
        case dict():
            return f"{{{', '.join(f'{k} = {_as_toml(v)}' for k, v in value.items())}}}"
        case _:
            return str(value)
