"""Settle: who is who, what is final, and the checks that no row was lost or counted twice."""

from datetime import date

import duckdb

from flows.intake.validate import check_rate
from flows.provenance import digest, program_digest
from flows.settle import affected_claims, balance, claims, final_action, persons
from flows.settle.balance import Balance
from flows.warehouse.memory import start_from_last_run

TABLES = (
    *persons.TABLES,
    *affected_claims.TABLES,
    *final_action.TABLES,
    *claims.TABLES,
    *balance.TABLES,
)
"""Every table that settling makes."""


def settle(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    payer_names: dict[str, str],
    max_error_rate: float,
    whole: bool = False,
) -> Balance:
    """Link persons, decide what becomes of every claim row, and count all rows.

    Reuses what the warehouse remembers of its last run and only looks at what changed since, unless
    `whole`. Raises DoesNotBalance if the counts do not add up, and TooManyBadRows if too many rows
    of a new file are undated diagnoses without their claim.
    """
    persons.name_payers(connection, payer_names)
    names = (f"{name}\t{payer}" for name, payer in sorted(payer_names.items()))
    settled_under = digest(program_digest(), *names)
    before = start_from_last_run(connection, as_of, settled_under, whole)
    persons.link_persons(connection, as_of, before)
    claims.settle_claims(connection, as_of, before)
    counted = balance.count_rows(connection, as_of, before)
    fresh = {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM main.file").fetchall()}
    for file in counted.files:
        if file.sha256 in fresh:
            check_rate(file.file, file.rows_read, file.quarantined, max_error_rate)
    return counted
