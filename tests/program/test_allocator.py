"""Polars gives freed memory back soon, unless whoever runs it wants otherwise."""

import os
import subprocess
import sys

import pytest

from tests.support.running import ROOT

SETTING = "_RJEM_MALLOC_CONF"
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
