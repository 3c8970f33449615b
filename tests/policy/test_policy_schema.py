"""The published schema of policy files: it accepts what the program accepts, explains every field,
and refuses what it can see is wrong."""

import copy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import PolicyFile, array_headers, parse_policy
from audit_rules.policy.field_texts import ANYWHERE
from audit_rules.policy.file_schema import policy_file_schema
from audit_rules.policy.library import SHIPPED_POLICIES
from tests.support.guide import guide_files
from tests.support.policy_schema import errors_of_text, schema_errors

OLDER = Path(__file__).parent / "older_kinds"
FILES = sorted([*SHIPPED_POLICIES.glob("*.toml"), *OLDER.glob("*.toml")])


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_policy_file_is_valid_under_the_schema(path: Path) -> None:
    assert errors_of_text(path.read_text(encoding="utf-8")) == []


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[str, Any]]:
    """Every policy file of the guide, with its content."""
    folder = tmp_path_factory.mktemp("guide")
    guide_files(folder)
    return {p: tomllib.loads(p.read_text(encoding="utf-8")) for p in folder.rglob("*.toml")}


def test_the_policies_of_the_guide_are_valid_under_the_schema(
    guide: dict[Path, dict[str, Any]],
) -> None:
    assert len(guide) == 5
    assert {path.name: schema_errors(data) for path, data in guide.items()} == {
        path.name: [] for path in guide
    }


def _loads(path: Path, data: dict[str, Any]) -> bool:
    headers = array_headers(path.read_text(encoding="utf-8"))
    try:
        parse_policy(PolicyFile(path.name, path.parent, data, "", headers))
    except PolicyRefused:
        return False
    return True


def _tables(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every table of a file."""
    if isinstance(value, dict):
        yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        if isinstance(part, dict | list):
            yield from _tables(part, (*way, key))


def _at(data: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        data = data[step]
    return data


def test_an_unknown_field_is_refused_in_every_table_by_the_program_and_by_the_schema(
    guide: dict[Path, dict[str, Any]],
) -> None:
    for path, data in guide.items():
        for way in _tables(data):
            if way[-1:] == ("assumed",):
                continue  # it names fields
            changed = copy.deepcopy(data)
            _at(changed, way)["mots"] = 1
            assert not _loads(path, changed), way
            assert schema_errors(changed), way


def test_the_schema_accepts_every_file_with_a_field_less_that_the_program_accepts(
    guide: dict[Path, dict[str, Any]],
) -> None:
    accepted = 0
    for path, data in guide.items():
        for way in _tables(data):
            for key in list(_at(data, way)):
                changed = copy.deepcopy(data)
                del _at(changed, way)[key]
                if _loads(path, changed):
                    accepted += 1
                    assert schema_errors(changed) == [], (way, key)
    assert accepted


HEAD = """
[document]
id = "a-policy"
title = "A policy"
payer = "acme"
payer_names = ["Acme"]
[[version]]
effective_from = 2025-01-01
basis = "stated"
cite = "page 1"
[[products]]
name = "drug"
hcpcs = ["J1000"]
unit_mg = 1
observed_days = 0
"""
TERM = 'term_id = "a-policy.1"\neffective_from = 2025-01-01\ncite = "page 1"\nbasis = "stated"\n'
FINDING = 'finding = { outcome = "review" }\n'
QUANTITY = f'[[quantity]]\n{TERM}measure = "units"\nmost = 1\nper = "date"\n{FINDING}'
ON_FILE = f'[[on_file]]\n{TERM}forbid = [{{ service = "99213", window = [-1, 0] }}]\n{FINDING}'
SCHEDULE = f'[[schedule]]\n{TERM}phase = [{{ doses = 2, every = "28 days" }}]\n{FINDING}'
WHO = f'[[who]]\n{TERM}sex = "female"\n{FINDING}'
AUTHORIZATION = f'[[authorization]]\n{TERM}length = "12 months"\n{FINDING}'


@pytest.mark.parametrize("term", [QUANTITY, ON_FILE, SCHEDULE, WHO, AUTHORIZATION])
def test_a_term_that_is_right_is_accepted_by_both(term: str) -> None:
    assert errors_of_text(HEAD + term) == []
    assert _parses(HEAD + term)


def _parses(text: str) -> bool:
    try:
        parse_policy(PolicyFile("x.toml", Path(), tomllib.loads(text), "", array_headers(text)))
    except PolicyRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("term", "old", "new"),
    [
        (QUANTITY, "most = 1\n", ""),
        (QUANTITY, "most = 1\n", "most = 1\nbelow = 2\n"),
        (QUANTITY, "most = 1\n", 'most = "many"\n'),
        (QUANTITY, "most = 1\n", "most = -1\n"),
        (QUANTITY, '"units"', '"pills"'),
        (QUANTITY, '"date"', '"6 moons"'),
        (QUANTITY, FINDING, ""),
        (QUANTITY, '"review"', '"refund"'),
        (QUANTITY, '{ outcome = "review" }', "{}"),
        (QUANTITY, '"review" }', '"review", colour = "red" }'),
        (QUANTITY, "most = 1\n", 'most = 1\napplies_to = { colour = "red" }\n'),
        (QUANTITY, "most = 1\n", 'most = 1\napplies_to = { sex = "both" }\n'),
        (QUANTITY, "most = 1\n", "most = 1\napplies_to = {}\n"),
        (QUANTITY, "most = 1\n", "most = 1\napplies_to = { age = { to = 1 } }\n"),
        (QUANTITY, "most = 1\n", 'most = 1\napplies_to = { any_of = { sex = "male" } }\n'),
        (QUANTITY, "most = 1\n", 'most = 1\napplies_to = { drug = "drug" }\n'),
        (QUANTITY, "most = 1\n", "most = 1\nunless = { none_of = [] }\n"),
        (ON_FILE, "[-1, 0]", "[-1]"),
        (ON_FILE, "[-1, 0]", '["sometime", 0]'),
        (ON_FILE, "[-1, 0]", '[-1, "ever"]'),
        (ON_FILE, "window = [-1, 0]", 'drug = "drug", window = [-1, 0]'),
        (ON_FILE, "window = [-1, 0]", 'is = "yes", window = [-1, 0]'),
        (ON_FILE, "window = [-1, 0]", 'touches = "sky", window = [-1, 0]'),
        (ON_FILE, ", window = [-1, 0]", ""),
        (ON_FILE, "forbid", 'require = [{ diagnosis = "C50" }]\nforbid'),
        (SCHEDULE, '"28 days"', '"often"'),
        (SCHEDULE, "doses = 2", "doses = 0"),
        (WHO, '"female"', '"both"'),
        (AUTHORIZATION, '"12 months"', '"long"'),
        (AUTHORIZATION, '"12 months"', '[{ when = { sex = "male" } }]'),
    ],
)
def test_a_mistake_that_the_schema_can_see_is_refused_by_both(
    term: str, old: str, new: str
) -> None:
    text = HEAD + term.replace(old, new, 1)
    assert old in term
    assert not _parses(text)
    assert errors_of_text(text) != []


def test_every_field_of_the_schema_is_explained() -> None:
    schema = policy_file_schema()
    tables = {"": schema} | schema["$defs"]
    unexplained = [
        f"{name}.{field}"
        for name, table in tables.items()
        for field, part in table.get("properties", {}).items()
        if not part.get("description") and name != "age"
    ]
    assert unexplained == []


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object of a schema, however deep."""
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            yield from _parts(part)


def test_what_a_part_of_a_table_does_not_name_is_left_to_the_whole() -> None:
    """Tombi warns of every field that a part with properties does not name, unless it says so."""
    parts = [part["else"] for part in _parts(policy_file_schema()) if "else" in part]
    assert len(parts) == 8
    assert [
        part for part in parts if "properties" in part and not part["additionalProperties"]
    ] == []


def test_every_text_that_is_shared_by_tables_is_used() -> None:
    used = {
        name
        for table in policy_file_schema()["$defs"].values()
        for name, part in table.get("properties", {}).items()
        if name in ANYWHERE and part.get("description") == ANYWHERE[name]
    }
    assert used == ANYWHERE.keys()


def test_a_table_may_give_the_fields_that_a_term_leaves_out() -> None:
    term = 'table = "limits.csv"\n'
    text = f'{HEAD}[[quantity]]\nterm_id = "t"\n{term}{FINDING}'
    assert errors_of_text(text) == []
    assert errors_of_text(text.replace(term, "")) != []
