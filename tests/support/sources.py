"""The source of the program, as tests of its architecture read it."""

import ast
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("schemas", "audit_rules", "flows")
MODULES = [p for package in PACKAGES for p in sorted((ROOT / package).rglob("*.py"))]
SQL_FILES = sorted((ROOT / "sql").rglob("*.sql"))
FLOWS = [p for p in MODULES if p.is_relative_to(ROOT / "flows")]


def name_of(path: Path) -> str:
    """The path of a module in the project."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_in(tree: ast.AST) -> tuple[ast.AST, ...]:
    """Every node of a syntax tree."""
    return tuple(ast.walk(tree))


def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Every node of the syntax tree of a module."""
    return nodes_in(tree_of(path))


def imported(path: Path) -> frozenset[str]:
    """The full names of everything that a module imports, including inside functions."""
    return imports_in(tree_of(path))


@cache
def imports_in(tree: ast.AST) -> frozenset[str]:
    """The full names of everything that is imported in a syntax tree."""
    found = set()
    for node in nodes_in(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{ast.unparse(node)}: a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def roots_of(tree: ast.AST) -> set[str]:
    """The packages, ours and others', of what is imported in a syntax tree."""
    return {name.split(".")[0] for name in imports_in(tree)}


def of_each(paths: Iterable[Path], wrong: Callable[[Path], Any]) -> dict[str, Any]:
    """What is wrong with files, by the name of each that has something wrong."""
    found = {name_of(path): wrong(path) for path in paths}
    assert found, "no file"
    return {name: value for name, value in found.items() if value}


def _docstrings(tree: ast.Module) -> set[int]:
    """The ids of the nodes that are docstrings."""
    found = set()
    for node in nodes_in(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            found.add(id(body[0].value))
    return found


@cache
def constants(path: Path) -> tuple[ast.Constant, ...]:
    """Every constant of a module outside docstrings."""
    docstrings = _docstrings(tree_of(path))
    found = (n for n in nodes_of(path) if isinstance(n, ast.Constant))
    return tuple(n for n in found if id(n) not in docstrings)


@cache
def texts_of(path: Path) -> tuple[str, ...]:
    """What a file says: an SQL file without comments, or each text of a module that is no
    docstring.

    An f-string is one text, with {} for each of its values.
    """
    if path.suffix == ".sql":
        return (re.sub(r"--.*", "", path.read_text(encoding="utf-8")),)
    filled = [node for node in nodes_of(path) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in filled for part in node.values}
    whole = [n.value for n in constants(path) if isinstance(n.value, str) and id(n) not in parts]
    return (
        *whole,
        *(
            "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
            for node in filled
        ),
    )
