"""Files with too many rows that cannot be used: what failed, and what to do about it."""

from collections.abc import Mapping
from typing import NamedTuple

import duckdb

from schemas.notes import counted
from schemas.rows import PARSE_CHECKS, UNKNOWN_WORD
from schemas.senders import DIGITS_LOST
from schemas.table import Kind

_MOST_NAMED = 3
_BY_EXPRESSION = "by an expression for {column} in [tables.{table}.columns] of the config"
_REMEDIES = {
    UNKNOWN_WORD: f"Translate the sender's words {_BY_EXPRESSION}.",
    PARSE_CHECKS[Kind.DATE]: "List the sender's format of dates in date_formats of the config.",
    PARSE_CHECKS[Kind.AMOUNT]: f"Make plain amounts of them {_BY_EXPRESSION}.",
    PARSE_CHECKS[Kind.QUANTITY]: f"Make plain numbers of them {_BY_EXPRESSION}.",
    DIGITS_LOST: "Have the sender export identifiers and codes as text.",
}
"""What to do if most rows fail a check that a sender's way of writing explains."""
_OTHERWISE = "Fix the extract, or raise max_error_rate in the config."


class BadFile(NamedTuple):
    """A file with rows that cannot be used, and how many."""

    table: str
    name: str
    sha256: str
    rows_read: int
    bad_rows: int

    def exceeds(self, max_error_rate: float) -> bool:
        """Whether more than that share of its rows cannot be used."""
        return self.bad_rows > max_error_rate * self.rows_read


def refusal(file: BadFile, failed: Mapping[str, int], max_error_rate: float) -> str:
    """The message for a file with too many unusable rows: it names what failed most.

    failed   column and check -> rows.
    """
    most = sorted(failed.items(), key=lambda item: (-item[1], item[0]))[:_MOST_NAMED]
    named = ", ".join(f"{what} ({counted(rows, 'row')})" for what, rows in most)
    column, _, check = most[0][0].rpartition(" ")
    remedy = _REMEDIES.get(check, _OTHERWISE).format(table=file.table, column=column)
    return (
        f"{file.name}: {file.bad_rows} of {file.rows_read} rows cannot be used, more than the "
        f"{max_error_rate:.1%} allowed; most often failed: {named}. {remedy}"
    )


def failed_in(connection: duckdb.DuckDBPyConnection, file: BadFile) -> dict[str, int]:
    """Column and check -> rows of a file of this run that are in the quarantine for it."""
    return dict(
        connection.execute(
            """SELECT concat_ws(' ', q.column_name, q.check_name) AS failed, count(*)
               FROM main.quarantine q JOIN main.file f USING (file_no)
               WHERE (f.table_name, f.name, f.sha256) = (?, ?, ?) GROUP BY failed""",
            [file.table, file.name, file.sha256],
        ).fetchall()
    )
