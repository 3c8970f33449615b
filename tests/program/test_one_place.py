"""What has one place: where files, the clock and chance come in, who prints, what is a task.

Each guard looks at the whole tree at once, and has an example of everything that it must see.
"""

import ast
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.support.sources import (
    FLOWS,
    MODULES,
    ROOT,
    SQL_FILES,
    imports_in,
    name_of,
    nodes_of,
    texts_of,
    tree_of,
)

NIGHTLY = ROOT / "flows" / "nightly.py"
STAGES = ["load", "validate", "settle", "judge", "report"]


class Place(NamedTuple):
    """What only some files may say: a pattern, those files, and what else would say it."""

    what: str
    pattern: str
    files: tuple[str, ...]
    examples: tuple[str, ...]


PLACES = (
    Place(
        "which file the engine reads",
        r"(?i)\b(read_\w+|\w+_scan|sniff_csv|glob|parquet_\w+)\s*\(|\b(FROM|JOIN)\s+'[^']*[./]",
        ("flows/intake/readers.py", "flows/warehouse/parquet.py"),
        ("FROM read_csv('x')", "FROM read_parquet({})", "SELECT * FROM 'rows.csv'"),
    ),
    Place(
        "which database the engine opens",
        r"\b(COPY|ATTACH|DETACH|EXPORT|IMPORT|INSTALL|LOAD|PRAGMA)\s+[\w'{(]",
        ("flows/warehouse/connection.py",),
        ("COPY x TO 'rows.csv'", "ATTACH 'other.duckdb'", "INSTALL httpfs"),
    ),
    Place(
        "what differs from run to run",
        r"(?i)\b(random|setseed|uuid\w*|gen_random_uuid|now|today|get_current_\w+|nextval"
        r"|transaction_timestamp)\s*\(|\b(current_date|current_timestamp|current_time|localtime"
        r"|localtimestamp|TABLESAMPLE|USING\s+SAMPLE)\b",
        ("flows/intake/expression_parts.py",),  # what a user's expression may not say
        ("ORDER BY random()", "now()", "CURRENT_DATE - 1", "uuid()", "FROM x USING SAMPLE 5"),
    ),
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.what)
def test_it_is_said_in_one_place_of_sql_and_of_texts_in_python(place: Place) -> None:
    said = {
        name_of(path)
        for path in (*MODULES, *SQL_FILES)
        if any(re.search(place.pattern, text) for text in texts_of(path))
    }
    assert said == set(place.files)
    assert [text for text in place.examples if not re.search(place.pattern, text)] == []


# ---------------------------------------------------------------- what Python may do, and where


def _called(node: ast.AST) -> str:
    """The name of the function that a node calls, without what it belongs to."""
    if not isinstance(node, ast.Call):
        return ""
    return ast.unparse(node.func).rpartition(".")[2]


def _gives_a_fate(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    named = [k.arg for k in node.keywords if _called(node) in ("with_columns", "select")]
    is_named = _called(node) == "alias" and ast.unparse(node.args[0]) == "'fate'"
    return "fate" in named or is_named


def _speaks(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return bool({n.split(".")[0] for n in imports_in(node)} & {"logging", "warnings"}) or any(
            name.endswith("get_run_logger") for name in imports_in(node)
        )
    is_print = isinstance(node, ast.Name) and node.id in ("print", "say")
    by_name = ("stdout", "stderr", "print")  # print: also of a console of Rich
    return is_print or (isinstance(node, ast.Attribute) and node.attr in by_name)


def _goes_by_chance(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return bool({n.split(".")[0] for n in imports_in(node)} & {"uuid", "random", "secrets"})
    is_seeded = isinstance(node, ast.Call) and "seed" in {k.arg for k in node.keywords}
    by_name = {"sample", "shuffle", "default_rng", "urandom", "token_hex"}
    is_of_process = isinstance(node, ast.Call) and ast.unparse(node.func) == "hash"
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"random.{_called(node)}"):
        return not is_seeded
    return is_of_process or (_called(node) in by_name and not is_seeded)


_ASKS = {"execute", "sql", "register", "unregister", "close"}
_WRITES = {"insert_into", "to_table", "to_view", "create_view", "from_csv_auto", "from_parquet"}


def _writes_past_sql(node: ast.AST) -> bool:
    """Whether a node has DuckDB write or read otherwise than by a statement."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    is_asked = ast.unparse(node.func.value) == "connection" and node.func.attr not in _ASKS
    return is_asked or node.func.attr in _WRITES


_MONEY = re.compile(r"(?<![a-z])(paid|amount|cents|fee|price|money|dollars)(?![a-z])")
_FLOAT = re.compile(r"Float(32|64)|\bfloat\b|(?i:\bDOUBLE\b)")


def _is_money(node: ast.AST) -> bool:
    return bool(_MONEY.search(ast.unparse(node)))


def _is_float(node: ast.AST) -> bool:
    return bool(_FLOAT.search(ast.unparse(node)))


def _makes_money_a_float(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and node.args and _called(node) in ("cast", "float")):
        return False
    (to, *_), of = node.args, node.func
    if isinstance(to, ast.Dict):
        columns = zip(to.keys, to.values, strict=True)
        return any(_is_float(kind) and name and _is_money(name) for name, kind in columns)
    if isinstance(of, ast.Attribute):
        return _is_float(to) and _is_money(of.value)
    return _is_money(to)


class Doing(NamedTuple):
    """What only some modules may do: how it is seen, where, by whom, and examples."""

    what: str
    is_seen: Callable[[ast.AST], bool]
    where: tuple[str, ...]
    files: tuple[str, ...]
    examples: tuple[str, ...]


DOINGS = (
    Doing(
        "giving a row its fate",
        _gives_a_fate,
        ("schemas", "audit_rules", "flows"),
        (),
        ('rows.with_columns(fate=pl.lit("history"))', 'pl.lit("history").alias("fate")'),
    ),
    Doing(
        "printing or logging",
        _speaks,
        ("schemas", "audit_rules", "flows"),
        (
            *("flows/cli/", "flows/start.py", "flows/watch.py", "flows/streams.py"),
            # pipes of a process
            *("flows/judging/part_worker.py", "flows/judging/spread.py"),
            *("flows/reports/page/drawing.py", "flows/reports/page/renderer.py"),
            "flows/nightly.py",  # what fails after publication
            "flows/progress.py",  # what is waited for, in a terminal
            *("flows/replay/compare_text.py", "flows/replay/paragraphs.py"),
        ),
        (
            'print("x")',
            'say("x")',
            "import logging",
            "from prefect import get_run_logger",
            'sys.stderr.write("x")',
            'Console().print("x")',
            "import warnings",
        ),
    ),
    Doing(
        "leaving something to chance",
        _goes_by_chance,
        ("schemas", "audit_rules", "flows"),
        # the tokens of the review queue; the name of a run's folder that other machines see as well
        ("flows/review/guard.py", "flows/run_folders.py"),
        (
            "import random",
            "from uuid import uuid4",
            "rows.sample(5)",
            "rows.select(x.shuffle())",
            "np.random.default_rng()",
            "np.random.rand()",
            "hash(text)",
            "os.urandom(4)",
        ),
    ),
    Doing(
        "writing a table without a statement",
        _writes_past_sql,
        ("flows",),
        ("flows/cli/server.py",),  # its connection is of HTTP
        (
            'connection.append("run.x", frame)',
            'connection.table("run.x").insert([1])',
            'connection.sql("FROM x").insert_into("run.x")',
            'connection.read_csv("rows.csv")',
        ),
    ),
    Doing(
        "money as a float",
        _makes_money_a_float,
        ("schemas", "audit_rules", "flows"),
        ("flows/sampling/appraisal.py",),  # an estimate and its error
        (
            'pl.col("paid_amount").cast(pl.Float64)',
            'float(line["amount_at_risk"])',
            'pl.col("fee_cents").sum().cast(pl.Float32)',
            'rows.cast({"days": pl.Int64, "amount_cents": pl.Float64})',
        ),
    ),
)


@pytest.mark.parametrize("doing", DOINGS, ids=lambda doing: doing.what)
def test_it_is_done_in_stated_places_only(doing: Doing) -> None:
    looked_at = [p for p in MODULES if name_of(p).startswith(doing.where)]
    found = {name_of(p) for p in looked_at if any(map(doing.is_seen, nodes_of(p)))}
    assert {name for name in found if not name.startswith(doing.files or ("-",))} == set()
    assert [f for f in doing.files if not any(name.startswith(f) for name in found)] == []
    unseen = [c for c in doing.examples if not any(map(doing.is_seen, ast.walk(ast.parse(c))))]
    assert unseen == []


# ---------------------------------------------------------------- the five tasks


def _knows_tasks(node: ast.AST) -> bool:
    """Whether a node imports what makes tasks of Prefect, or names it of whatever module."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any(re.fullmatch(r"prefect(\.\w+)*\.(task|Task)", n) for n in imports_in(node))
    return isinstance(node, ast.Attribute) and node.attr in ("task", "Task")


def _is_task(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).partition("(")[0] == "task"


def test_the_flow_has_five_tasks_and_no_other_module_has_any() -> None:
    functions = [n for n in tree_of(NIGHTLY).body if isinstance(n, ast.FunctionDef)]
    tasks = [f.name for f in functions if any(map(_is_task, f.decorator_list))]
    assert tasks == STAGES
    named = [n for n in nodes_of(NIGHTLY) if isinstance(n, ast.Name) and n.id == "task"]
    assert len(named) == len(STAGES)
    assert [p for p in FLOWS if any(map(_knows_tasks, nodes_of(p)))] == [NIGHTLY]
