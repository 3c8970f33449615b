"""The rule that CONTRIBUTING.md shows works as written, and answers as the case file next to it
says."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from audit_rules.rules import CATALOGUE
from tests.support.case_files import parse_cases
from tests.support.case_runs import CaseRuns, variants
from tests.support.running import ROOT

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def _block(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = tmp_path / "rule_of_the_guide.py"
    path.write_text(_block("python"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_rule_of_the_guide_answers_as_its_cases_say(rule: ModuleType, tmp_path: Path) -> None:
    file = parse_cases(_block("markdown"), "CONTRIBUTING.md")
    runs = CaseRuns(file.cases, tmp_path)
    for case in file.cases:
        for variant in variants(case):
            assert runs.problems(case, variant, rule) == []
    expected = {word for answer in file.answers() for word in answer if word}
    assert {word for word in expected if word not in (rule.__doc__ or "")} == set()


def test_no_rule_has_the_id_or_the_name_of_the_rule_of_the_guide(rule: ModuleType) -> None:
    """A contributor who adds it must not meet a rule or a case file that is there already."""
    assert rule.RULE.id not in {m.RULE.id for m in CATALOGUE}
    assert rule.RULE.name not in {m.RULE.name for m in CATALOGUE}
    assert parse_cases(_block("markdown")).rule_id == rule.RULE.id
