"""The conservation checks of a run: no row is lost, and none is counted twice."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import date

import duckdb

from flows.errors import DoesNotBalance
from flows.settle.final_action import FATE, FILE_ORDER, SETTLE_WARNING
from flows.settle.persons import UNRESOLVED_DIAGNOSIS
from flows.settle.plain_fate import plain_fate
from flows.settle.repeated import (
    REPEATED_HASH,
    find_hashes_repeated_since,
    find_repeated_hashes,
)
from flows.warehouse.hashes import compared
from flows.warehouse.memory import NEW_FILE
from flows.warehouse.run_table import Reuse, RunTable
from flows.warehouse.sql import one, run
from schemas.row_warnings import (
    IN_A_CIRCLE,
    MATCHED_BY_CONTENT,
    POSITIVE_VOID,
    SEVERAL_DATES,
    SEVERAL_PERSONS,
    SEVERAL_PRODUCTS,
    UNMATCHED_REPLACEMENT,
    UNMATCHED_REVERSAL,
)
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

_COUNT = {"file_no": "INTEGER", "repeats": "BIGINT"}
REPEAT_CHANGE = RunTable(
    "repeat_change",
    grain="file and table; repeats: by how much its count of exact duplicates changed",
    columns=_COUNT,
)
FILE_REPEATS = RunTable(
    "file_repeats",
    grain="file of a table that holds no claims, with any exact duplicate; repeats: how many",
    columns=_COUNT,
    reuse=Reuse.WHOLE,
)
TABLES = (REPEAT_CHANGE, FILE_REPEATS)


@dataclass(frozen=True)
class FileCounts:
    """Counts of one file: rows_read = accepted + quarantined + duplicates + purged.

    footer_lines are lines of the file that are not records.
    """

    table: str
    file: str
    sha256: str
    rows_read: int
    accepted: int
    quarantined: int
    duplicates: int
    purged: int = 0
    footer_lines: int = 0


@dataclass(frozen=True)
class TableCounts:
    """Counts of one claim table.

    accepted = history + superseded + reversed + denied + after_as_of. unpriced is part of history,
    unmatched_reversals and matched_by_content are part of reversed, and replacements_in_a_circle of
    superseded. unmatched_replacements, positive_voids, and the versions of a key that goes with
    several persons, dates or products, are rows of any fate.
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
    unmatched_replacements: int = 0
    matched_by_content: int = 0
    replacements_in_a_circle: int = 0
    positive_voids: int = 0
    key_of_several_persons: int = 0
    key_of_several_dates: int = 0
    key_of_several_products: int = 0


_COUNT_OF = {
    IN_A_CIRCLE: "replacements_in_a_circle",
    POSITIVE_VOID: "positive_voids",
    UNMATCHED_REVERSAL: "unmatched_reversals",
    UNMATCHED_REPLACEMENT: "unmatched_replacements",
    MATCHED_BY_CONTENT: MATCHED_BY_CONTENT,
    SEVERAL_PERSONS: SEVERAL_PERSONS,
    SEVERAL_DATES: SEVERAL_DATES,
    SEVERAL_PRODUCTS: SEVERAL_PRODUCTS,
}
"""Warning of final action -> the count of its rows."""


@dataclass(frozen=True)
class Balance:
    """The counts of a run: every file, and both claim tables."""

    files: tuple[FileCounts, ...]
    tables: tuple[TableCounts, ...]

    @property
    def rows_read(self) -> int:
        """Rows of all files."""
        return sum(f.rows_read for f in self.files)

    @property
    def quarantined(self) -> int:
        """Quarantined rows of all files."""
        return sum(f.quarantined for f in self.files)

    @property
    def duplicates(self) -> int:
        """Exact duplicates in all files."""
        return sum(f.duplicates for f in self.files)

    def as_dict(self) -> dict[str, object]:
        """The counts as the manifest has them."""
        return {
            "files": [asdict(f) for f in self.files],
            "tables": [asdict(t) for t in self.tables],
        }


def count_rows(connection: duckdb.DuckDBPyConnection, as_of: date, before: date | None) -> Balance:
    """Count what became of every row. Raises DoesNotBalance if the counts do not add up.

    before   the as-of date of the remembered run, if its counts of duplicates are reused.
    """
    balance = Balance(
        _file_counts(connection, before),
        tuple(_table_counts(connection, table, as_of) for table in CLAIM_TABLES),
    )
    _check(balance)
    return balance


def _file_counts(
    connection: duckdb.DuckDBPyConnection, before: date | None
) -> tuple[FileCounts, ...]:
    def per_file(query: str) -> dict[int, int]:
        return dict(connection.execute(f"{query} GROUP BY file_no").fetchall())

    duplicates = _repeats(connection, before)
    in_table: dict[int, int] = {}
    for table in INPUT:
        in_table |= per_file(f"SELECT file_no, count(*) FROM every_{table}")
    for table in CLAIM_TABLES:
        duplicates |= per_file(
            f"SELECT file_no, count(*) FROM {FATE[table]} WHERE fate = 'duplicate'"
        )
    quarantined = per_file("SELECT file_no, count(DISTINCT row_number) FROM every_quarantine")
    unresolved = per_file(f"SELECT file_no, count(*) FROM {UNRESOLVED_DIAGNOSIS}")
    purged = per_file("SELECT file_no, CAST(sum(rows) AS BIGINT) FROM every_purge")
    files = connection.execute(
        """SELECT file_no, table_name, name, sha256, rows_read, coalesce(footer_lines, 0)
           FROM every_file ORDER BY name, sha256"""
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
            footer_lines=footer_lines,
        )
        for n, table, name, sha256, rows_read, footer_lines in files.fetchall()
    )


def _repeats(connection: duckdb.DuckDBPyConnection, before: date | None) -> dict[int, int]:
    """Exact duplicates per file of the tables that hold no claims: remembered ones and changes."""
    REPEAT_CHANGE.create(connection)
    for table in INPUT.values():
        if table.is_claim:
            continue
        find = find_hashes_repeated_since if before else find_repeated_hashes
        find(connection, f"every_{table.name}")
        if not one(connection, f"SELECT count(*) FROM {REPEATED_HASH}"):
            continue
        run(
            connection,
            "settle/repeats",
            reads=(REPEATED_HASH, FILE_ORDER, NEW_FILE),
            makes=(REPEAT_CHANGE,),
            table=table.name,
            columns=", ".join(compared(c, "t.") for c in table.columns),
        )
    remembered = f"UNION ALL FROM {FILE_REPEATS.remembered}" if before else ""
    FILE_REPEATS.create(
        connection,
        f"""SELECT file_no, CAST(sum(repeats) AS BIGINT) AS repeats
            FROM (FROM {REPEAT_CHANGE} {remembered}) GROUP BY file_no""",
    )
    return dict(connection.execute(f"FROM {FILE_REPEATS}").fetchall())


def _table_counts(connection: duckdb.DuckDBPyConnection, table: str, as_of: date) -> TableCounts:
    """Count rows with a fate of their own by it; all others by what they are, looked at alone.

    The settled view says the same of each row, but joins every row to say so: counting takes
    longer.
    """
    n: Counter[str] = Counter()
    plain = connection.execute(
        f"""SELECT {plain_fate(as_of)} AS plain_fate, count(*),
                   count(*) FILTER (paid_amount IS NULL)
            FROM every_{table} t GROUP BY ALL"""
    ).fetchall()
    for fate, rows, unpriced in plain:
        n[fate] += rows
        n[f"unpriced {fate}"] += unpriced
    own = connection.execute(
        f"""SELECT fate, plain_fate, count(*), count(*) FILTER (is_unpriced),
                   count(*) FILTER (paid_amount IS NULL)
            FROM {FATE[table]} GROUP BY ALL"""
    ).fetchall()
    for fate, was, rows, was_unpriced, unpriced in own:
        n[fate] += rows
        n[was] -= rows
        n[f"unpriced {fate}"] += unpriced
        n[f"unpriced {was}"] -= was_unpriced
    warned: dict[str, int] = dict(
        connection.execute(
            f"SELECT check_name, count(*) FROM {SETTLE_WARNING[table]} GROUP BY check_name"
        ).fetchall()
    )
    return TableCounts(
        table,
        accepted=sum(rows for _, rows, _ in plain) - n["duplicate"],
        history=n["history"],
        superseded=n["superseded"],
        reversed=n["reversed"],
        denied=n["denied"],
        after_as_of=n["after_as_of"],
        unpriced=n["unpriced history"],
        **{count: warned.get(check, 0) for check, count in _COUNT_OF.items()},
    )


def _check(balance: Balance) -> None:
    for f in balance.files:
        if f.rows_read != f.accepted + f.quarantined + f.duplicates + f.purged:
            raise DoesNotBalance(
                f"{f.file}: {f.rows_read} rows read, but {f.accepted} accepted + "
                f"{f.quarantined} quarantined + {f.duplicates} duplicate + {f.purged} purged. "
                "Nothing was published; please report it."
            )
    for t in balance.tables:
        fates = t.history + t.superseded + t.reversed + t.denied + t.after_as_of
        in_files = sum(f.accepted for f in balance.files if f.table == t.table)
        if not t.accepted == fates == in_files:
            raise DoesNotBalance(
                f"{t.table}: {t.accepted} rows accepted, but {fates} have a fate and {in_files} "
                "are in files. Nothing was published; please report it."
            )
