"""Net: who is who, final action, and the conservation laws that show that no row was lost or counted twice."""

from dataclasses import asdict, dataclass
from datetime import date

import duckdb

from flows.errors import DoesNotBalance
from flows.sql import identifier, literal, one, run
from flows.validate import check_rate
from flows.warehouse import Workbench, compared, opened
from schemas.tables import CLAIM_TABLES, TABLES

SERVICE_DATE = {
    "medical_claim": "coalesce(claim_line_start_date, claim_start_date)",
    "pharmacy_claim": "dispensing_date",
}
_LINK_ROUNDS = 8  # each settles one more step of a chain of links; real extracts need two
QUANTITY = {"medical_claim": "service_unit_quantity", "pharmacy_claim": "quantity"}
FEE = {"medical_claim": "CAST(0 AS DECIMAL(18, 2))", "pharmacy_claim": "coalesce(dispensing_fee, 0)"}


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
        return {"files": [asdict(f) for f in self.files], "tables": [asdict(t) for t in self.tables]}


def net(bench: Workbench, as_of: date, payer_names: dict[str, str], max_error_rate: float) -> Balance:
    """Link persons, settle what becomes of every claim row, and hold the counts against each other.

    Raises DoesNotBalance where a conservation law does not hold, and TooManyBadRows where undated diagnoses
    without their claim are too many.
    """
    day = f"DATE {literal(as_of.isoformat())}"
    with opened(bench) as connection:
        connection.execute("CREATE OR REPLACE TABLE run.payer_name (name VARCHAR, payer_id VARCHAR)")
        for name, payer_id in sorted(payer_names.items()):
            connection.execute("INSERT INTO run.payer_name VALUES (?, ?)", [name, payer_id])
        connection.execute("CREATE OR REPLACE TABLE run.unresolved (file_no INTEGER, row_number BIGINT)")
        _settle_persons(connection, day)
        for table in CLAIM_TABLES:
            columns = ", ".join(f"t.{identifier(c.name)}" for c in TABLES[table].columns if c.name != "payer")
            run(
                connection, "final_action", as_of=day, table=table, columns=columns,
                service_date=SERVICE_DATE[table], quantity=QUANTITY[table], fee=FEE[table],
            )  # fmt: skip
        fresh = {sha256 for (sha256,) in connection.execute("SELECT sha256 FROM main.file").fetchall()}
        balance = Balance(_file_counts(connection), tuple(_table_counts(connection, t, day) for t in CLAIM_TABLES))
    _check(balance)
    for file in balance.files:
        if file.sha256 in fresh:
            check_rate(file.file, file.rows_read, file.quarantined, max_error_rate)
    return balance


def _settle_persons(connection: duckdb.DuckDBPyConnection, day: str) -> None:
    """Link persons and date the undated diagnoses; those that find no claim link nobody, which may undo other links."""
    for _ in range(_LINK_ROUNDS):
        run(connection, "persons", as_of=day)
        connection.execute("CREATE OR REPLACE TABLE run.unresolved_before AS FROM run.unresolved")
        run(connection, "undated_diagnoses", as_of=day)
        changed = one(
            connection,
            """SELECT count(*) FROM (FROM run.unresolved EXCEPT FROM run.unresolved_before
                                     UNION ALL (FROM run.unresolved_before EXCEPT FROM run.unresolved))""",
        )
        if not changed:
            return


def _file_counts(connection: duckdb.DuckDBPyConnection) -> tuple[FileCounts, ...]:
    duplicates = dict(connection.execute(_duplicates_query()).fetchall())
    quarantined = dict(
        connection.execute("SELECT file_no, count(DISTINCT row_number) FROM every_quarantine GROUP BY file_no").fetchall()
    )
    in_table: dict[int, int] = {}
    for table in TABLES:
        in_table.update(connection.execute(f"SELECT file_no, count(*) FROM every_{table} GROUP BY file_no").fetchall())
    unresolved = dict(connection.execute("SELECT file_no, count(*) FROM run.unresolved GROUP BY file_no").fetchall())
    purged = dict(connection.execute("SELECT file_no, CAST(sum(rows) AS BIGINT) FROM every_purge GROUP BY file_no").fetchall())
    files = connection.execute("SELECT file_no, table_name, name, sha256, rows_read FROM every_file ORDER BY name, file_no")
    return tuple(
        FileCounts(
            table, name, sha256, rows_read,
            accepted=in_table.get(n, 0) - duplicates.get(n, 0) - unresolved.get(n, 0),
            quarantined=quarantined.get(n, 0) + unresolved.get(n, 0), duplicates=duplicates.get(n, 0),
            purged=purged.get(n, 0),
        )
        for n, table, name, sha256, rows_read in files.fetchall()
    )  # fmt: skip


def _duplicates_query() -> str:
    """Exact duplicates per file: of claim rows from their fates, of other rows where all columns agree."""
    parts = [f"SELECT file_no, count(*) FROM run.{t}_fate WHERE fate = 'duplicate' GROUP BY 1" for t in CLAIM_TABLES]
    for table in TABLES.values():
        if not table.is_claim:
            columns = ", ".join(compared(c, "t.") for c in table.columns)
            parts.append(
                f"""SELECT file_no, count(*) FROM (
                      SELECT t.file_no, row_number() OVER (PARTITION BY {columns} ORDER BY f.name, t.file_no, t.row_number) AS n
                      FROM every_{table.name} t JOIN every_file f USING (file_no)
                      WHERE t.row_hash IN (SELECT row_hash FROM every_{table.name} GROUP BY row_hash HAVING count(*) > 1))
                    WHERE n > 1 GROUP BY 1"""
            )
    return " UNION ALL ".join(parts)


def _table_counts(connection: duckdb.DuckDBPyConnection, table: str, day: str) -> TableCounts:
    rows = connection.execute(
        f"""SELECT coalesce(fate, CASE WHEN {SERVICE_DATE[table]} > {day} THEN 'after_as_of' ELSE 'history' END), count(*),
                   count(*) FILTER (CASE WHEN is_netted THEN netted_paid_amount ELSE paid_amount END IS NULL),
                   count(*) FILTER (coalesce(is_unmatched_reversal, false))
            FROM every_{table} LEFT JOIN run.{table}_fate USING (file_no, row_number) GROUP BY 1"""
    ).fetchall()
    n = {fate: count for fate, count, _, _ in rows}
    stored = one(connection, f"SELECT count(*) FROM every_{table}")
    return TableCounts(
        table,
        accepted=stored - n.get("duplicate", 0),
        history=n.get("history", 0),
        superseded=n.get("superseded", 0),
        reversed=n.get("reversed", 0),
        denied=n.get("denied", 0),
        after_as_of=n.get("after_as_of", 0),
        unpriced=sum(unpriced for fate, _, unpriced, _ in rows if fate == "history"),
        unmatched_reversals=sum(unmatched for _, _, _, unmatched in rows),
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
