"""What every process that audits does first, whichever way it was started."""

import gc
import os
import pwd
import resource


def work_privately() -> None:
    """Make new files the owner's alone, forbid core dumps, and turn off Prefect's telemetry.

    Called wherever work begins: by the command line and by the flow, so that a run of a Prefect
    worker is as private as one of the command line.
    """
    os.umask(0o077)
    _, hardest = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hardest))  # a core would hold rows
    os.environ |= {"DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}


def collect_rarely() -> None:
    """Look for cycles among new objects less often.

    Importing a hundred thousand objects that stay would be interrupted a hundred times by a search
    through those before them, which takes a fifth of the time.
    """
    gc.set_threshold(100_000)


def address_limit() -> str | None:
    """How much memory this process may address (ulimit -v), in words; None without a limit."""
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if most == resource.RLIM_INFINITY else f"{most / 2**20:,.0f} MiB (ulimit -v)"


def system_user() -> str:
    """The operating system's name of the user who runs this process, else the number."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
