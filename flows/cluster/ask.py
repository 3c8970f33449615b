"""Work asked of the workers of a cluster: Dask's `distributed`, an extra of this program.

Workers get paths, and return paths, counts and digests of what they leave there; no row goes
through the scheduler. What a lost worker was asked is asked of another one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from audit_rules.errors import AuditError
from flows.errors import UsageError, passed_on, redacted_errors
from flows.process import work_privately
from flows.provenance import program_and_engines

if TYPE_CHECKING:
    from distributed import Client, Future

T = TypeVar("T")

_PATIENCE = 60  # seconds for the scheduler to answer, and for a worker to be there or back

_NUMBERS = count()

_TLS = "DASK_DISTRIBUTED__COMM__TLS__"
"""How the names begin by which the environment configures the TLS of distributed."""


class ClusterTrouble(AuditError):
    """The cluster could not read or judge."""

    exit_code = 9


@dataclass(frozen=True)
class Cluster:
    """A cluster, and what its workers share with this machine.

    address   of the scheduler.
    lake      the folder that every worker sees; what a bug of a worker leaves behind is there.
    folder    that of this run, in the lake.
    """

    address: str
    lake: Path
    folder: Path

    @property
    def rows(self) -> Path:
        """The folder in that of the run with the rows that the warehouse will list."""
        return self.folder / "rows"


@dataclass(frozen=True)
class Failed:
    """What went wrong on a worker: what it raises, it would print."""

    exit_code: int
    message: str


@contextmanager
def asked_of(
    cluster: Cluster,
    function: Callable[..., T],
    arguments: Sequence[tuple[object, ...]],
    ended: Callable[[], None] = lambda: None,
) -> Iterator[Iterator[T]]:
    """What a function returns for each of some arguments, in their order, worked out by workers.

    ended   called each time that one is done.

    Raises ClusterTrouble and UsageError, and, when its turn comes or before, what a function has
    raised.
    """
    with _client(cluster.address) as client:
        program, lake = program_and_engines(), str(cluster.lake)
        asked = [
            client.submit(answer, function, some, lake, program, key=_name_of(function, cluster))
            for some in arguments
        ]
        yield _in_order(client, asked, ended)


def _name_of(function: Callable[..., object], cluster: Cluster) -> str:
    """A name for a task that no other has, of this run or another; a dashboard shows its start."""
    return f"{function.__name__}-{cluster.folder.name}-{next(_NUMBERS)}"


def answer(
    function: Callable[..., T], arguments: tuple[object, ...], lake: str, program: list[str]
) -> T | Failed:
    """What a function returns on a worker whose program and engines are those of the run."""
    work_privately()
    try:
        if program != program_and_engines():
            raise UsageError(
                "A worker has another version of this program, or of its engines, than the run. "
                "Install the same ones everywhere, start the workers again, then run again."
            )
        with redacted_errors(Path(lake), "the folder of --lake"):
            return function(*arguments)
    except AuditError as error:
        return Failed(error.exit_code, str(error))


def refuse_stale(is_as_written: bool) -> None:
    """Raise ClusterTrouble unless the lake shows what a worker wrote there."""
    if not is_as_written:
        raise ClusterTrouble(
            "The shared folder does not show what a worker wrote there. Check that --lake is one "
            "and the same folder for this run and for every worker, then run again."
        )


def _in_order(
    client: "Client", asked: "list[Future[Any]]", ended: Callable[[], None]
) -> Iterator[Any]:
    """What the workers return, in order."""
    waiting: SimpleQueue[Future[Any]] = SimpleQueue()
    number_of = {future: number for number, future in enumerate(asked)}
    asked.clear()  # who holds one would have it worked out again, should its worker be lost
    for future in number_of:
        future.add_done_callback(waiting.put)  # type: ignore[no-untyped-call]
    found: dict[int, Any] = {}
    for number in range(len(number_of)):
        while number not in found:
            future = _next_of(waiting, client)
            try:
                result = future.result(timeout=_PATIENCE)
            except TimeoutError:  # its worker was lost before it could return it: it is asked again
                future.add_done_callback(waiting.put)  # type: ignore[no-untyped-call]
                continue
            except Exception as error:  # of distributed: a lost scheduler, or too many lost workers
                raise ClusterTrouble(
                    f"The cluster lost a task ({type(error).__name__}). Nothing was published. "
                    "Look at the logs of the scheduler and the workers, then run again."
                ) from None
            if isinstance(result, Failed):
                raise passed_on(result.exit_code, result.message)
            found[number_of.pop(future)] = result
            del future
            ended()
        yield found.pop(number)


def _next_of(waiting: "SimpleQueue[Future[Any]]", client: "Client") -> "Future[Any]":
    """The next task that ends. Raises ClusterTrouble if no worker is left, and none comes back."""
    looks = 0
    while looks < 2:
        try:
            return waiting.get(timeout=_PATIENCE / 2)
        except Empty:
            looks = 0 if _has_workers(client) else looks + 1
    raise ClusterTrouble(
        f"The cluster lost its last worker, and none came back within {_PATIENCE} seconds. Nothing "
        "was published. Look at the logs of the workers, then run again."
    )


def _has_workers(client: "Client") -> bool:
    """Whether the scheduler has workers, busy or not; if it is lost, its tasks end by that."""
    try:
        return bool(client.scheduler_info()["workers"])
    except OSError:
        return False


def _client(address: str) -> "Client":
    """A client of a scheduler that has a worker. Raises ClusterTrouble and UsageError."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--cluster needs Dask's distributed. Install claims-audit[cluster]."
        ) from None
    _refuse_configuration(address)
    with_what = (
        f" with certificates of the authority in {_TLS}CA_FILE"
        if _is_private(address)
        else " (give tls:// if they have certificates)"
    )
    try:
        client = Client(  # type: ignore[no-untyped-call]  # distributed has none
            address, timeout=_PATIENCE, set_as_default=False
        )
        try:
            client.wait_for_workers(1, timeout=_PATIENCE)
        except OSError:
            client.close()  # type: ignore[no-untyped-call]
            raise
    except OSError:  # a TimeoutError among them
        raise ClusterTrouble(
            f"The scheduler of --cluster does not answer, or has no worker, within {_PATIENCE} "
            f"seconds. Start it and its workers{with_what}, then run again."
        ) from None
    return client


def _is_private(address: str) -> bool:
    return address.startswith("tls:")


def _refuse_configuration(address: str) -> None:
    """Raise UsageError for an address that the configuration of distributed does not allow."""
    from dask import config
    from distributed.security import Security

    if not _is_private(address):
        if config.get("distributed.comm.require-encryption"):
            raise UsageError(
                "The configuration of distributed requires encryption, --cluster has none. Give a "
                "tls:// address."
            )
        return
    try:
        arguments = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    except OSError:  # an SSLError among them
        arguments = {"ssl_context": None}
    if arguments["ssl_context"] is None:
        raise UsageError(
            f"--cluster with tls:// needs certificates. Set {_TLS}CA_FILE, {_TLS}CLIENT__CERT and "
            f"{_TLS}CLIENT__KEY to files that can be read, then run again."
        )
