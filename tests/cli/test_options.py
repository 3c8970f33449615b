"""Every option exists once, in `RunRequest`: commands, flows and the run id follow from it."""

import io
import re
from dataclasses import MISSING, fields, replace
from datetime import date
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_type_hints

import pytest
from cyclopts.argument import Argument
from rich.console import Console

from flows.cli import run as commands
from flows.cli.app import app, main
from flows.cli.ask import explain
from flows.plan import plan
from flows.request import RunRequest, option
from tests.support.running import AS_OF

COMMANDS = [name for name in app if not name.startswith("-")]
OPTIONS = {f.name: f for f in fields(RunRequest)}
TYPES = get_type_hints(RunRequest)
LEFT_OUT = {"run": set(), "serve": {"as_of"}, "backfill": {"as_of", "input"}}
"""Command -> options that it gives a value itself: the date of each night, and its folder."""
SHARED = {
    "validate": {"config", "as_of"},
    "explain": {"config", "policies", "ndc_directory"},
    "compare": {"config", "ndc_directory"},
}
IN_RUN_ID = [name for name, f in OPTIONS.items() if f.metadata["in_run_id"]]
REQUEST = RunRequest(output=Path("out"), as_of=AS_OF)


def _arguments(command: str) -> dict[str, Argument]:
    """Option in Python's spelling -> its argument on the command line."""
    found = app[command].assemble_argument_collection(parse_docstring=True)
    return {a.name.removeprefix("--").replace("-", "_"): a for a in found}


def _another(name: str) -> Any:
    """A value of an option other than its default."""
    type_, default = TYPES[name], OPTIONS[name].default
    if isinstance(default, bool) or bool in get_args(type_):
        return not default
    choices = [c for t in (type_, *get_args(type_)) for c in get_args(t) if isinstance(c, str)]
    return next((c for c in choices if c != default), Path("elsewhere"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_its_help(command: str) -> None:
    wide = Console(width=250, file=io.StringIO(), force_terminal=False)
    app.help_print([command], console=wide)
    printed = wide.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    options = [
        line.strip("\u2502 *") for line in printed.splitlines() if re.search(r"\u2502[ *]+\S", line)
    ]
    named = {re.split(r"\s{2,}", line)[0]: line for line in options}
    assert named
    assert [name for name, line in named.items() if not re.search(r"\s{2,}\w", line)] == []


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize("command", LEFT_OUT)
def test_a_command_has_every_option_of_a_run(command: str) -> None:
    assert OPTIONS.keys() - _arguments(command).keys() == LEFT_OUT[command]


@pytest.mark.parametrize("command", [*LEFT_OUT, *SHARED])
def test_help_type_and_default_are_those_of_the_request(command: str) -> None:
    arguments = _arguments(command)
    for name in SHARED.get(command, OPTIONS.keys() - LEFT_OUT.get(command, set())):
        given, option_ = arguments[name], OPTIONS[name]
        assert given.parameter.help == option_.metadata["help"]
        is_made = option_.default_factory is not MISSING
        assert given.hint == (TYPES[name] | None if is_made else TYPES[name])
        has_default = option_.default is not MISSING
        assert not has_default or given.field_info.default == option_.default
        assert given.required == (not has_default and not is_made)


def test_a_command_without_options_asks_for_the_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[RunRequest] = []
    (tmp_path / "audit.duckdb").touch()
    monkeypatch.setattr(commands, "_run_flow", lambda made, **_more: asked.append(made.request))
    assert main(["run", "--quiet", "--output", str(tmp_path), "--as-of", AS_OF.isoformat()]) == 0
    assert asked == [RunRequest(output=tmp_path, as_of=AS_OF)]


def test_a_field_more_is_an_option_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new field changes the options of commands, the parameters of flows, and the run id."""
    from dataclasses import dataclass

    from pydantic import TypeAdapter

    from flows.cli import options

    @dataclass(frozen=True, kw_only=True)
    class Wider(RunRequest):
        paper: Literal["a4", "letter"] = option("the paper", "a4", in_run_id=True)

    @options.options_of_a_run(request=Wider)
    def command(**_options: Any) -> None: ...

    assert signature(command).parameters["paper"].default == "a4"
    schema = TypeAdapter(Wider).json_schema()["properties"]["paper"]
    assert (schema["description"], schema["default"]) == ("the paper", "a4")
    assert Wider(output=Path()).run_id_parts() == []
    assert Wider(output=Path(), paper="letter").run_id_parts() == ["paper letter"]
    assert Wider(output=Path()).as_parameters()["paper"] == "a4"


# ---------------------------------------------------------------- flows


def test_every_flow_takes_the_request() -> None:
    from flows.nightly import nightly_audit
    from flows.schedule import backfill, scheduled_night

    for flow in (nightly_audit, scheduled_night, backfill):
        assert signature(flow.fn).parameters["request"].annotation is RunRequest
        shown = flow.parameters.definitions["RunRequest"]
        assert shown["properties"].keys() == OPTIONS.keys()
        assert shown["required"] == ["output"] and shown["additionalProperties"] is False
        for name, option_ in OPTIONS.items():
            assert shown["properties"][name]["description"] == option_.metadata["help"]
            if option_.default is not MISSING:
                assert shown["properties"][name]["default"] == option_.default


def test_parameters_are_the_request_as_json() -> None:
    from flows.schedule import scheduled_night

    request = replace(REQUEST, **{name: _another(name) for name in IN_RUN_ID})
    parameters = request.as_parameters()
    assert parameters.keys() == OPTIONS.keys()
    assert (parameters["output"], parameters["as_of"]) == ("out", AS_OF.isoformat())
    assert scheduled_night.validate_parameters({"request": parameters}) == {"request": request}
    assert request.as_parameters(absolute=True)["output"] == str(Path("out").resolve())
    del parameters["as_of"]
    tonight = scheduled_night.validate_parameters({"request": parameters})["request"]
    assert tonight == replace(request, as_of=date.today())


def test_the_flow_plans_only_if_nobody_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command line plans before Prefect starts; a deployment's run plans in the flow."""
    from flows import nightly

    (tmp_path / "audit.duckdb").touch()
    made = plan(replace(REQUEST, output=tmp_path))
    flow, used = nightly.nightly_audit.fn, []

    def audit(made: object, _show_progress: bool) -> SimpleNamespace:
        used.append(made)
        return SimpleNamespace(state="Completed", quarantined=0)

    monkeypatch.setattr(nightly, "nightly_audit", flow)
    monkeypatch.setattr(nightly, "plan_run", lambda request: ("planned here", request))
    monkeypatch.setattr(nightly, "_audit", audit)
    nightly.audit(made, show_progress=False)
    flow(made.request)
    assert used == [made, ("planned here", made.request)]


# ---------------------------------------------------------------- the run id


def test_the_run_id_holds_every_option_that_changes_files() -> None:
    assert IN_RUN_ID == ["partition_by", "xlsx", "page", "privacy"]


@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - {"as_of", "input", "output", "warehouse"}))
def test_a_run_with_other_files_has_another_id(name: str, tmp_path: Path) -> None:
    (tmp_path / "audit.duckdb").touch()
    plain = plan(replace(REQUEST, output=tmp_path))
    asked = replace(plain, request=replace(plain.request, **{name: _another(name)}))
    assert plain.run_id() == replace(plain).run_id()
    assert (asked.run_id() != plain.run_id()) == (name in IN_RUN_ID)


# ---------------------------------------------------------------- ids that look like options


@pytest.mark.parametrize("claim_id", ["-7", "-", "--7", "-X-1"])
@pytest.mark.parametrize("before", [[], ["--line", "2"]])
def test_a_claim_id_may_begin_with_a_hyphen(claim_id: str, before: list[str]) -> None:
    for words in ([*before, claim_id], [claim_id, *before]):
        command, bound, _ = app.parse_args(["explain", "--warehouse", "w", *words])
        assert command is explain
        assert bound.arguments["claim_id"] == claim_id
        assert bound.arguments.get("line") == (2 if before else None)


# ---------------------------------------------------------------- wrong arguments


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["audit"], "Unknown command. Commands: "),
        (["rules", "QTY01", "DX01"], "Too many arguments."),
        (["lint", "--strict"], "Unknown option."),
        (["explain", "-line", "2", "7", "--warehouse", "w"], "Too many arguments, or an unknown "),
        (["run"], "--output is missing."),
        (["run", "--output"], "--output needs a value."),
        (["run", "--output", "o", "--output", "p"], "--output is given twice."),
        (["run", "--output", __file__], "--output 'test_options.py' is a file. Name a folder."),
        (["rules", "--policies", "p"], "--policies and --warehouse go with --coverage"),
        (
            ["backfill", "--nights=n", "--output=o", "--first=2026-06-30", "--last=2026-06-29"],
            "--last is before --first.",
        ),
        (["explain", "1", "--warehouse", "w", "--line", "secret"], "--line is not valid."),
        (["run", "--output", "o", "--as-of", "secret"], "--as-of is a date, YYYY-MM-DD."),
        (["run", "--output", "o", "--memory", "secret"], "--memory is a number without a unit."),
        (["lint", "--as-of", "secret"], "--as-of is a date, YYYY-MM-DD."),
        (["purge", "--warehouse", "w", "--before", "secret"], "--before is a date, YYYY-MM-DD."),
        (["run", "--output", "o", "--privacy", "secret"], "--privacy is one of full, pseudonym"),
    ],
)
def test_wrong_arguments_are_named_and_not_repeated(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "secret" not in printed.err
    assert printed.err.startswith(f"claims-audit: {says}")


def test_wrong_arguments_are_one_json_object_for_schedulers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", "--json", "--output", "o", "--as-of", "June"]) == 2
    assert '"exit_code": 2' in capsys.readouterr().out
