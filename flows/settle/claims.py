"""Net: who is who, final action, and the conservation laws that show that no row was lost or counted twice."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date

import duckdb

from flows.errors import DoesNotBalance
from flows.intake.validate import check_rate
from flows.warehouse.connection import compared
from flows.warehouse.memory import NO_PAIRS, after, begin_night
from flows.warehouse.sql import day, identifier, one, run
from schemas.tables import CLAIM_TABLES, TABLES

SERVICE_DATE = {
    "medical_claim": "coalesce(claim_line_start_date, claim_start_date)",
    "pharmacy_claim": "dispensing_date",
}
_LINK_ROUNDS = 8  # each settles one more step of a chain of links; real extracts need two
_FILE_ORDER = """
    CREATE OR REPLACE TABLE run.file_order AS
    SELECT file_no, row_number() OVER (ORDER BY name, sha256) AS file_rank FROM every_file"""
"""The later of two files has the later path; where two nights brought one path, content decides, not the order of nights."""
_LINKS_THAT_MOVED = """
    SELECT count(*)
    FROM (FROM run.unresolved EXCEPT FROM run.unresolved_before
          UNION ALL (FROM run.unresolved_before EXCEPT FROM run.unresolved))
    JOIN run.undated USING (file_no, row_number) ANTI JOIN run.dated_link USING (member_id, person_id)
    WHERE person_id IS NOT NULL"""
"""How many undated diagnoses link other persons in the next round than they did in this one."""
_NOTHING_BEFORE = {
    "links_before": NO_PAIRS,
    "undated_before": "(SELECT 0 AS file_no, 0 AS row_number, '' AS claim_id, '' AS member_id, '' AS person_id WHERE false)",
}
QUANTITY = {"medical_claim": "service_unit_quantity", "pharmacy_claim": "quantity"}
FEE = {
    "medical_claim": "CAST(0 AS DECIMAL(18, 2))",
    "pharmacy_claim": "coalesce(dispensing_fee, 0)",
}
_OF_EVERY_ROW = (
    "file_no",
    "row_number",
    "row_hash",
    "member_id",
    "person_id",
    "payer",
    "claim_id",
    "claim_line_number",
    "original_claim_id",
    "claim_status",
    "claim_frequency_code",
    "paid_date",
    "paid_amount",
)
_LOOKED_AT = {
    "medical_claim": (
        *_OF_EVERY_ROW,
        "claim_line_start_date",
        "claim_start_date",
        "service_unit_quantity",
    ),
    "pharmacy_claim": (*_OF_EVERY_ROW, "dispensing_date", "quantity", "dispensing_fee"),
}
"""Columns of a claim row that final action looks at, whatever it looks at them for."""


@dataclass(frozen=True)
class FileCounts:
    """The conservation law of one file: rows_read = accepted + quarantined + duplicates + purged."""

    table: str
    file: str
    sha256: str
    rows_read: int
    accepted: int
    quarantined: int
    duplicates: int
    purged: int = 0


@dataclass(frozen=True)
class TableCounts:
    """The law of one claim table: accepted = history + superseded + reversed + denied + after_as_of.

    unpriced is part of history; unmatched_reversals are part of reversed.
    """

    table: str
    accepted: int
    history: int
    superseded: int
    reversed: int
    denied: int
    after_as_of: int
    unpriced: int
    unmatched_reversals: int


@dataclass(frozen=True)
class Balance:
    """Both conservation laws of a run."""

    files: tuple[FileCounts, ...]
    tables: tuple[TableCounts, ...]

    def as_dict(self) -> dict[str, object]:
        """For the manifest."""
        return {
            "files": [asdict(f) for f in self.files],
            "tables": [asdict(t) for t in self.tables],
        }


def net(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    payer_names: dict[str, str],
    max_error_rate: float,
    whole: bool = False,
) -> Balance:
    """Link persons, settle what becomes of every claim row, and hold the counts against each other.

    What the warehouse remembers of an earlier night is built on: only what moved since is looked at.
    Raises DoesNotBalance where a conservation law does not hold, and TooManyBadRows where undated diagnoses
    without their claim are too many.
    """
    today = day(as_of)
    connection.execute("CREATE OR REPLACE TABLE run.payer_name (name VARCHAR, payer_id VARCHAR)")
    for name, payer_id in sorted(payer_names.items()):
        connection.execute("INSERT INTO run.payer_name VALUES (?, ?)", [name, payer_id])
    connection.execute(_FILE_ORDER)
    before = begin_night(connection, as_of, payer_names, whole)
    _settle_persons(connection, today, before)
    for table in CLAIM_TABLES:
        _settle_claims(connection, table, today, before)
    fresh = {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM main.file").fetchall()}
    balance = Balance(
        _file_counts(connection, before),
        tuple(_table_counts(connection, t, today) for t in CLAIM_TABLES),
    )
    _check(balance)
    for file in balance.files:
        if file.sha256 in fresh:
            check_rate(file.file, file.rows_read, file.quarantined, max_error_rate)
    return balance


def _settle_persons(connection: duckdb.DuckDBPyConnection, today: str, before: date | None) -> None:
    """Link persons and date the undated diagnoses; those that find no claim link nobody, which may undo other links."""
    words = (
        {"links_before": "kept.main.found_link", "undated_before": "kept.main.undated"}
        if before
        else _NOTHING_BEFORE
    )
    run(connection, "settle/persons", as_of=today, after=after(before), **words)
    for _ in range(_LINK_ROUNDS):
        connection.execute("CREATE OR REPLACE TABLE run.unresolved_before AS FROM run.unresolved")
        run(connection, "settle/links")
        if not one(connection, _LINKS_THAT_MOVED):
            break
    if before:
        run(connection, "settle/moved_members")


def _settle_claims(
    connection: duckdb.DuckDBPyConnection, table: str, today: str, before: date | None
) -> None:
    """Final action of one claim table: that of claims touched since the night before; the rest keep theirs."""
    words = {
        "table": table,
        "as_of": today,
        "service_date": SERVICE_DATE[table],
        "quantity": QUANTITY[table],
        "fee": FEE[table],
        "columns": ", ".join(
            f"t.{identifier(c.name)}" for c in TABLES[table].columns if c.name != "payer"
        ),
    }
    if before is None:
        run(connection, "settle/final_action", rows=f"every_{table}", **words)
    else:
        columns = ", ".join(_LOOKED_AT[table])
        run(
            connection,
            "settle/touched_claims",
            **(words | {"after": after(before), "columns": columns}),
        )
        run(connection, "settle/final_action", rows=f"run.{table}_touched", **words)
        untouched = (
            f"FROM kept.main.{table}_fate ANTI JOIN run.{table}_touched USING (file_no, row_number)"
        )
        connection.execute(f"INSERT INTO run.{table}_fate BY NAME {untouched}")
    doubled = one(
        connection, f"SELECT count(*) - count(DISTINCT (file_no, row_number)) FROM run.{table}_fate"
    )
    if doubled:
        raise DoesNotBalance(
            f"{table}: {doubled} rows have two fates. Nothing was published; please report it."
        )


def _file_counts(
    connection: duckdb.DuckDBPyConnection, before: date | None
) -> tuple[FileCounts, ...]:
    duplicates = _repeats(connection, before)
    for table in CLAIM_TABLES:
        query = (
            f"SELECT file_no, count(*) FROM run.{table}_fate WHERE fate = 'duplicate' GROUP BY 1"
        )
        duplicates.update(connection.execute(query).fetchall())
    quarantined = dict(
        connection.execute(
            "SELECT file_no, count(DISTINCT row_number) FROM every_quarantine GROUP BY file_no"
        ).fetchall()
    )
    in_table: dict[int, int] = {}
    for table in TABLES:
        in_table.update(
            connection.execute(
                f"SELECT file_no, count(*) FROM every_{table} GROUP BY file_no"
            ).fetchall()
        )
    unresolved = dict(
        connection.execute(
            "SELECT file_no, count(*) FROM run.unresolved GROUP BY file_no"
        ).fetchall()
    )
    purged = dict(
        connection.execute(
            "SELECT file_no, CAST(sum(rows) AS BIGINT) FROM every_purge GROUP BY file_no"
        ).fetchall()
    )
    files = connection.execute(
        "SELECT file_no, table_name, name, sha256, rows_read FROM every_file ORDER BY name, sha256"
    )
    return tuple(
        FileCounts(
            table,
            name,
            sha256,
            rows_read,
            accepted=in_table.get(n, 0) - duplicates.get(n, 0) - unresolved.get(n, 0),
            quarantined=quarantined.get(n, 0) + unresolved.get(n, 0),
            duplicates=duplicates.get(n, 0),
            purged=purged.get(n, 0),
        )
        for n, table, name, sha256, rows_read in files.fetchall()
    )


def _repeats(connection: duckdb.DuckDBPyConnection, before: date | None) -> dict[int, int]:
    """Exact duplicates per file of the tables that hold no claims: what was remembered, and what moved since."""
    connection.execute(
        "CREATE OR REPLACE TABLE run.moved_repeats (file_no INTEGER, repeats BIGINT)"
    )
    for table in TABLES.values():
        if not table.is_claim:
            new = f"row_hash IN (SELECT row_hash FROM every_{table.name} WHERE file_no IN (FROM run.new_file))"
            columns = ", ".join(compared(c, "t.") for c in table.columns)
            run(
                connection,
                "settle/repeats",
                table=table.name,
                looked_at=new if before else "true",
                columns=columns,
            )
    remembered = "UNION ALL FROM kept.main.file_repeats" if before else ""
    connection.execute(
        f"""CREATE OR REPLACE TABLE run.file_repeats AS
            SELECT file_no, CAST(sum(repeats) AS BIGINT) AS repeats FROM (FROM run.moved_repeats {remembered}) GROUP BY file_no"""
    )
    return dict(connection.execute("FROM run.file_repeats").fetchall())


def _table_counts(connection: duckdb.DuckDBPyConnection, table: str, today: str) -> TableCounts:
    """Rows with a fate of their own are counted by it; all others are history, or after the as-of date."""
    (stored, known, unpriced), *_ = connection.execute(
        f"""SELECT count(*), count(*) FILTER ({SERVICE_DATE[table]} <= {today}),
                   count(*) FILTER ({SERVICE_DATE[table]} <= {today} AND paid_amount IS NULL)
            FROM every_{table}"""
    ).fetchall()
    fates = connection.execute(
        f"""SELECT fate, is_after_as_of, count(*), count(*) FILTER (is_unpriced),
                   count(*) FILTER (CASE WHEN is_netted THEN netted_paid_amount IS NULL ELSE is_unpriced END),
                   count(*) FILTER (coalesce(is_unmatched_reversal, false))
            FROM run.{table}_fate GROUP BY ALL"""
    ).fetchall()
    n: Counter[str] = Counter()
    for fate, is_after, rows, *_ in fates:
        n[fate] += rows
        n["after_as_of" if is_after else "history"] -= rows
    own = sum(row[3] for row in fates if not row[1])
    return TableCounts(
        table,
        accepted=stored - n["duplicate"],
        history=known + n["history"],
        superseded=n["superseded"],
        reversed=n["reversed"],
        denied=n["denied"],
        after_as_of=stored - known + n["after_as_of"],
        unpriced=unpriced - own + sum(row[4] for row in fates if row[0] == "history"),
        unmatched_reversals=sum(row[5] for row in fates),
    )


def _check(balance: Balance) -> None:
    for f in balance.files:
        if f.rows_read != f.accepted + f.quarantined + f.duplicates + f.purged:
            raise DoesNotBalance(
                f"{f.file}: {f.rows_read} rows read, but {f.accepted} accepted + {f.quarantined} quarantined + "
                f"{f.duplicates} duplicate + {f.purged} purged. Nothing was published; please report it."
            )
    for t in balance.tables:
        fates = t.history + t.superseded + t.reversed + t.denied + t.after_as_of
        in_files = sum(f.accepted for f in balance.files if f.table == t.table)
        if not t.accepted == fates == in_files:
            raise DoesNotBalance(
                f"{t.table}: {t.accepted} rows accepted, but {fates} have a fate and {in_files} stand in files. "
                "Nothing was published; please report it."
            )
