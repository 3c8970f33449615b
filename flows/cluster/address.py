"""Which scheduler a run may send rows to."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from flows.errors import UsageError


def refuse_unsafe(address: str, is_trusted: bool) -> None:
    """Raise UsageError for a scheduler to which rows would lie open on the network.

    is_trusted   whether the user says that nobody else is on the network.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise UsageError(f"--cluster {address!r} is no scheduler. Give tls://HOST:PORT or tcp://.")
    if parts.scheme == "tcp" and not is_trusted and not _is_loopback(parts.hostname):
        raise UsageError(
            "--cluster without TLS: whoever is on that network can run programs on the workers. "
            "Give a tls:// address, or --insecure-cluster if nobody else is there."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
