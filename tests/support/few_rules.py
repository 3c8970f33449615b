"""Runs that ask few rules: each night of theirs is shorter by a fifth."""

from collections.abc import Iterator
from typing import Any

import pytest

from audit_rules.rules import CATALOGUE
from flows import stages
from flows.judging.judge_part import Job


def ask_few(monkeypatch: pytest.MonkeyPatch, *rule_ids: str) -> None:
    """Let runs ask few rules, here and on workers."""
    few = tuple(module for module in CATALOGUE if module.RULE.id in rule_ids)
    assert len(few) == len(rule_ids)
    monkeypatch.setattr(stages, "CATALOGUE", few)
    monkeypatch.setattr(Job.judge_part, "__defaults__", (few,))


def asking_few(*rule_ids: str) -> Any:
    """A fixture for a module of tests to which it does not matter which rules find something."""

    @pytest.fixture(scope="module", autouse=True)
    def few_rules() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patched:
            ask_few(patched, *rule_ids)
            yield

    return few_rules
