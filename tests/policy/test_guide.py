"""The guide to writing a policy: every document that it shows loads, and its cases hold."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_rules.policy.document import PolicyFile, parse_policy
from flows.replay.policy_cases import run_cases
from tests.support.guide import GUIDE, guide_files

DOCUMENTS = ("approvals", "dosing", "limits", "sites", "steps")


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guide")
    assert tuple(p.name for p in guide_files(folder)) == DOCUMENTS
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_cases_of_a_document_are_as_the_guide_says(name: str, guide: Path) -> None:
    results = list(run_cases(guide / name))
    assert results and all(r.findings for r in results)
    assert [(r.name, r.differences) for r in results if r.differences] == []


def test_every_block_of_the_guide_is_a_file_of_a_document(guide: Path) -> None:
    blocks = GUIDE.read_text(encoding="utf-8").count("```") // 2
    assert len([p for p in guide.rglob("*") if p.is_file()]) == blocks


FIELDS = re.compile(r"`([a-z_]+ = (?:[^`]|\n)+)`")


def _snippets() -> Iterator[str]:
    yield from FIELDS.findall(GUIDE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", [t for t in _snippets() if "FILE" not in t])
def test_every_field_that_the_guide_quotes_is_toml(text: str) -> None:
    assert tomllib.loads(" ".join(text.split()))


def test_the_guide_shows_every_kind_of_term(guide: Path) -> None:
    kinds = set()
    for path in guide.rglob("*.toml"):
        text = path.read_text(encoding="utf-8")
        file = PolicyFile(path.name, path.parent, tomllib.loads(text), "")
        kinds |= {t.kind for t in parse_policy(file).terms}
    assert len(kinds) == 8
