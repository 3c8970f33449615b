"""What a person had before them when deciding; a ledger that says more now refuses the decision."""

from typing import NamedTuple

import duckdb

from flows.errors import UsageError


class Seen(NamedTuple):
    """What was seen of some exceptions.

    exception_ids   all exceptions of the line.
    decision_no     the number of the last decision about any of them; 0 without one.
    run_id          the run of the last night.
    """

    exception_ids: tuple[str, ...]
    decision_no: int
    run_id: str


class Unseen(UsageError):
    """The ledger says more about a line than the person has seen who decides about it."""


def refuse_unless_seen(connection: duckdb.DuckDBPyConnection, seen: Seen) -> None:
    """Raise Unseen if the warehouse has a decision or a night that was not seen."""
    ((decision_no, run_id),) = connection.execute(
        """SELECT (SELECT coalesce(max(decision_no), 0) FROM main.decision
                   WHERE exception_id IN (SELECT unnest(?::VARCHAR[]))),
                  (SELECT run_id FROM main.night ORDER BY as_of DESC LIMIT 1)""",
        [list(seen.exception_ids)],
    ).fetchall()
    if decision_no > seen.decision_no:
        raise Unseen(
            "Somebody has decided about this line since you opened it. Nothing was recorded. "
            "Read what was decided, then decide again."
        )
    if run_id != seen.run_id:
        raise Unseen(
            "A night has run since you opened this line. Nothing was recorded. "
            "Read what it found, then decide again."
        )
