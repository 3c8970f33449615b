"""What draws, or writes spreadsheets and PDF, is imported only by runs that write them."""

import subprocess
import sys
from queue import SimpleQueue

import pytest

from flows import stages
from flows.memory_limits import DEFAULT
from tests.support.running import ROOT

WRITERS = {"altair", "vl_convert", "jinja2", "xlsxwriter", "fastexcel", "weasyprint"}
SLOW = WRITERS | {"pandas", "pandera", "prefect", "scipy", "svy"}
MODULES = "import sys; import {}; print(*{{name.partition('.')[0] for name in sys.modules}})"


@pytest.mark.parametrize(
    ("module", "others"),
    [
        ("flows.cli.server", {"duckdb", "polars", "pydantic", "cyclopts"}),
        ("flows.cli.app", {"duckdb", "pydantic"}),
        ("flows.stages", set()),
    ],
)
def test_a_run_that_writes_none_of_them_imports_none(module: str, others: set[str]) -> None:
    """What comes before the server is started imports no engine either."""
    program = [sys.executable, "-c", MODULES.format(module)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert imported & (SLOW | others) == set()
    assert module.partition(".")[0] in imported


@pytest.mark.parametrize("gib", [1.0, DEFAULT])
@pytest.mark.parametrize("writes", [(True, True), (True, False), (False, True)])
def test_with_less_memory_what_writes_is_not_imported_ahead(
    gib: float, writes: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead: SimpleQueue[tuple[bool, ...]] = SimpleQueue()
    monkeypatch.setattr(stages, "_import_ahead", lambda *asked: ahead.put(asked))
    stages.import_ahead(*writes, gib)
    assert ahead.get(timeout=60) == (writes if gib == DEFAULT else (False, False))
