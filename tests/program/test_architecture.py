"""The architecture: the direction of imports, the form of modules, and what rules may hold."""

import ast
import csv
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from audit_rules.engine.rule import Described, RuleModule
from audit_rules.policy.library import load_policies
from audit_rules.policy.terms import TERM_KINDS
from audit_rules.reference.code_sets import SHIPPED_CODE_SETS
from audit_rules.rules import CATALOGUE, RULES
from tests.support.sources import (
    FLOWS,
    MODULES,
    PACKAGES,
    ROOT,
    SQL_FILES,
    constants,
    imported,
    name_of,
    nodes_of,
    of_each,
    roots_of,
    tree_of,
)

RULE_FOLDER = ROOT / "audit_rules" / "rules"
AUDIT_RULES = [p for p in MODULES if p.is_relative_to(ROOT / "audit_rules")]
RULE_FILES = sorted(p for p in RULE_FOLDER.glob("*.py") if p.name != "__init__.py")
SHARED_BY_RULES = [p for p in AUDIT_RULES if p.parent.name in ("facts", "kinds")]
BENCH_SQL = ROOT / "benchmarks" / "extracts.sql"

MAY_IMPORT = {
    "schemas": {"schemas"},
    "audit_rules": {"schemas", "audit_rules"},
    "flows": {"schemas", "audit_rules", "flows"},
}
RULES_MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "given_files": set(),
    "policy": {"errors", "given_files"},
    "reference": {"errors", "given_files", "policy"},
    "engine": {"policy", "reference"},
    "law": {"engine", "errors", "policy"},
    "wording": {"engine"},
    "catalogue": {"engine", "policy", "reference", "wording"},
    "kinds": {"engine", "policy", "reference"},
    "facts": {"engine", "policy", "reference"},
    "rules": {"engine", "facts", "policy", "reference"},
    "lint": {"errors", "policy", "reference", "wording"},
    "public_tables": {"errors"},
    "counterfactuals": {"engine", "facts", "kinds", "policy", "reference", "wording"},
}
"""Which folders and modules of audit_rules each may import besides itself."""

FLOWS_IN_ORDER = (
    ("process",),
    (
        "__init__",
        "clock",
        "ending",
        "errors",
        "memory_limits",
        "prefect_server",
        "progress",
        "provenance",
        "signals",
        "streams",
    ),
    ("cluster", "user_toml", "warehouse"),
    ("intake",),
    ("settle",),
    ("judging",),
    ("privacy", "signing"),
    ("request",),
    ("plan",),
    ("collecting", "notes"),
    ("stage_results", "summary"),
    ("ledger", "results"),
    ("reports",),
    ("letters",),
    ("end_screen", "run_folders", "run_summary"),
    ("report_steps",),
    ("replay", "stages", "verify"),
    ("review", "sampling"),
    ("nightly",),
    ("importing", "schedule"),
    ("cli",),
    ("watch",),
    ("start",),
    ("__main__",),
)
"""Folders and modules of flows: each may import those of earlier lines, and itself."""
LONGEST_LINE = 100
FORMATTER_SWITCH = (
    r"#\s*((fmt|yapf):\s*(off|on|skip|disable|enable)\b|(ruff:\s*)?noqa(?!:(?![\w\s,]*\bE501\b)))"
)
MOST_SWITCHES = 20
LONGEST_RULE = 150
LONGEST_MODULE = 300
NUMBER_AS_TEXT = r"[+-]?\d[\d.,_]*\s*([a-z]{1,6})?"
"""A number, or a duration of Polars: 180, 30d, 3mo."""
STATED_NOWHERE: dict[tuple[str, str], str] = {}
"""(document id, kind of term) that a rule asks for and a document does not state, and why."""
CODES = {
    "date": r"\b\d{4}-\d{2}-\d{2}\b",
    "HCPCS code": r"\b[A-Z]\d{4}\b|\b\d{5}\b",
    "NDC": r"\b\d{10,11}\b|\b\d{4,5}-\d{3,4}-\d{1,2}\b",
    "ICD-10-CM code": r"\b[A-Z]\d[0-9A-Z]\.[0-9A-Z]{1,4}\b",
    "taxonomy code": r"\b\d{3}[0-9A-Z]{6}X\b",
}


# ---------------------------------------------------------------- what a module may import


def test_packages_depend_in_one_direction() -> None:
    def others(path: Path) -> set[str]:
        ours = roots_of(tree_of(path)) & {*PACKAGES, "tests", "tools", "data", "benchmarks"}
        return ours - MAY_IMPORT[path.relative_to(ROOT).parts[0]]

    assert of_each(MODULES, others) == {}


def test_the_folders_of_audit_rules_depend_in_one_direction() -> None:
    def others(path: Path) -> set[str]:
        folder = path.relative_to(ROOT).with_suffix("").parts[1]
        ours = {name.split(".")[1] for name in imported(path) if name.startswith("audit_rules.")}
        return ours - {folder} - RULES_MAY_IMPORT[folder]

    assert of_each(AUDIT_RULES, others) == {}


def test_every_folder_of_audit_rules_has_its_place() -> None:
    found = {p.relative_to(ROOT).with_suffix("").parts[1] for p in AUDIT_RULES}
    assert found == RULES_MAY_IMPORT.keys()


def _place(part: str) -> int:
    """The place of a folder or module of flows in FLOWS_IN_ORDER."""
    return next(i for i, parts in enumerate(FLOWS_IN_ORDER) if part in parts)


def test_the_stages_of_a_run_import_only_what_comes_before_them() -> None:
    def later(path: Path) -> set[str]:
        own = path.relative_to(ROOT).with_suffix("").parts[1]
        parts = {name.split(".")[1] for name in imported(path) if name.startswith("flows.")}
        others = parts - {own} & {part for level in FLOWS_IN_ORDER for part in level}
        return {part for part in others if _place(part) >= _place(own)}

    assert of_each(FLOWS, later) == {}


def test_every_folder_and_module_of_flows_has_its_place() -> None:
    found = {p.relative_to(ROOT).with_suffix("").parts[1] for p in FLOWS}
    assert found == {part for level in FLOWS_IN_ORDER for part in level}


def test_tests_have_a_folder_per_folder() -> None:
    def folders(*parts: str) -> set[str]:
        return {path.parent.name for path in ROOT.joinpath(*parts).glob("*/__init__.py")}

    stages, rules = folders("flows"), folders("audit_rules")
    through_others = {"facts", "reference", "counterfactuals"}
    assert folders("tests") - {"program", "schemas", "support"} == stages | rules - through_others
    assert list((ROOT / "tests").glob("test_*.py")) == []


def _longer_than(most: int) -> Callable[[Path], int]:
    """How many lines a file has, if they are more."""

    def lines(path: Path) -> int:
        count = len(path.read_text(encoding="utf-8").splitlines())
        return count if count > most else 0

    return lines


def test_no_module_is_long() -> None:
    assert of_each(MODULES, _longer_than(LONGEST_MODULE)) == {}


def test_no_line_of_sql_is_longer_than_a_line_of_python() -> None:
    def long(path: Path) -> list[int]:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [n for n, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]

    assert of_each([*SQL_FILES, BENCH_SQL], long) == {}


def _files(name: str) -> list[Path]:
    """The files with a name like this among the modules, tests and tools."""
    folders = (*PACKAGES, "tests", "tools", "benchmarks")
    return [path for folder in folders for path in (ROOT / folder).rglob(name)]


def _python_files() -> list[Path]:
    """Every module, test and tool."""
    return _files("*.py")


def test_no_line_of_python_is_longer_with_a_pragma_at_its_end() -> None:
    """Ruff does not count `# type: ignore` or `# noqa`. A single word may be longer."""
    long = [
        f"{name_of(path)}:{number}"
        for path in _python_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LONGEST_LINE and " " in line.strip()
    ]
    assert long == []


def test_no_test_imports_from_a_test_module() -> None:
    def tests(path: Path) -> list[str]:
        return [name for name in imported(path) if re.search(r"\btest_", name)]

    assert of_each((ROOT / "tests").rglob("*.py"), tests) == {}


def _switches(text: str) -> int:
    """How often a text turns the formatter off or on, or the check of its lines' length off."""
    return len(re.findall(FORMATTER_SWITCH, text))


def test_the_formatter_is_hardly_ever_switched_off() -> None:
    found = {name_of(p): _switches(p.read_text(encoding="utf-8")) for p in _python_files()}
    assert len(found) > len(MODULES)
    assert sum(found.values()) <= MOST_SWITCHES, {name: n for name, n in found.items() if n}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    ignored = [settings["lint"]["ignore"], *settings["lint"]["per-file-ignores"].values()]
    assert [code for codes in ignored for code in codes if "E501".startswith(code)] == []
    assert settings["line-length"] == LONGEST_LINE and "exclude" not in str(settings)
    assert _files("*ruff.toml") + _files("pyproject.toml") == []


def test_every_formatter_switch_is_counted() -> None:
    switches = ("fmt: off", "fmt: skip", "fmt:on", "noqa", "noqa: E501", "ruff: noqa: F401, E501")
    assert {_switches(f"x = 1  # {switch}") for switch in switches} == {1}
    assert _switches("x = 1  # noqa: F401") == 0


# ---------------------------------------------------------------- what a rule module may hold


def test_a_rule_holds_no_number() -> None:
    def numbers(path: Path) -> list[object]:
        every = [n.value for n in constants(path) if not isinstance(n.value, bool)]
        texts = [v for v in every if isinstance(v, str) and re.fullmatch(NUMBER_AS_TEXT, v)]
        return [*texts, *(v for v in every if isinstance(v, int | float) and v not in (0, 1))]

    assert of_each(RULE_FILES, numbers) == {}


@cache
def _patterns() -> dict[str, str]:
    """What -> a pattern of texts that name it: codes, dates, payers, and drugs as values.

    A sentence that an exception shows may name the drug.
    """
    payers = {p.document.payer for p in load_policies().policies if p.document.payer}
    with (SHIPPED_CODE_SETS / "ingredients.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    drugs = {r["ingredient"] for r in rows} | {r["brand_name_regex"].lstrip("^") for r in rows}
    return CODES | {
        "payer": rf"(?i)\b({'|'.join(sorted(payers))})\b",
        "drug": rf"(?i)^({'|'.join(sorted(drugs - {''}))})$",
    }


def _policy_values(path: Path) -> set[tuple[str, str]]:
    """The codes, dates, payers and drugs that a module says."""
    texts = [n.value for n in constants(path) if isinstance(n.value, str)]
    patterns = _patterns().items()
    return {(what, t) for what, pattern in patterns for t in texts if re.search(pattern, t)}


def test_a_rule_holds_no_code_no_date_no_payer_and_no_drug() -> None:
    assert of_each(RULE_FILES, _policy_values) == {}


def test_what_rules_share_holds_no_policy_value() -> None:
    assert of_each(SHARED_BY_RULES, _policy_values) == {}
    assert of_each(SHARED_BY_RULES, _numbers) == {}


def _numbers(path: Path) -> list[object]:
    """Numbers of a module that a policy might state: no position, no scale, no rounding.

    Those are at most 10, or a power of ten. A number of days is always one that a policy states.
    """
    days = [
        keyword.value.value
        for node in nodes_of(path)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in ("days", "weeks", "hours") and isinstance(keyword.value, ast.Constant)
    ]
    every = [n.value for n in constants(path) if not isinstance(n.value, bool)]
    texts = [v for v in every if isinstance(v, str) and re.fullmatch(NUMBER_AS_TEXT, v)]
    numbers = [v for v in every if isinstance(v, int | float)]
    unlike = [v for v in numbers if v > 10 and not re.fullmatch(r"10+(\.0)?", f"{v}")]
    return [*texts, *unlike, *(n for n in days if n not in (0, 1))]


@pytest.mark.parametrize(
    "code",
    [
        "least = 28",
        'date = "2026-03-24"',
        'text = "30d"',
        "day + timedelta(days=7)",
        "45.5",
        'drug == "imatinib"',
    ],
)
def test_a_number_that_a_policy_states_is_seen(code: str, tmp_path: Path) -> None:
    path = tmp_path / "fact.py"
    path.write_text(f"FIGURE = (2, 10, 1000, 1e-9, 0, True)\nWORD = 'x'\n{code}\n")
    assert _numbers(path) or _policy_values(path)


def test_the_patterns_find_what_they_are_for() -> None:
    examples = {
        "date": "2026-03-24",
        "HCPCS code": "J9229",
        "NDC": "00008010001",
        "ICD-10-CM code": "C83.5A",
        "taxonomy code": "207RX0202X",
    }
    assert examples.keys() == CODES.keys()
    assert re.search(_patterns()["payer"], "lines of Cigna")
    assert all(re.search(_patterns()["drug"], name) for name in ("imatinib", "BESPONSA"))
    assert all(re.search(CODES[what], f"is {example} there") for what, example in examples.items())
    assert all(re.fullmatch(NUMBER_AS_TEXT, text) for text in ("180", "-1", "30d", "3mo", "0.05"))
    assert not any(re.fullmatch(NUMBER_AS_TEXT, text) for text in ("use_400mg_tablets", "UNIT01"))
    assert not any(
        re.search(pattern, "UNIT01 over_maximum_lifetime use_400mg_tablets")
        for pattern in CODES.values()
    )


def test_a_rule_is_short() -> None:
    assert of_each(RULE_FILES, _longer_than(LONGEST_RULE)) == {}


@pytest.mark.parametrize("module", CATALOGUE, ids=lambda m: m.RULE.id)
def test_the_file_of_a_rule_starts_with_its_id(module: Described) -> None:
    assert isinstance(module, ModuleType)
    name = module.__name__.rpartition(".")[2]
    assert re.fullmatch(rf"{module.RULE.id.lower()}_[a-z0-9_]+", name)
    assert (module.__doc__ or "").startswith(f"{module.RULE.id} -- ")


def test_every_rule_file_is_in_the_registry() -> None:
    registered = [
        f"{m.__name__.rpartition('.')[2]}.py" for m in CATALOGUE if isinstance(m, ModuleType)
    ]
    assert sorted(registered) == [p.name for p in RULE_FILES]
    ids, names = ({getattr(m.RULE, field) for m in CATALOGUE} for field in ("id", "name"))
    assert len(ids) == len(names) == len(CATALOGUE)


@pytest.mark.parametrize(
    "module", [m for m in CATALOGUE if m not in RULES], ids=lambda m: m.RULE.id
)
def test_a_rule_without_code_is_said_by_terms_of_shipped_documents(module: Described) -> None:
    kinds = {
        type(t)
        for p in load_policies().spoken()
        for t in p.language_terms
        if t.rule_id == module.RULE.id
    }
    assert kinds == set(module.RULE.asks)


# ---------------------------------------------------------------- rules and policy terms


@pytest.mark.parametrize("kind", TERM_KINDS, ids=lambda k: k.kind)
def test_every_kind_of_term_is_used(kind: type) -> None:
    users = [
        name_of(path)
        for path in MODULES
        if path.parent.name != "terms" and f"{kind.__module__}.{kind.__name__}" in imported(path)
        if any(isinstance(n, ast.Name) and n.id == kind.__name__ for n in nodes_of(path))
    ]
    assert users != []


@pytest.mark.parametrize("module", RULES, ids=lambda m: m.RULE.id)
def test_every_rule_finds_its_terms_in_the_shipped_policies(module: RuleModule) -> None:
    """Each document with the rule's first kind of term has every kind that the rule asks for."""
    library = load_policies()
    having = {k.kind: {p.document.id for p, _ in library.of_kind(k)} for k in module.RULE.asks}
    first = having[module.RULE.asks[0].kind]
    assert first
    lacking = {(document, kind) for kind, ids in having.items() for document in first - ids}
    assert lacking - STATED_NOWHERE.keys() == set()
