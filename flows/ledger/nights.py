"""What each night showed: the sums at the top of its page, kept for the pages of later nights.

They are kept, because they cannot be made again: the ledger does not hold what law, decisions and
repeated amounts left of a line's dollars on an earlier night. Every night that a page shows is part
of its run id (flows/ledger/before.py). A purge that removes persons removes them all.
"""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import duckdb

from flows.warehouse.sql import day

MOST_NIGHTS = 30
"""Nights that a page shows, its own among them."""


class NightTotals(NamedTuple):
    """One night: lines with findings, and dollars by outcome, as its page shows them."""

    as_of: date
    lines: int
    recover_amount: Decimal
    records_request_amount: Decimal
    review_amount: Decimal


def totals_before(as_of: date) -> str:
    """SQL of the last nights before a night that its page shows, as NightTotals has them."""
    return f"""SELECT {", ".join(NightTotals._fields)} FROM every_night_total
               WHERE as_of < {day(as_of)} ORDER BY as_of DESC LIMIT {MOST_NIGHTS - 1}"""


def read_trend(
    connection: duckdb.DuckDBPyConnection, tonight: NightTotals
) -> tuple[NightTotals, ...]:
    """The last nights up to this one, the earliest first."""
    before = connection.execute(totals_before(tonight.as_of)).fetchall()
    return (*(NightTotals(*row) for row in reversed(before)), tonight)


def record_totals(connection: duckdb.DuckDBPyConnection, tonight: NightTotals) -> None:
    """Record what this night showed, unless the ledger holds a later night and waits."""
    marks = ", ".join("?" * len(tonight))
    connection.execute(
        f"""INSERT INTO main.night_total ({", ".join(tonight._fields)})
            SELECT {marks} WHERE EXISTS (FROM main.night)""",
        list(tonight),
    )
