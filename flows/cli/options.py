"""Options of commands: those of `RunRequest`, generated, and those of decisions."""

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields
from inspect import Parameter as Argument
from inspect import Signature, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

from cyclopts import Parameter

from flows.request import RunRequest

C = TypeVar("C", bound=Callable[..., object])


def options_of_a_run(
    *names: str, without: tuple[str, ...] = (), request: type[RunRequest] = RunRequest
) -> Callable[[C], C]:
    """Replace the `**options` of a command by options of `RunRequest`: those named, else all.

    The command is called with the options that were given. It makes a `RunRequest` of them, which
    adds the defaults.
    """
    types = get_type_hints(request)
    chosen = [f for f in fields(request) if f.name in (names or types) and f.name not in without]
    generated = [_argument(f, types[f.name]) for f in chosen]

    def replace(command: C) -> C:
        own = signature(command)
        kept = [a for a in own.parameters.values() if a.kind is not Argument.VAR_KEYWORD]
        arguments = sorted([*generated, *kept], key=_place)
        vars(command)["__signature__"] = Signature(arguments)
        command.__annotations__ |= {a.name: a.annotation for a in generated}
        return command

    return replace


def _argument(field: Field[Any], type_: Any) -> Argument:
    """The keyword of an option; None stands for a default that is made anew for each run."""
    default = Argument.empty if field.default is MISSING else field.default
    if field.default_factory is not MISSING:
        type_, default = type_ | None, None
    annotation = Annotated[type_, Parameter(help=field.metadata["help"])]
    return Argument(field.name, Argument.KEYWORD_ONLY, annotation=annotation, default=default)


def _place(argument: Argument) -> tuple[int, bool]:
    """Arguments by position come first, then required options."""
    return argument.kind, argument.default is not Argument.empty


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DecisionOptions:
    """What a person decides about exceptions, and who says so."""

    warehouse: Path
    """the warehouse whose ledger is meant"""

    by: str | None = None
    """who decides (a CSV may say it in each row)"""

    reason: str | None = None
    """why (a CSV may give its own in a column reason, a work-paper in disposition_reason)"""

    file: Annotated[
        Path | None,
        Parameter(
            help="a CSV of decisions (exception_id, action, amount, reason, decided_by, "
            "decided_on, until), or a work-paper: exceptions.xlsx of a run, with dispositions"
        ),
    ] = None
