"""Start the program: one process works, another watches it, and ends it when it has to end.

The worker can be anywhere when a signal comes: in a query, in a rule, in Prefect. So it is not
asked to end in order, but killed, which harms no warehouse. The watcher then removes what the
worker leaves, waits until its children are gone, and says why in a sentence. It does the same if
the worker waits too long for Prefect, crashes, or runs out of memory.

Signals are held back before anything large is imported, so none is lost once the interpreter has
started. One that comes in those first hundredths of a second ends the interpreter itself.
"""

import atexit
import os
import signal
import sys

from flows.memory_limits import save_memory
from flows.signals import CRASHED, ENDS_IN_ORDER, STOPS, UNTIL_STOPPED, WITH_PREFECT

TYPE_CHECKING = False  # importing it from typing would take longer than all that is imported here
if TYPE_CHECKING:
    from flows.streams import Stream

_STANDARD_ERROR = 2


def entry() -> None:
    """The console script."""
    stops = [n for n in STOPS if signal.getsignal(n) is not signal.SIG_IGN]
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    _open_descriptors()
    arguments = sys.argv[1:]
    reports, pipe = os.pipe()
    answers, agrees = os.pipe()
    worker = os.fork()
    if worker:
        for descriptor in (pipe, answers):
            os.close(descriptor)
        os._exit(_watch(worker, reports, agrees, stops))
    for descriptor in (reports, agrees):
        os.close(descriptor)
    if _is_one_of(ENDS_IN_ORDER, arguments):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
    codes: list[int] = []
    atexit.register(_leave, codes)  # the first to be registered is the last to be called
    codes.append(_work(arguments, pipe, answers))
    sys.exit(codes[0])


def _is_one_of(commands: tuple[str, ...], arguments: list[str]) -> bool:
    return arguments[:1] != [] and arguments[0] in commands


def _leave(codes: list[int]) -> None:
    """End without tidying up a memory that the system frees at once: that takes half a second."""
    if codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(codes[0])


def _open_descriptors() -> None:
    """Let a closed standard stream be the null device.

    Otherwise the next file that is opened, a warehouse say, would get what is printed.
    """
    null = os.open(os.devnull, os.O_RDWR)
    while null <= _STANDARD_ERROR:
        os.set_inheritable(null, True)
        null = os.open(os.devnull, os.O_RDWR)
    os.close(null)


def _watch(worker: int, reports: int, agrees: int, stops: list[signal.Signals]) -> int:
    """Watch the worker to its end; returns the exit code."""
    heard, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (*stops, signal.SIGCHLD):
        signal.signal(number, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, stops)
    from flows.streams import open_streams
    from flows.watch import Watch

    out = open_streams()
    code = Watch(worker, reports, agrees, heard, sys.argv[1:]).code()
    out.flush()
    return code


def _work(arguments: list[str], pipe: int, answers: int) -> int:
    """Run the command line, as the worker; returns the exit code, which it has reported."""
    import warnings

    from flows import ending
    from flows.process import collect_rarely
    from flows.streams import mute_engines, open_streams

    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # they are for those who write the program
    collect_rarely()
    out = open_streams()
    ending.report_to(pipe, answers)
    if _is_one_of(UNTIL_STOPPED, arguments) or not _is_one_of(ENDS_IN_ORDER, arguments):
        mute_engines()
    save_memory(arguments)
    code = _call(arguments, out)
    ending.returns(code)
    return code


def _call(arguments: list[str], out: "Stream") -> int:
    """Run the command line, and report an answer that could not be printed."""
    try:
        if _is_one_of(WITH_PREFECT, arguments) and not {"--help", "-h"} & set(arguments):
            from flows.cli import server

            server.start_at_once()
        from flows.cli.app import ANSWERING, main
        from flows.errors import DiskTrouble
    except (ImportError, MemoryError, OSError, SystemError) as error:
        print(
            f"claims-audit: The program could not be loaded ({type(error).__name__}): there is too "
            "little memory, or a part is missing. Free memory, or install it again.",
            file=sys.stderr,
        )
        return CRASHED

    code = main(arguments)
    trouble = out.lost()
    if code or trouble is None or isinstance(trouble, BrokenPipeError):
        return code
    if arguments[:1] and arguments[0] in ANSWERING:
        print("claims-audit: The answer could not be printed on standard output.", file=sys.stderr)
        return DiskTrouble.exit_code
    print("claims-audit: All is done, but standard output could not be written.", file=sys.stderr)
    return 0
