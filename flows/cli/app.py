"""The command line: arguments, errors and exit codes. A run prints no row content."""

import os
import signal
import sys
from datetime import date

from cyclopts import (
    App,
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    Parameter,
    RepeatArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)
from cyclopts.argument import Argument

from audit_rules.errors import AuditError
from flows.cli.ask import compare, explain, lint, rules
from flows.cli.completion import offer_completion
from flows.cli.decide import decide, dismiss, packet, reopen, verify
from flows.cli.ledger import ledger
from flows.cli.letters import letters
from flows.cli.policy import policy
from flows.cli.remove import forget_night, purge
from flows.cli.review import review
from flows.cli.run import backfill, run, serve, validate
from flows.cli.sampling import estimate, sample
from flows.cli.server import keep_prefect_quiet
from flows.errors import UsageError, redacted_errors
from flows.process import work_privately
from flows.provenance import program_version
from flows.signals import STOPPED
from flows.streams import say

keep_prefect_quiet()

COMMANDS = (
    *(run, serve, backfill, validate, purge, forget_night),
    *(rules, explain, compare, lint),
    *(review, decide, dismiss, reopen, ledger, packet, letters, sample, estimate, verify),
)
ANSWERING = tuple(command.__name__ for command in (rules, explain, compare, lint, verify))
"""Commands whose only result is what they print."""

app = App(
    name="claims-audit",
    help="Audit paid drug claims against payers' policies.",
    version=program_version,
    default_parameter=Parameter(negative_iterable=()),  # no --empty-NAME
)
for _command in COMMANDS:
    app.command(_command)
app.command(policy)
offer_completion(app)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    work_privately()
    answer = None
    try:
        with redacted_errors():
            answer = _call(sys.argv[1:] if arguments is None else arguments)
    except AuditError as error:
        say(f"claims-audit: {error}", on_error=True)
        return error.exit_code
    except KeyboardInterrupt:  # without a watcher, which says it otherwise
        print("claims-audit: Stopped by Ctrl-C.", file=sys.stderr)
        return STOPPED + signal.SIGINT
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return answer if isinstance(answer, int) else 0


def _call(arguments: list[str]) -> object:
    """Parse the arguments and run the command. Raises UsageError, and what the command raises."""
    try:
        return app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        refusal = UsageError(_misuse(error, arguments))
    if arguments[0] == run.__name__ and "--json" in arguments:
        from flows.cli.terminal import failure_as_json

        print(failure_as_json(refusal.exit_code, str(refusal)))
    raise refusal


def _misuse(error: CycloptsError, arguments: list[str]) -> str:
    """What is wrong with the arguments, without repeating them."""
    if isinstance(error, UnknownCommandError):
        group = app[policy.name[0]] if arguments[0] in policy.name else app
        return f"Unknown command. Commands: {', '.join(n for n in group if not n.startswith('-'))}."
    return f"{_wrong_argument(error)} See claims-audit --help."


def _wrong_argument(error: CycloptsError) -> str:
    argument = error.argument
    if isinstance(error, MissingArgumentError) and argument is not None:
        given = error.keyword is not None or argument.tokens
        return f"{argument.name} {'needs a value' if given else 'is missing'}."
    if isinstance(error, RepeatArgumentError):
        return f"{error.token.keyword} is given twice."
    if isinstance(error, CoercionError) and argument is not None:
        return f"{argument.name} is {_expected(argument)}."
    if isinstance(error, UnknownOptionError):
        return "Unknown option."
    if isinstance(error, UnusedCliTokensError):
        is_explain = explain.__name__ in (error.command_chain or ())
        # a claim id may begin with hyphens, so an unknown option was taken for one
        return f"Too many arguments{', or an unknown option' if is_explain else ''}."
    return "Invalid arguments."


def _expected(argument: Argument) -> str:
    """What an argument should have been."""
    if argument.hint in (date, date | None):
        return "a date, YYYY-MM-DD"
    if argument.hint is float:
        return "a number without a unit"
    choices = argument.get_choices()
    return f"one of {', '.join(choices)}" if choices else "not valid"
