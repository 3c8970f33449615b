"""The chain of decisions: each row holds the digest of the row before it, and its own.

    sha256 = SHA-256 of the JSON list [previous_sha256, decision_no, after_night, ..., system_user]

The list is UTF-8 without spaces after its commas. Every value is text as `text_of` writes it, null
if there is none. So whoever changes, drops, inserts or moves a row breaks the chain there.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import duckdb
import polars as pl
from polars.datatypes import DataType, DataTypeClass

from flows.warehouse.sql import identifier, literals
from schemas.outcomes import EXCEPTIONS

CHAINED: dict[str, DataType | DataTypeClass] = {
    "decision_no": pl.Int32,
    "after_night": pl.Date,
    "exception_id": pl.String,
    "about_outcome": pl.String,
    "about_reason": pl.String,
    "about_amount": pl.Decimal(18, 2),
    "action": pl.String,
    "amount": pl.Decimal(18, 2),
    "reason": pl.String,
    "decided_by": pl.String,
    "decided_on": pl.Date,
    "until": pl.Date,
    "decided_at": pl.Datetime("us"),
    "system_user": pl.String,
}
"""The columns of a decision, in the order in which they are chained."""
ABOUT = ("about_outcome", "about_reason", "about_amount")
"""Of those, what the exception said when it was decided."""
PREVIOUS, OWN = "previous_sha256", "sha256"
_LINKED: dict[str, DataType | DataTypeClass] = {**CHAINED, PREVIOUS: pl.String, OWN: pl.String}
BEGINNING = ""
"""In place of a digest: no row is before the first."""


def as_decided(now: str, then: str) -> str:
    """SQL: whether an exception, `now`, says no more than a decision, `then`, was about.

    Its reason and amount are the same, and its outcome is not stronger.
    """
    return f"""({now}.reason IS NOT DISTINCT FROM {then}.about_reason
        AND {now}.amount_at_risk IS NOT DISTINCT FROM {then}.about_amount
        AND {rank(f"{now}.outcome")} >= {rank(f"{then}.about_outcome")})"""


def rank(outcome: str) -> str:
    """SQL: the place of an outcome among those of exceptions; 1 is that of the strongest."""
    return f"list_position({literals(list(EXCEPTIONS))}, {outcome})"


def text_of(value: object) -> str | None:
    """A value as it is chained: 2026-06-30, 2026-06-30 08:15:00.123456, 500.00."""
    if value is None:
        return None
    return f"{value:.2f}" if isinstance(value, Decimal) else str(value)


def sha256_of(values: Iterable[object], previous: str | None) -> str:
    """The digest of a row with these values, in the order of CHAINED."""
    texts = [previous, *map(text_of, values)]
    content = json.dumps(texts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class BrokenLink:
    """The first row at which the chain is broken.

    row       the number of the decision.
    problem   what is wrong there, to follow "decision 7".
    """

    row: int
    problem: str


def first_broken(
    connection: duckdb.DuckDBPyConnection, schema: str, sealed: Mapping[int, bool]
) -> BrokenLink | None:
    """The first row that was changed, dropped, inserted or moved; None if the chain is whole.

    sealed   number of each decision that the journal has sealed -> whether its row is as sealed.
             So the end of the chain is held outside of it, and a row missing there is found too.
             Numbers between them are of decisions that the program itself removed.
    """
    rows = connection.execute(
        f"SELECT {', '.join(_LINKED)} FROM {schema}.decision ORDER BY rowid"
    ).fetchall()
    expected = sorted(sealed)
    numbers = {row[0] for row in rows}
    before, last = BEGINNING, 0
    for place, (*values, previous, own) in enumerate(rows):
        wanted = expected[place] if place < len(expected) else None
        if wanted is None:
            return BrokenLink(last + 1, "was inserted: the journal does not have it")
        number = values[0]
        problems = (
            (number != wanted and wanted not in numbers, "was dropped"),
            (number != wanted, f"is not at its place: a row numbered {number} is there"),
            (sha256_of(values, previous) != own or not sealed[wanted], "was changed"),
            (previous != before and wanted == last + 1, "does not continue the row before it"),
        )
        found = [problem for is_wrong, problem in problems if is_wrong]
        if found:
            return BrokenLink(wanted, found[0])
        before, last = own, wanted
    return BrokenLink(expected[len(rows)], "was dropped") if len(rows) < len(expected) else None


def append(connection: duckdb.DuckDBPyConnection, decisions: Iterable[Mapping[str, object]]) -> int:
    """Add decisions to the end of the chain, in the current transaction; returns the first number.

    Each maps the columns CHAINED to values, without its number.
    """
    last = connection.execute(
        f"SELECT decision_no, {OWN} FROM main.decision ORDER BY decision_no DESC LIMIT 1"
    ).fetchall()
    number, previous = last[0] if last else (0, BEGINNING)
    _insert(
        connection, [{**d, "decision_no": i} for i, d in enumerate(decisions, number + 1)], previous
    )
    return int(number) + 1


def chain_again(connection: duckdb.DuckDBPyConnection, ddl: str) -> None:
    """Rebuild the table with these columns, and chain the rows that it has, in their order."""
    names = {row[0] for row in connection.execute("DESCRIBE main.decision").fetchall()}
    columns = ", ".join(
        identifier(name) if name in names else f"NULL AS {identifier(name)}" for name in CHAINED
    )
    rows = connection.execute(
        f"SELECT {columns} FROM main.decision ORDER BY decision_no, rowid"
    ).fetchall()
    connection.execute(f"CREATE OR REPLACE TABLE main.decision ({ddl})")
    decisions = [dict(zip(CHAINED, row, strict=True)) for row in rows]
    for decision in decisions:
        made_at = decision["decided_at"]
        if decision["decided_on"] is None and made_at is not None:
            decision["decided_on"] = made_at.date()
    _insert(connection, decisions, BEGINNING)


def _insert(
    connection: duckdb.DuckDBPyConnection, decisions: list[dict[str, object]], previous: str | None
) -> None:
    rows = []
    for decision in decisions:
        values = [decision.get(name) for name in CHAINED]
        own = sha256_of(values, previous)
        rows.append([*values, previous, own])
        previous = own
    if not rows:
        return
    connection.register("decisions", pl.DataFrame(rows, schema=_LINKED, orient="row"))
    connection.execute("INSERT INTO main.decision BY NAME FROM decisions")
    connection.unregister("decisions")
