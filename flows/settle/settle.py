"""Settle: who is who, what is final, and the checks that no row was lost or counted twice."""

from datetime import date

import duckdb

from flows.errors import TooManyBadRows
from flows.intake.bad_files import BadFile, failed_in, refusal
from flows.provenance import digest, program_digest
from flows.settle import affected_claims, balance, claims, final_action, payers, persons, repeated
from flows.settle.balance import Balance
from flows.warehouse.memory import NEW_FILE, start_from_last_run
from flows.warehouse.sql import one
from schemas.rows import CLAIM_DATE_UNKNOWN

TABLES = (
    *payers.TABLES,
    *persons.TABLES,
    *affected_claims.TABLES,
    *repeated.TABLES,
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

    Raises DoesNotBalance if the counts do not add up, and TooManyBadRows if too many rows of a new
    file are undated diagnoses without their claim.
    """
    before = decide_final_action(connection, as_of, payer_names, whole)
    counted = balance.count_rows(connection, as_of, before)
    _refuse_undated(connection, counted, max_error_rate)
    return counted


def decide_final_action(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    payer_names: dict[str, str],
    whole: bool = False,
) -> date | None:
    """Link persons, and decide what becomes of every claim row.

    Reuses what the warehouse remembers of its last run and only looks at what changed since, unless
    `whole`. Returns the as-of date of that run, if it is reused.
    """
    before = _start(connection, as_of, payer_names, whole)
    persons.link_persons(connection, as_of, before)
    claims.settle_claims(connection, as_of, before)
    return before


def decide_again(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    payer_names: dict[str, str],
    date_diagnoses: bool,
) -> None:
    """Decide what `decide_final_action` does, for questions about a warehouse.

    If nothing has changed since its last run, all that the warehouse remembers of that is reused.

    date_diagnoses   whether to date the undated diagnoses; else whoever asks dates those of some
                     persons.
    """
    before = _start(connection, as_of, payer_names)
    has_new_files = one(connection, f"SELECT count(*) FROM {NEW_FILE}") > 0
    is_unchanged = before == as_of and not has_new_files
    if is_unchanged:
        persons.reuse_links(connection)
        if date_diagnoses:
            persons.date_diagnoses(connection, as_of)
    else:
        persons.link_persons(connection, as_of, before)
    claims.settle_claims(connection, as_of, before, is_unchanged)


def _start(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    payer_names: dict[str, str],
    whole: bool = False,
) -> date | None:
    """Name the payers; the as-of date of the remembered run, if its persons and fates are valid."""
    payers.name_payers(connection, payer_names)
    names = (f"{name}\t{payer}" for name, payer in sorted(payer_names.items()))
    settled_under = digest(program_digest(), *names)
    return start_from_last_run(connection, as_of, settled_under, whole)


def _refuse_undated(
    connection: duckdb.DuckDBPyConnection, counted: Balance, max_error_rate: float
) -> None:
    """Raise TooManyBadRows if undated diagnoses make the unusable rows of a new file too many."""
    fresh = {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM main.file").fetchall()}
    for f in counted.files:
        file = BadFile(f.table, f.file, f.sha256, f.rows_read, f.quarantined)
        if f.sha256 in fresh and file.exceeds(max_error_rate):
            undated = one(
                connection,
                f"""SELECT count(*) FROM {persons.UNRESOLVED_DIAGNOSIS} JOIN main.file f
                    USING (file_no) WHERE (f.name, f.sha256) = (?, ?)""",
                f.file,
                f.sha256,
            )
            failed = failed_in(connection, file) | {f"claim_id {CLAIM_DATE_UNKNOWN}": undated}
            raise TooManyBadRows(refusal(file, failed, max_error_rate))
