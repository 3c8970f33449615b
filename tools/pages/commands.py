"""docs/commands.md, from the command line itself: commands, options and exit codes."""

from importlib import import_module
from inspect import Parameter, cleandoc
from pkgutil import walk_packages

from cyclopts import App
from cyclopts.argument import Argument

import flows
from audit_rules.errors import AuditError
from flows.cli.app import app
from flows.cli.ask import DEFECTS_FOUND
from flows.signals import STOPPED, STOPS

_OPENING = """\
# Commands

Generated from the command line; `claims-audit --help` and `claims-audit COMMAND --help` print the
same. `claims-audit --install-completion` installs completion for your shell. `python -m flows` is
the same program.

| command | what it does |
| --- | --- |
"""
_EXIT_CODES = """\
## Exit codes

| code | meaning |
| --- | --- |
"""
_FIXED_CODES = {
    0: "Finished",
    DEFECTS_FOUND: (
        "`lint` found defects of severity error, or `policy test` a case that is not as expected"
    ),
    **{STOPPED + number: f"Stopped by {name}" for number, name in STOPS.items()},
}


def commands() -> str:
    """The whole page."""
    named = every_command(app)
    overview = [
        f"| [`{name}`](#{name.replace(' ', '-')}) | {_first_line(c)} |\n"
        for name, c in named.items()
    ]
    return "\n".join(
        [
            _OPENING + "".join(overview),
            *(_section(name, command) for name, command in named.items()),
            _EXIT_CODES + "".join(f"| {code} | {text} |\n" for code, text in exit_codes()),
        ]
    )


def every_command(group: App, before: str = "") -> dict[str, App]:
    """Every command by its name; those of a group have the group's name before theirs."""
    found: dict[str, App] = {}
    for name in sorted(n for n in group if not n.startswith("-")):
        command = group[name]
        inner = every_command(command, f"{before}{name} ")
        found |= inner or {f"{before}{name}": command}
    return found


def exit_codes() -> list[tuple[int, str]]:
    """Each exit code and what it means: of an error class, the first sentence of its docstring."""
    for module in walk_packages(flows.__path__, "flows."):
        if module.name != "flows.__main__":
            import_module(module.name)  # so that every error class exists
    kinds = [AuditError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    own = [kind for kind in kinds[1:] if "exit_code" in vars(kind)]
    texts = {kind.exit_code: _sentence(kind.__doc__) for kind in own}
    return sorted((_FIXED_CODES | texts).items())


def _sentence(docstring: str | None) -> str:
    """The first sentence without its full stop."""
    first_line = cleandoc(docstring or "").partition("\n\n")[0].replace("\n", " ")
    return first_line.partition(". ")[0].removesuffix(".")


def _description(command: App) -> str:
    return cleandoc(command.help).partition("\n\nParameters\n")[0]


def _first_line(command: App) -> str:
    return _cell(_description(command).partition("\n\n")[0].replace("\n", " "))


def _section(name: str, command: App) -> str:
    arguments = [
        a
        for a in command.assemble_argument_collection(parse_docstring=True)
        if a.show and not a.children
    ]
    arguments.sort(key=lambda a: (a.index is None, not a.required))  # by position come first
    usage = " ".join(["claims-audit", name, *filter(None, map(_usage, arguments))])
    if any(a.index is None and not a.required for a in arguments):
        usage += " [options]"
    rows = "".join(f"| {_names(a)} | {_meaning(a)} |\n" for a in arguments)
    options = f"\n| option | meaning |\n| --- | --- |\n{rows}" if rows else ""
    return f"## {name}\n\n{_description(command)}\n\n```\n{usage}\n```\n{options}"


def _placeholder(argument: Argument) -> str:
    return argument.name.lstrip("-").upper().replace("-", "_")


def _usage(argument: Argument) -> str:
    """The argument in the line of usage; nothing for an option that may be left out."""
    if argument.index is None:
        words = (w.upper() for w in ("Path", "date") if w in str(argument.hint))
        value = next(words, "VALUE")
        return f"{argument.name} {value}" if argument.required else ""
    name = _placeholder(argument)
    if argument.field_info.kind is Parameter.VAR_POSITIONAL:
        name += " ..."
    return name if argument.required else f"[{name}]"


def _names(argument: Argument) -> str:
    if argument.index is not None:
        return f"`{_placeholder(argument)}`"
    switches_off = set(argument.negatives)
    if argument.field_info.default is False or switches_off == {f"--empty-{argument.name[2:]}"}:
        return f"`{argument.name}`"
    return ", ".join(f"`{name}`" for name in argument.names)


def _meaning(argument: Argument) -> str:
    text = _cell(argument.parameter.help or "")
    choices, default = argument.get_choices(), argument.field_info.default
    if choices:
        text += f"; one of {', '.join(f'`{choice}`' for choice in choices)}"
    if argument.required:
        return f"**required**: {text}"
    is_shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    return f"{text} (default: `{default}`)" if is_shown and "(default" not in text else text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
