"""File names of packets, which outsiders may see: in a listing, a mail, or a log.

An exception id is a plain hash of a claim line. Whoever can guess claim ids can find the one that
belongs to an exception id, so no file name may hold an exception id or a part of it.
"""

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

_KEY_OF_A_RUN = b"claims-audit names of packets"
_DIGITS = 16


def packet_name(exceptions: Path, exception_id: str) -> str:
    """The name of an exception's packet, without suffix: always the same for the same run.

    It is an HMAC-SHA256 of the id. The key is derived from the whole table of exceptions, so that
    only who has the table can say which name belongs to which exception.

    exceptions   exceptions.parquet of the run.
    """
    return packet_names(exceptions)(exception_id)


def packet_names(exceptions: Path) -> Callable[[str], str]:
    """What names the packet of each exception of a run, as packet_name does."""
    with exceptions.open("rb") as stream:
        key = hashlib.file_digest(stream, lambda: hmac.new(_KEY_OF_A_RUN, digestmod="sha256"))

    def name_of(exception_id: str) -> str:
        name = hmac.new(key.digest(), exception_id.encode(), "sha256").hexdigest()
        return f"packet-{name[:_DIGITS]}"

    return name_of
