"""Prefect's temporary server: started with a limit, and tied to this process."""

import atexit
import os
import resource
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from flows import ending, prefect_server
from flows.clock import seconds
from flows.errors import PrefectTrouble
from flows.process import work_privately

PATIENCE = "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"
"""Prefect's own setting for how long its temporary server may take to start."""
_PATIENCE = 60.0  # seconds, if it is not set
_FEWEST_FILES, _ENOUGH_FILES = 64, 1024  # files that a run with its server needs, and may need
_PROXIES = {f"{kind}_proxy" for kind in ("all", "http", "https", "ws", "wss")}
_STEP = 0.2  # seconds between two looks at the server's process
_LONGEST_END = 5.0  # seconds
_OF_A_TEMPORARY_SERVER = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    # runs and task runs are recorded; no automation acts on them, and nobody watches
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "0",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "0",
    # no run uses a block; a server that stays registers them when it finds none
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "0",
    "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "0",
}

_QUIET = {
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_INTERNAL_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_ROOT_LEVEL": "CRITICAL",  # of what it warns of while the program ends
}


def keep_prefect_quiet() -> None:
    """Let Prefect and its server log nothing but what ends them, unless the environment says so."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def patience() -> float:
    """How many seconds Prefect may take to start, or to answer between two stages."""
    try:
        return float(os.environ[PATIENCE])
    except (KeyError, ValueError):
        return _PATIENCE


def remedy() -> str:
    """What to do if Prefect cannot start or record a run, for a reason that it does not give."""
    if os.environ.get("PREFECT_API_URL"):
        return (
            "Check that the server of PREFECT_API_URL runs, can be reached, and is of a version "
            "that goes with this one; then run again."
        )
    return (
        "Check that Prefect's folder (PREFECT_HOME, or .prefect in HOME) can be written and has "
        "room; if it is damaged or of another version, name an empty one with PREFECT_HOME. Then "
        "run again."
    )


def no_answer() -> PrefectTrouble:
    """What to report if Prefect takes longer."""
    return PrefectTrouble(
        f"Prefect could not start or record the run: no answer for {patience():.0f} seconds. If "
        f"the machine is busy, run again, or give it longer with {PATIENCE}; if PREFECT_API_URL is "
        "set, check that server."
    )


def prepare() -> None:
    """Refuse at once what would keep Prefect from starting. Raises PrefectTrouble."""
    fewest, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < _FEWEST_FILES:
        raise PrefectTrouble(
            f"Prefect could not start or record the run: this process may open {most} files, and "
            f"needs {_FEWEST_FILES}. Raise that limit (ulimit -n)."
        )
    if fewest != resource.RLIM_INFINITY and fewest < _ENOUGH_FILES:
        enough = _ENOUGH_FILES if most == resource.RLIM_INFINITY else min(_ENOUGH_FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, most))
    if "PREFECT_API_URL" in os.environ:
        return
    home = _home()
    # a user who may make the folder of HOME did not ask for it
    if not os.environ.get("PREFECT_HOME") and not home.parent.is_dir():
        raise PrefectTrouble(
            "Prefect could not start or record the run: HOME is not a folder, so there is no place "
            "for Prefect's. Name one with PREFECT_HOME."
        )
    try:
        home.mkdir(parents=True, exist_ok=True)
        can_write = os.access(home, os.W_OK | os.X_OK)
    except OSError:
        can_write = False
    if not can_write:
        raise PrefectTrouble(
            "Prefect could not start or record the run: its folder, .prefect in HOME, cannot be "
            "written. Name another with PREFECT_HOME."
        )


def _home() -> Path:
    """Prefect's folder. Raises RuntimeError if this user has no home."""
    return Path(os.environ.get("PREFECT_HOME") or "~/.prefect").expanduser()


def start_at_once() -> None:
    """Start Prefect's temporary server before the command line is read.

    Only in a folder that Prefect has: a command that is refused then makes none.
    """
    with suppress(RuntimeError):
        if _home().is_dir():
            start_early()


def start_early() -> None:
    """Start Prefect's temporary server, unless the environment names one or it cannot start.

    It takes seconds to start, and meanwhile this process plans the run and imports Prefect.
    """
    if "PREFECT_API_URL" in os.environ or _Own.server:
        return
    work_privately()
    keep_prefect_quiet()
    with suppress(PrefectTrouble, OSError):  # reported when the server is needed
        prepare()
        _Own.server = _started()


@contextmanager
def served() -> Iterator[bool]:
    """Give the runs of the block a server: the configured one, else a temporary one.

    Prefect would start one that outlives a run that is killed, would wait for it even after it has
    failed, and would import all that a server needs. Yields whether the server outlives this
    process. Raises PrefectTrouble.
    """
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_CLIENT_CSRF_SUPPORT_ENABLED,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    api = PREFECT_API_URL.value()
    if not api or _is_this_machine(urlsplit(api).hostname or ""):
        _leave_proxies_out()
    if api:
        if _Own.server:
            _Own.server.process.kill()  # a profile of Prefect's names another
        yield True
        return
    server = _Own.server = _Own.server or _started()
    atexit.register(server.stop)  # after Prefect's own functions, which send it what is left
    if not _is_healthy(server.process, server.port):
        raise PrefectTrouble(
            "Prefect could not start or record the run: its temporary server ended. "
            "Check that PREFECT_HOME can be written, that there is enough memory, and that "
            "this machine reaches itself (127.0.0.1)."
        )
    url = f"http://127.0.0.1:{server.port}/api"
    own = {
        PREFECT_API_URL: url,
        PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False,
        # nobody listens to them here, and the run would wait up to a second for their thread
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with temporary_settings(own):
        yield False


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _leave_proxies_out() -> None:
    """Forget the proxies that the environment names: this machine is reached without one.

    An exception for this machine is not enough, because a client first loads what each proxy needs.
    """
    for name in list(os.environ):
        if name.lower() in _PROXIES:
            del os.environ[name]


@dataclass(frozen=True)
class TemporaryServer:
    """The process of Prefect's temporary server, and its port on this machine."""

    process: "subprocess.Popen[bytes]"
    port: int

    def stop(self) -> None:
        """Let the server store what it has received, and end."""
        self.process.terminate()
        try:
            self.process.wait(_LONGEST_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class _Own:
    """The temporary server of this process, None without one."""

    server: TemporaryServer | None = None


def _started() -> TemporaryServer:
    """Start the server's process, on a socket that listens already."""
    environment = {n: v for n, v in os.environ.items() if n.lower() not in _PROXIES}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = subprocess.Popen(
            [sys.executable, "-P", prefect_server.__file__, str(listening.fileno())],
            env=environment | _OF_A_TEMPORARY_SERVER,
            stdin=subprocess.PIPE,
            pass_fds=(listening.fileno(), *ending.pipe()),
        )
        server = TemporaryServer(process, listening.getsockname()[1])
    atexit.register(process.kill)
    ending.starts(process.pid)
    return server


def _is_healthy(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until the server answers or ends. Raises PrefectTrouble if it does neither."""
    until = seconds() + patience()
    connection = HTTPConnection("127.0.0.1", port, timeout=patience())
    try:
        connection.request("GET", "/api/health")
        while not select.select([connection.sock], [], [], _STEP)[0]:
            if process.poll() is not None:
                return False
            if seconds() > until:
                raise no_answer()
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
