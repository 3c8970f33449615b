"""What modules may touch: rules and schemas no file, one module the clock, none a hidden import."""

import ast
import re
from pathlib import Path

import pytest

from tests.support.sources import (
    MODULES,
    ROOT,
    imports_in,
    name_of,
    nodes_in,
    nodes_of,
    of_each,
    roots_of,
    tree_of,
)

AUDIT_RULES = [p for p in MODULES if p.is_relative_to(ROOT / "audit_rules")]
JUDGING = [p for p in AUDIT_RULES if p.parent.name in ("engine", "rules", "facts", "kinds")]
OPENS_FILES = "given_files.py"
KNOWS_PATHS = (
    OPENS_FILES,
    "law/library.py",
    "policy/document.py",
    "policy/library.py",
    "reference/code_sets.py",
    "reference/codes.py",
    "reference/diagnosis_lists.py",
)
CLOCK = Path("flows/clock.py")
CLOCK_READERS = {
    "today",
    "now",
    "utcnow",
    "time",
    "time_ns",
    "monotonic",
    "perf_counter",
    "process_time",
    "localtime",
    "gmtime",
}
HIDING = {
    *("__import__", "import_module", "resolve_name", "load_module", "exec_module"),
    *("module_from_spec", "spec_from_file_location", "run_module", "run_path", "sys.modules"),
    *("importlib", "importlib.util", "importlib.machinery", "pkgutil", "runpy", "exec"),
}
"""Names by which a module imports, or runs, another one unseen."""
RULES_MAY_USE = {
    *("audit_rules", "collections", "dataclasses", "datetime", "decimal", "functools", "itertools"),
    *("hashlib", "math", "polars", "re", "schemas", "string", "types", "typing"),
}
"""Packages and modules of Python that what judges may import."""
TOUCHES_FILES = re.compile(
    r"(read|scan|write|sink)_\w+|deserialize|open|input|print|breakpoint|exec|eval"
)
"""Names of functions, also of Polars, that read or write something."""


def _unwanted(path: Path) -> set[str]:
    """What a module of the rules uses of files, the clock, the network or the database."""
    unwanted = {"prefect", "duckdb", "logging", "time", "random", "subprocess"}
    unwanted |= {"socket", "ssl", "urllib", "http", "requests", "httpx"}
    name = path.relative_to(ROOT / "audit_rules").as_posix()
    used = roots_of(tree_of(path))
    if name != OPENS_FILES:
        unwanted |= {"os", "open"}
        used |= {node.id for node in nodes_of(path) if isinstance(node, ast.Name)} & {"open"}
    if name not in KNOWS_PATHS:
        unwanted |= {"pathlib", "io", "tempfile", "shutil"}
    return used & unwanted


def test_the_rules_are_pure() -> None:
    assert of_each(AUDIT_RULES, _unwanted) == {}


def _reaches_out(tree: ast.AST) -> set[str]:
    """What a module that judges uses of files, the network or the terminal."""
    called = {
        ast.unparse(node.func)
        for node in nodes_in(tree)
        if isinstance(node, ast.Call)
        and TOUCHES_FILES.fullmatch(ast.unparse(node.func).rpartition(".")[2])
    }
    return called | (roots_of(tree) - RULES_MAY_USE)


def test_what_judges_reads_frames_only() -> None:
    assert of_each(JUDGING, lambda path: _reaches_out(tree_of(path))) == {}


@pytest.mark.parametrize(
    "code",
    [
        'open("x")',
        'pl.read_csv("x")',
        'pl.scan_parquet("x")',
        'pl.LazyFrame.deserialize("x")',
        "import socket",
        "from urllib.request import urlopen",
        "import pathlib",
        "from os import environ",
    ],
)
def test_every_way_out_of_a_rule_is_seen(code: str) -> None:
    assert _reaches_out(ast.parse(code))


def test_the_schemas_are_pure() -> None:
    schemas = [p for p in MODULES if p.is_relative_to(ROOT / "schemas")]
    unwanted = {"prefect", "duckdb", "logging", "pathlib", "os"}
    assert of_each(schemas, lambda path: roots_of(tree_of(path)) & unwanted) == {}


def _clock_reads(tree: ast.AST) -> set[str]:
    """What a module reads of a clock, by whatever name: texts of the expressions."""
    nodes = nodes_in(tree)
    imports = [n for n in nodes if isinstance(n, ast.ImportFrom)]
    clocks = {"date", "datetime", "time"} | {
        alias.asname
        for node in imports
        if node.module in ("datetime", "time")
        for alias in node.names
        if alias.asname
    }
    reads = roots_of(tree) & {"time"}
    named = {n for n in imports_in(tree) if n.rpartition(".")[2] in CLOCK_READERS - {"time"}}
    reads |= {name for name in named if not name.startswith("flows.clock.")}
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in CLOCK_READERS:
            owner = ast.unparse(node.value).rpartition(".")[2]
            reads |= {ast.unparse(node)} if owner in clocks else set()
        if isinstance(node, ast.Call):
            called, arguments = ast.unparse(node.func), [ast.unparse(a) for a in node.args]
            by_name = called.rpartition(".")[2] in CLOCK_READERS - {"time"}
            by_text = called == "getattr" and arguments[1].strip("'") in CLOCK_READERS
            ours = called.startswith("clock.")
            reads |= {ast.unparse(node)} if "." in called and by_name and not ours else set()
            reads |= {ast.unparse(node)} if by_text else set()
    return reads


def test_only_one_module_reads_the_clock() -> None:
    assert {name_of(p) for p in MODULES if _clock_reads(tree_of(p))} == {CLOCK.as_posix()}


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from time import perf_counter",
        "date.today()",
        "datetime.datetime.now(UTC)",
        "made_by = date.today",
        "from datetime import date as day\nday.today",
        "day = date\nday.today()",
        'getattr(date, "today")()',
        "from prefect.types._datetime import now",
    ],
)
def test_every_way_to_read_the_clock_is_seen(code: str) -> None:
    assert _clock_reads(ast.parse(code))
    assert not _clock_reads(ast.parse("from flows import clock\nclock.today()\ncontext.today"))


def _hidden(tree: ast.AST) -> set[str]:
    """What a module names that imports, or runs code, in a way that no test sees."""
    found: set[str] = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node) if node.attr == "modules" else node.attr)
        elif isinstance(node, ast.Constant):
            found.add(str(node.value))  # getattr
    imports = imports_in(tree)
    return (found | imports | {name.rpartition(".")[2] for name in imports}) & HIDING


def test_no_module_imports_in_a_way_that_no_test_sees() -> None:
    assert of_each(MODULES, lambda path: _hidden(tree_of(path))) == {}


@pytest.mark.parametrize(
    "code",
    [
        '__import__("flows.cli")',
        'import importlib.metadata\nimportlib.import_module("flows.cli")',
        "from importlib import import_module as quietly",
        'import pkgutil\npkgutil.resolve_name("flows.cli:app")',
        'getattr(builtins, "__import__")("flows.cli")',
        'import sys\nsys.modules["flows.cli"]',
        'exec("import flows.cli")',
        "import importlib",
        "import runpy",
    ],
)
def test_every_way_to_hide_an_import_is_seen(code: str) -> None:
    assert _hidden(ast.parse(code))
    assert not _hidden(ast.parse("from importlib.resources import files\npl.col('x').list.eval(y)"))
