"""Privacy levels: how much the results of a run may show about a person. The warehouse keeps all.

full            everything, as in the extracts.
pseudonymised   keyed pseudonyms for identifiers, and no free text; see flows/results/pseudonyms.py.
aggregate       counts and sums only; see flows/results/small_cells.py.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import Literal

from flows.errors import UsageError

Level = Literal["full", "pseudonymised", "aggregate"]
FULL: Level = "full"
PSEUDONYMISED: Level = "pseudonymised"
AGGREGATE: Level = "aggregate"
LEVELS = (FULL, PSEUDONYMISED, AGGREGATE)

KEY = "CLAIMS_AUDIT_PSEUDONYM_KEY"
SHORTEST_KEY = 32  # characters
_DIGITS, _EXCEPTION_DIGITS = 20, 32


@dataclass(frozen=True)
class Pseudonyms:
    """Pseudonyms for identifiers, made with a key that is never shown.

    A pseudonym is an HMAC-SHA256 of the identifier and its kind. The same key gives the same
    pseudonyms in every run.
    """

    key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """A value that is equal if two runs used the same key, without revealing the key."""
        return self.of("key", "fingerprint")

    def of(self, kind: str, identifier: str) -> str:
        """The pseudonym of an identifier: hexadecimal digits."""
        digest = hmac.new(self.key, f"{kind}\x1f{identifier}".encode(), hashlib.sha256).hexdigest()
        return digest[: _EXCEPTION_DIGITS if kind == "exception" else _DIGITS]


def read_pseudonyms(level: str) -> Pseudonyms | None:
    """Read the key from the environment, if the level needs one.

    Raises UsageError if the level is unknown, or the key is missing or too short.
    """
    if level not in LEVELS:
        raise UsageError(f"--privacy is one of {', '.join(LEVELS)}.")
    if level != PSEUDONYMISED:
        return None
    key = os.environ.get(KEY, "").strip()
    if len(key) < SHORTEST_KEY:
        problem = "is too short" if key else "is not set"
        raise UsageError(
            f"--privacy pseudonymised: {KEY} {problem}. Set it to a secret of at least "
            f"{SHORTEST_KEY} characters."
        )
    return Pseudonyms(key.encode())
