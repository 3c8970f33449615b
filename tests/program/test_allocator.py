"""Polars gives freed memory back soon, unless whoever runs it wants otherwise."""

import os
import subprocess
import sys

import pytest

from flows import ALLOCATOR as SETTING
from flows import KEEPS_LITTLE
from flows.memory_limits import save_memory
from tests.support.running import ROOT

AHEAD = "POLARS_ROW_GROUP_PREFETCH_SIZE"
PROGRAM = "import {}, os; os.environ['" + SETTING + "'] += ',stats_print:true'; import polars"


@pytest.mark.parametrize(
    ("module", "asked", "dirty", "muzzy"),
    [
        ("flows.start", None, 200, 0),
        ("flows.judging.part_worker", None, 200, 0),
        ("flows", "muzzy_decay_ms:7", 500, 7),
    ],
)
def test_the_allocator_of_polars_keeps_freed_memory_no_longer_than_asked(
    module: str, asked: str | None, dirty: int, muzzy: int
) -> None:
    """Its statistics, printed at the end, name the settings with which it worked."""
    environment = {name: value for name, value in os.environ.items() if name != SETTING}
    if asked:
        environment[SETTING] = asked
    program = [sys.executable, "-c", PROGRAM.format(module)]
    said = subprocess.run(
        program, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, check=True
    ).stderr
    assert f"opt.dirty_decay_ms: {dirty} " in said
    assert f"opt.muzzy_decay_ms: {muzzy} " in said


@pytest.mark.parametrize(
    ("arguments", "dirty", "ahead"),
    [
        (["run", "--input", "in"], "200", None),
        (["run", "--memory", "1"], "0", "1"),
        (["backfill", "--memory=3.9", "--input", "in"], "0", "1"),
        (["run", "--memory", "4"], "200", None),
        (["run", "--memory"], "200", None),
        (["run", "--memory", "little"], "200", None),
        (["run", "--input", "1"], "200", None),
    ],
)
def test_with_less_memory_polars_keeps_nothing_and_reads_little_ahead(
    arguments: list[str], dirty: str, ahead: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, KEEPS_LITTLE)
    monkeypatch.setenv(AHEAD, "1")
    monkeypatch.delenv(AHEAD)
    save_memory(arguments)
    assert os.environ[SETTING] == f"dirty_decay_ms:{dirty},muzzy_decay_ms:0"
    assert os.environ.get(AHEAD) == ahead


def test_what_the_environment_asks_of_polars_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {SETTING: "muzzy_decay_ms:7", AHEAD: "5"}
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    save_memory(["run", "--memory", "1"])
    assert {name: os.environ[name] for name in asked} == asked


def test_the_command_line_saves_memory_before_polars_is_imported() -> None:
    program = """
import os, sys
from flows import start
start._call = lambda *_: print(os.environ[sys.argv[1]], 'polars' in sys.modules) or 0
start._work(['run', '--memory', '1'], *os.pipe())
sys.stdout.flush()
os._exit(0)
"""
    environment = {name: value for name, value in os.environ.items() if name != SETTING}
    done = subprocess.run(
        [sys.executable, "-c", program, SETTING],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["dirty_decay_ms:0,muzzy_decay_ms:0", "False"]
