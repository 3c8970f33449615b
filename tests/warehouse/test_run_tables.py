"""Every table of a run is declared once, by the module that makes it, and is as it was declared.

A table of the schema `run` carries rows from one module to another, or to the next run. A step that
only one SQL file uses is a temporary table, which no other file may read.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from string import Template
from types import SimpleNamespace

import duckdb
import polars as pl
import pytest

from flows import report_steps
from flows.judging.affected import AFFECTED_PERSON
from flows.provenance import sql_folder
from flows.warehouse.connection import Workbench, opened
from flows.warehouse.keep import keep
from flows.warehouse.layout import LEDGERS
from flows.warehouse.memory import Memory
from flows.warehouse.run_table import RunMacro, RunTable
from flows.warehouse.sql import header, statements
from flows.warehouse.sql import run as run_sql
from schemas.tables import TABLES as INPUT
from tests.support.extracts import good, write
from tests.support.nights import night
from tests.support.running import request_for
from tests.support.sources import (
    FLOWS,
    ROOT,
    constants,
    imported,
    nodes_in,
    nodes_of,
    of_each,
    tree_of,
)

SQL_FILES = sorted(
    p.relative_to(sql_folder()).with_suffix("").as_posix() for p in sql_folder().rglob("*.sql")
)
Tables = dict[str, dict[str, str]]
"""Qualified name of a table -> its columns and their types."""
WORD = "word_"
"""What a `$name` of an SQL file becomes here: `word_name`, which is a table or a value."""
_MADE = re.compile(
    r"(?P<verb>CREATE OR REPLACE|INSERT INTO|DELETE FROM)\s+(?P<temp>TEMP )?"
    r"(?:(?P<kind>TABLE|VIEW|MACRO)\s+)?(?P<name>[\w.]+)\s*(?:\([^)]*\))?\s*(?:AS\b)?",
    re.IGNORECASE,
)
_MACRO = re.compile(r"\brun\.\w+(?=\()")
_QUOTED = re.compile(r"'((?:run|kept(?:\.main)?)\.\w+)'", re.IGNORECASE)
"""The name of a run table as a text, which a function of the engine may read."""
_QUALIFIED = re.compile(r"\b(run|kept(?:\.main)?)\.(\w+)", re.IGNORECASE)
"""The name of a run table: of this run, or as the warehouse remembers it."""
_BUILT = re.compile(r"(?i)\b(?:run|kept(?:\.main)?)\.(?:\{|%[s(])")
"""The name of a run table that `format` or `%` makes."""
_WRITES = re.compile(
    r"(?i)\b(?:(?:INSERT|REPLACE|MERGE)\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM|TRUNCATE"
    r"|COPY|(?:CREATE|DROP|ALTER|TRUNCATE|COMMENT\s+ON)\s+(?:\w+\s+)*(?:TABLE|VIEW|MACRO|FUNCTION))"
    r"(?:\s+IF\s+(?:NOT\s+)?EXISTS)?\s+$"
)
"""What comes before the name of a table that a statement writes or removes."""


# ---------------------------------------------------------------- who declares what


def _assigned(path: Path) -> Iterator[str]:
    """Names that a module gives to declarations at its top level."""
    tree = tree_of(path)
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        calls = (n.func for n in nodes_in(node) if isinstance(n, ast.Call))
        if {f.id for f in calls if isinstance(f, ast.Name)} & {"RunTable", "RunMacro"}:
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))


@cache
def declarations() -> dict[str, list[Path]]:
    """Qualified name of a run table or macro -> the modules that declare it."""
    found: dict[str, list[Path]] = {}
    for path in FLOWS:
        names = list(_assigned(path))
        if not names:
            continue
        module = import_module(_dotted(path))
        for name in names:
            value = getattr(module, name)
            for table in value.values() if isinstance(value, dict) else (value,):
                assert isinstance(table, RunTable | RunMacro)
                found.setdefault(str(table), []).append(path)
    return found


@cache
def tables() -> dict[str, RunTable]:
    """Every declared run table, by its qualified name."""
    found = {}
    for path in {p for paths in declarations().values() for p in paths}:
        module = import_module(_dotted(path))
        for name in _assigned(path):
            value = getattr(module, name)
            every = value.values() if isinstance(value, dict) else (value,)
            found |= {str(t): t for t in every if isinstance(t, RunTable)}
    return found


def _dotted(path: Path) -> str:
    """The name by which a module is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _declarers(name: str) -> set[Path]:
    """Modules that declare a table; `word_table` in its name is any table of the contract."""
    names = {name.replace(f"{WORD}table", table) for table in INPUT}
    return {path for n in names for path in declarations().get(n, [])}


def test_each_run_table_is_declared_once() -> None:
    assert {n: p for n, p in declarations().items() if len(p) > 1} == {}
    assert len(declarations()) > 40


# ---------------------------------------------------------------- SQL files


class Statement(SimpleNamespace):
    """A statement of an SQL file: names that it makes, and names that it reads."""

    makes: str | None
    is_step: bool
    reads: set[str]


def _filled(text: str) -> str:
    """SQL with `word_NAME` for each of its words."""
    words = {m[1] or m[2] for m in re.finditer(r"\$(?:(\w+)|\{(\w+)\})", text)}
    return Template(text).substitute({w: WORD + w for w in words})


def _tables_of(query: str) -> set[str]:
    """Qualified names of the tables that a query reads, without its own WITH names."""
    (text,) = duckdb.execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0]
    tree = json.loads(text)
    assert not tree["error"], tree
    found, own = set(), set()
    rest = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, list):
            rest += node
        elif isinstance(node, dict):
            rest += node.values()
            if node.get("type") == "BASE_TABLE":
                parts = (node["catalog_name"], node["schema_name"], node["table_name"])
                found.add(".".join(part for part in parts if part))
            own |= {entry["key"] for entry in node.get("cte_map", {}).get("map", [])}
    return found - own


@cache
def _statements(name: str) -> list[Statement]:
    return [_statement(_filled(text)) for text in statements(name)]


def _statement(text: str) -> Statement:
    made = _MADE.match(text)
    body = text[made.end() :] if made else text
    reads = {m[0] for m in _MACRO.finditer(body)}
    reads |= {m[1] for m in _QUOTED.finditer(body)}
    if made and made["verb"] == "DELETE FROM":
        body = f"SELECT 1 FROM {made['name']} {body}"
    if made and made["kind"] == "MACRO":
        is_table = re.match(r"\s*TABLE\b", body, re.IGNORECASE)
        body = body[is_table.end() :] if is_table else f"SELECT {body}"
    if body.strip():
        reads |= _tables_of(body)
    return Statement(makes=made and made["name"], is_step=bool(made and made["temp"]), reads=reads)


def _named(name: str, part: str) -> set[str]:
    """What a part of a header names: the first word of each item, asides left out.

    What a word reads is not in the statements: flows.warehouse.sql.run compares it.
    """
    text = re.sub(rf"[\w.]+ \(in {WORD}\w+\)", "", _filled(header(name)[part]))
    items = re.sub(r"\([^)]*\)", "", text).split(",")
    return {item.split()[0] for item in items if item.strip()}


def test_a_header_names_just_what_its_statements_read_and_make() -> None:
    assert {name: wrong for name in SQL_FILES if (wrong := _named_wrongly(name))} == {}


def _named_wrongly(name: str) -> set[str]:
    """What a header names and its statements do not read or make, and the other way round."""
    steps, makes, reads = set(), set(), set()
    for statement in _statements(name):
        before = {n for n in statement.reads if n in steps}
        reads |= statement.reads - before - makes
        if statement.is_step:
            steps.add(statement.makes)
        elif statement.makes:
            makes.add(statement.makes)
            reads -= {statement.makes} if statement.makes in statement.reads else set()
    words = set(re.findall(rf"{WORD}\w+", _filled(header(name)["words"])))
    made, read = _named(name, "makes"), _named(name, "reads")
    return (makes - made) | (made - makes - steps) | ((read ^ reads) - words)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE OR REPLACE TEMP MACRO own() AS (SELECT count(*) FROM run.toy)",
        "CREATE OR REPLACE TEMP MACRO own() AS TABLE SELECT * FROM run.toy",
        "CREATE OR REPLACE TABLE run.other AS FROM query_table('run.toy')",
    ],
)
def test_what_a_macro_or_a_named_table_reads_is_read(text: str) -> None:
    assert "run.toy" in _statement(text).reads


def test_a_header_names_every_word() -> None:
    assert {name: words for name in SQL_FILES if (words := _words_not_named(name))} == {}


def _words_not_named(name: str) -> set[str]:
    text = " ".join(statements(name))
    used = {m[1] or m[2] for m in re.finditer(r"(?<!\$)\$(?:(\w+)|\{(\w+)\})", text)}
    described = "".join(header(name).values())
    return {w for w in used if f"${w}" not in described and f"${{{w}}}" not in described}


def test_every_run_table_of_an_sql_file_is_declared() -> None:
    for name in SQL_FILES:
        used = {n for s in _statements(name) for n in (*s.reads, s.makes or "")}
        assert {n for n in _of_runs(used) if not _declarers(n)} == set(), name


def _of_runs(names: set[str]) -> set[str]:
    """The run tables among the names of tables, remembered ones by the name they have in a run."""
    lasting = {*INPUT, *LEDGERS, f"{WORD}table"}
    found = {n: re.sub(r"^kept\.(?:main\.)?", "run.", n) for n in names}
    return {
        table
        for name, table in found.items()
        if table.startswith("run.") and (name == table or table.removeprefix("run.") not in lasting)
    }


def _read_in_all(name: str) -> set[str]:
    """What a header says the file reads, whatever its words read included."""
    return {item.split()[0] for item in _filled(header(name)["reads"]).split(",") if item.strip()}


def test_what_the_warehouse_remembers_of_a_run_table_counts_as_that_table() -> None:
    names = {"kept.main.cached_member", "kept.sole_person", "run.payer", "every_provider"}
    assert _of_runs(names) == {"run.cached_member", "run.sole_person", "run.payer"}
    assert _of_runs({"kept.main.file", "kept.main.medical_claim", "main.night"}) == set()
    assert "kept.main.sole_person" in _read_in_all("settle/relinked_members")
    assert "kept.main.cached_member" in _read_in_all("judging/judged_members")


@pytest.mark.parametrize("undeclared", ["kept.main.cached_member", "kept.cached_member"])
def test_no_word_of_an_sql_file_reads_what_its_header_does_not_name(undeclared: str) -> None:
    words = {"table": "t", "rows": f"(FROM {undeclared})", "settled": "run.settled"}
    with duckdb.connect() as connection, pytest.raises(ValueError, match="cached_member"):
        run_sql(
            connection,
            "settle/settled",
            reads=("run.payer", "run.sole_person", "run.t_fate", "run.person_of"),
            makes=("run.settled",),
            as_of="",
            quantity="",
            fee="",
            is_paid="",
            **words,
        )


# ---------------------------------------------------------------- Python


def _runs(path: Path) -> Iterator[str]:
    """Names of the SQL files that a module runs."""
    for node in nodes_of(path):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if is_call and node.func.id in ("run", "fetched_from"):
            values = [a.value for a in node.args if isinstance(a, ast.Constant)]
            yield from (v for v in values if isinstance(v, str))


def test_each_sql_file_is_run_by_one_module_which_declares_what_it_makes() -> None:
    runners: dict[str, set[Path]] = {}
    for path in FLOWS:
        for file in _runs(path):
            runners.setdefault(file, set()).add(path)
    assert sorted(runners) == SQL_FILES
    for file, paths in runners.items():
        for made in (n for n in _named(file, "makes") if n.startswith("run.")):
            assert _declarers(made) == paths, f"{file} makes {made}"


def test_a_module_imports_the_declarations_of_what_its_sql_files_read() -> None:
    for path in FLOWS:
        modules = {name.rpartition(".")[0] for name in imported(path)}
        for file in _runs(path):
            for read in _of_runs(_read_in_all(file)):
                declarers = {_dotted(p) for p in _declarers(read)}
                assert _declarers(read) == {path} or declarers <= modules, f"{file} reads {read}"


def test_python_names_run_tables_by_their_declarations_only() -> None:
    assert of_each(FLOWS, _names_without_declaration) == {}


def _names_without_declaration(path: Path) -> list[str]:
    """Run tables that a module names by a text, and texts of which it makes such a name."""
    texts = [n.value for n in constants(path) if isinstance(n.value, str)]
    texts += [_summed(n) for n in nodes_of(path) if isinstance(n, ast.BinOp)]
    found = [name for text in texts for name in _literal_names(text)]
    if path.parent.name != "warehouse":
        before = _before_values(path)
        found += [t for t in before if re.search(r"(?i)\b(?:run|kept\.main)\.$", t)]
        found += [t for t in texts if _BUILT.search(t)]
    return found


def _summed(node: ast.expr) -> str:
    """The text that a sum of texts makes; what else is added is left out."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _summed(node.left) + _summed(node.right)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_a_run_table_that_a_sum_of_texts_names_is_seen() -> None:
    node = ast.parse('"FROM run" + ".toy" + " JOIN x"', mode="eval").body
    assert _literal_names(_summed(node)) == ["toy"]


def _literal_names(text: str) -> list[str]:
    """Run tables that a text names, declared or not; what lasts in the warehouse is none."""
    lasting = {*INPUT, *LEDGERS, "main"}
    named = _QUALIFIED.findall(text)
    return [name for schema, name in named if schema.lower() == "run" or name not in lasting]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE IF NOT EXISTS run.toy (x INTEGER)",
        "UPDATE run.toy SET x = 1",
        "FROM every_file, run.toy",
        "run.toy",
        "FROM kept.main.toy",
        "FROM kept.toy",
        "SELECT * FROM RUN.toy",
    ],
)
def test_a_run_table_in_a_text_is_seen_wherever_it_is_named(text: str) -> None:
    assert _literal_names(text) == ["toy"]
    assert _literal_names("SELECT max(as_of) FROM kept.main.night JOIN kept.file") == []


@pytest.mark.parametrize("text", ["run.{}", "FROM kept.main.{table}", "run.%s", "RUN.%(name)s"])
def test_the_name_of_a_run_table_that_is_filled_in_is_seen(text: str) -> None:
    assert _BUILT.search(text)
    assert not _BUILT.search("Give the folder of one run. {remedy}")


def _before_values(path: Path) -> Iterator[str]:
    """The texts right before a value in the f-strings and sums of a module."""
    for node in nodes_of(path):
        if isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
            yield str(node.left.value)
        if isinstance(node, ast.JoinedStr):
            for before, after in zip(node.values, node.values[1:], strict=False):
                if isinstance(before, ast.Constant) and isinstance(after, ast.FormattedValue):
                    yield str(before.value)


def test_only_its_maker_writes_a_run_table() -> None:
    assert of_each(FLOWS, lambda path: _written(tree_of(path)) - set(_assigned(path))) == {}


@pytest.mark.parametrize(
    "statement",
    [
        'f"INSERT INTO {OTHER} VALUES (1)"',
        'f"INSERT OR REPLACE INTO {OTHER} VALUES (1)"',
        'f"UPDATE {OTHER} SET x = 1"',
        'f"DELETE FROM {OTHER[table]}"',
        'f"CREATE OR REPLACE TABLE {OTHER} AS FROM x"',
        'f"CREATE TEMP VIEW IF NOT EXISTS {OTHER} AS FROM x"',
        'f"DROP TABLE {OTHER}"',
        'f"DROP VIEW IF EXISTS {OTHER.remembered}"',
        'f"ALTER TABLE {OTHER} ADD COLUMN x INTEGER"',
        'f"TRUNCATE {OTHER}"',
        'f"TRUNCATE TABLE {OTHER}"',
        'f"MERGE INTO {OTHER} USING x ON true WHEN MATCHED THEN DELETE"',
        "f\"COPY {OTHER} FROM 'x'\"",
        'f"DROP TABLE run.{OTHER.name}"',
        "OTHER.create(connection)",
        "OTHER[table].store_frame(connection, frame)",
        "OTHER.add_frame(connection, frame)",
        "own = OTHER\nown.create(connection)",
        "from flows.x import OTHER as own\nown.store_frame(connection, frame)",
        'own: RunTable = OTHER[table]\nf"INSERT INTO {own} VALUES (1)"',
    ],
)
def test_every_way_to_write_a_run_table_is_seen(statement: str) -> None:
    assert _written(ast.parse(statement)) == {"OTHER"}


def test_a_read_run_table_is_not_taken_for_a_written_one() -> None:
    assert (
        _written(ast.parse('f"INSERT INTO main.x FROM {OTHER} WHERE y IN (FROM {MORE})"')) == set()
    )


def _written(tree: ast.AST) -> set[str]:
    """Declarations whose tables a module writes, alters or removes."""
    written = {
        _root(node.func.value)
        for node in nodes_in(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("create", "store_frame", "add_frame")
    }
    for node in nodes_in(tree):
        if isinstance(node, ast.JoinedStr):
            for before, after in zip(node.values, node.values[1:], strict=False):
                text = str(before.value) if isinstance(before, ast.Constant) else ""
                if _WRITES.search(re.sub(r"\b(?:run|kept\.main)\.$", "", text)):
                    assert isinstance(after, ast.FormattedValue)
                    written.add(_root(after.value))
    aliases = _aliases(tree)
    names = {aliases.get(n, n) for n in written if n}
    return {n for n in names if n.isupper()}


def _aliases(tree: ast.AST) -> dict[str, str]:
    """Other names that a module gives to declarations, and the declarations' own."""
    found = {}
    for node in nodes_in(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            root = _root(node.value)
            found |= {t.id: root for t in targets if isinstance(t, ast.Name) and root}
    return {alias: found.get(name, name) for alias, name in found.items()}


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


# ---------------------------------------------------------------- what runs really make

LASTING = {*INPUT, *LEDGERS}
NEW_CLAIM = {"claim_id": "new", "member_id": "new"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Tables]:
    """The columns of every table at the end of two runs; the second reuses the first."""
    folder = tmp_path_factory.mktemp("runs")
    found = []

    def describe_and_keep(bench: Workbench, memory: Memory, *_others: object) -> tuple[str, ...]:
        with opened(bench) as connection:
            for table, file in memory.written.items():
                table.store_frame(connection, pl.read_parquet(file))
            query = """SELECT table_name, column_name, data_type FROM duckdb_columns()
                       WHERE database_name = 'run'"""
            columns: Tables = defaultdict(dict)
            for name, column, kind in connection.execute(query).fetchall():
                schema = "main" if name in LASTING else "run"
                columns[f"{schema}.{name}"][column] = kind
            found.append(dict(columns))
        return keep(bench, memory)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_steps, "keep", describe_and_keep)
        for rows in ({}, NEW_CLAIM):
            landing = write(
                folder / f"in{len(found)}", {f"{t}.csv": [good(t, **_own(t, rows))] for t in INPUT}
            )
            night(request_for(landing, folder / "out", folder / "audit.duckdb"))
    return found


def _own(table: str, values: dict[str, str]) -> dict[str, str]:
    """Those of the values that a table has columns for."""
    names = {c.name for c in INPUT[table].columns}
    return {name: value for name, value in values.items() if name in names}


def _declared(table: RunTable) -> dict[str, str]:
    """The columns of a run table as DuckDB spells their types."""
    described = duckdb.execute(f"DESCRIBE FROM {table.empty}").fetchall()
    return {name: kind for name, kind, *_ in described}


def test_every_declared_run_table_is_made(made: list[Tables]) -> None:
    found = {name for run in made for name in run if name.startswith("run.")}
    assert found == tables().keys()


def test_the_stages_make_no_table_of_what_lasts(made: list[Tables]) -> None:
    """What the warehouse keeps is laid out before the first stage, under names of its own."""
    found = {name for run in made for name in run if not name.startswith("run.")}
    assert found == {f"main.{name}" for name in LASTING}
    assert not {t.name for t in tables().values()} & LASTING


def test_a_run_table_has_the_columns_that_are_declared(made: list[Tables]) -> None:
    for name, table in tables().items():
        declared = _declared(table)
        for run in made:
            assert run.get(name) in (None, declared), name


def test_the_second_run_made_what_only_such_a_run_makes(made: list[Tables]) -> None:
    assert str(AFFECTED_PERSON) not in made[0] and str(AFFECTED_PERSON) in made[1]
