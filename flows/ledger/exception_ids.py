"""Which exception a person means: its id, or the first characters of it."""

from bisect import bisect_left
from collections.abc import Iterable

from schemas.notes import counted

SHORTEST = 8
"""So many characters of an id must be given at least: fewer may soon mean several exceptions."""


class ExceptionIds:
    """The ids that a person may mean.

    where   what holds them, for messages: "the ledger", "the run".
    """

    def __init__(self, ids: Iterable[str], where: str) -> None:
        """Put the ids in order."""
        self._ids = sorted(set(ids))
        self._where = where

    def find(self, given: str) -> tuple[str, str]:
        """The id that is meant, and "" ; or "", and why none is, without repeating what was given.

        Letters count in any case, and whitespace around them does not.
        """
        prefix = given.strip().lower()
        if not prefix:
            return "", "no exception_id. Give one."
        if len(prefix) < SHORTEST:
            return "", (
                f"an exception id of {counted(len(prefix), 'character')} is too short. Give the "
                f"id, or at least its first {SHORTEST} characters."
            )
        first = bisect_left(self._ids, prefix)
        found = []
        for known in self._ids[first:]:
            if not known.startswith(prefix):
                break
            found.append(known)
        if len(found) == 1 or (found and found[0] == prefix):
            return found[0], ""
        if found:
            return "", (
                f"{len(found)} exceptions of {self._where} have an id that begins so. "
                "Give more characters."
            )
        return "", f"{self._where} has no exception with that id. Correct it."
