"""The options: each with its help, each handed on to every flow, and those that change the results part of the run id."""

import io
import re
from dataclasses import replace
from inspect import signature
from pathlib import Path

import pytest
from rich.console import Console

from flows.cli.app import app
from flows.cli.options import Reports, Settings
from flows.plan import Request, plan
from tests.support.running import AS_OF

COMMANDS = [name for name in app if not name.startswith("-")]
ASKED = {"partition_by": "payer", "xlsx": True}
REQUEST = Request(None, Path("out"), Path("out/audit.duckdb"), AS_OF)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_its_help(command: str) -> None:
    wide = Console(width=250, file=io.StringIO(), force_terminal=False)
    app.help_print([command], console=wide)
    printed = wide.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    options = [
        line.strip("\u2502 *") for line in printed.splitlines() if re.search(r"\u2502[ *]+\S", line)
    ]
    named = {re.split(r"\s{2,}", option)[0]: option for option in options}
    assert (
        named
        and [name for name, option in named.items() if not re.search(r"\s{2,}\w", option)] == []
    )


def test_every_flow_takes_every_option() -> None:
    from flows.nightly import nightly_audit
    from flows.schedule import backfill, scheduled_night

    words = REQUEST.words().keys()
    assert signature(nightly_audit.fn).parameters.keys() == words | {"show_progress"}
    assert signature(scheduled_night.fn).parameters.keys() == words - {"as_of"}
    assert signature(backfill.fn).parameters.keys() == words - {"as_of", "input"} | {
        "nights",
        "first",
        "last",
    }


def test_words_are_what_was_asked_for(tmp_path: Path) -> None:
    settings = Settings(config=Path("c.toml"), policies=Path("p"), ndc_directory=Path("n"))
    request = Reports(output=Path("out"), **ASKED).request(tmp_path, AS_OF, settings)  # type: ignore[arg-type]
    expected = {
        "input": str(tmp_path),
        "output": "out",
        "warehouse": "out/audit.duckdb",
        "as_of": AS_OF.isoformat(),
        "config": "c.toml",
        "policies": "p",
        "ndc_directory": "n",
    }
    assert request.words() == request.words() | expected | ASKED
    assert request.words(absolute=True)["output"] == str(Path("out").resolve())


@pytest.mark.parametrize("option", ASKED)
def test_a_run_with_other_files_has_another_id(option: str, tmp_path: Path) -> None:
    (tmp_path / "audit.duckdb").touch()
    plain = plan(replace(REQUEST, output=tmp_path, warehouse=tmp_path / "audit.duckdb"))
    asked = replace(plain, request=replace(plain.request, **{option: ASKED[option]}))
    given = [None] * (len(signature(plain.run_id).parameters) - 1)
    assert plain.run_id([], *given) == replace(plain).run_id([], *given) != asked.run_id([], *given)  # type: ignore[arg-type]
