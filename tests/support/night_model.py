"""A plain model of a warehouse over nights, and the invariants that every run must keep."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from flows.summary import Summary
from schemas.tables import CLAIM_TABLES
from tests.support.extracts import Row
from tests.support.night_operations import ALIASES, DATED, FileKey, Run
from tests.support.plain_ledger import ClaimKey, PlainException, PlainLedger
from tests.support.reference_final_action import Fate, final_action
from tests.support.reference_final_action import Loaded as LoadedRow
from tests.support.senders import (
    AUDITED,
    SentRow,
    is_bad,
    latest_day,
    sent_row,
    service_date_of,
)

_SOURCES = {"medical_claim": "medical", "pharmacy_claim": "pharmacy"}
_COUNTS = ("accepted", "quarantined", "duplicates", "purged")
_FATES = ("history", "superseded", "reversed", "denied", "after_as_of")
_RULE_OF_EVERY_LINE = "DUP01"


@dataclass
class Loaded:
    """A file in the warehouse, and its rows without purged ones.

    night       since which as-of date it is known.
    is_dated    whether it was read under the config in which dates may have slashes.
    must_stay   whether a purge removed something of it, so that it is not read again.
    """

    night: date
    name: str
    rows: list[Row]
    rows_read: int
    is_dated: bool
    must_stay: bool = False

    @property
    def usable(self) -> list[Row]:
        """The rows that are not quarantined."""
        return [row for row in self.rows if not is_bad(row, self.is_dated)]


@dataclass
class Model:
    """The files of a warehouse and its ledger; read_again: nights that read known files again."""

    files: dict[FileKey, Loaded] = field(default_factory=dict)
    ledger: PlainLedger = field(default_factory=PlainLedger)
    read_again: set[date] = field(default_factory=set)

    @property
    def last_night(self) -> date | None:
        """The last as-of date of a run or a file."""
        loaded = (file.night for file in self.files.values())
        return max([*self.ledger.nights, *loaded], default=None)

    def check(self, run: Run, summary: Summary) -> None:
        """Follow a run, and assert what must hold after it."""
        manifest = json.loads((summary.folder / "manifest.json").read_text(encoding="utf-8"))
        visible = self._load(run)
        counted = {(f["table"], f["sha256"]): f for f in manifest["files"]}
        assert counted.keys() == visible.keys(), "a run knows just the files loaded by its date"
        for key, file in visible.items():
            counts = counted[key]
            assert counts["rows_read"] == file.rows_read
            assert file.rows_read == sum(counts[name] for name in _COUNTS)
            if key[0] in CLAIM_TABLES:
                assert counts["quarantined"] == len(file.rows) - len(file.usable)
        lines = 0
        tables = {t["table"]: t for t in manifest["tables"]}
        originals: dict[ClaimKey, set[str]] = {}
        persons = _sole_persons(visible, run.as_of)
        for table in CLAIM_TABLES:
            loaded = list(_claim_rows(table, visible, ALIASES[run.config], persons))
            fates, rows = (
                final_action([row for row, _ in loaded], run.as_of),
                [r for _, r in loaded],
            )
            expected = {name: sum(f.name == name for f in fates) for name in _FATES}
            assert {name: tables[table][name] for name in _FATES} == expected, table
            lines += sum(_is_audited(row, fate) for row, fate in zip(rows, fates, strict=True))
            for row, fate in zip(rows, fates, strict=True):
                if row.original and fate.name not in ("duplicate", "after_as_of"):
                    claim = (_SOURCES[table], row.named_payer, row.claim_id)
                    originals.setdefault(claim, set()).add(row.original)
        coverage = pl.read_parquet(summary.folder / "rule_coverage.parquet")
        judged = coverage.filter(pl.col("rule_id") == _RULE_OF_EVERY_LINE)["lines"].sum()
        assert judged == lines, "every audited line that is known is judged"
        self._check_ledger(run, summary, originals)

    def check_warehouse(self, warehouse: Path) -> None:
        """Assert that the warehouse has the model's files, and that its view `ledger` agrees."""
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            files = connection.execute(
                "SELECT table_name, sha256, night, name, rows_read FROM main.file"
            ).fetchall()
            rows = connection.execute(
                "SELECT exception_id, status, first_seen, last_seen FROM ledger"
            ).fetchall()
        assert {(table, sha256): tuple(rest) for table, sha256, *rest in files} == {
            key: (file.night, file.name, file.rows_read) for key, file in self.files.items()
        }
        assert len(files) == len(self.files), "no file is there twice"
        assert {i: tuple(rest) for i, *rest in rows} == self.ledger.statuses()

    def forget(self, day: date) -> None:
        """Forget a night, its files, and the decisions after it."""
        self.ledger.forget(day)
        self.files = {key: file for key, file in self.files.items() if file.night != day}

    def purge(self, before: date, members: set[str], touched: set[FileKey]) -> None:
        """Remove every row and ledger entry of some members, who must have no record since a day.

        touched   the files that lost something.
        """
        rows = [row for file in self.files.values() for row in file.usable]
        of_gone = [row for row in rows if row.get("member_id") in members]
        assert not [row for row in of_gone if latest_day(row) >= before]
        self.ledger.purge(members)
        for key, file in self.files.items():
            file.must_stay |= key in touched
            file.rows = [
                row
                for row in file.rows
                if is_bad(row, file.is_dated) or row.get("member_id") not in members
            ]

    def _load(self, run: Run) -> dict[FileKey, Loaded]:
        """Load the new files of a run, and return all that it knows."""
        for extract in run.landing or ():
            rows = list(extract.rows)
            new = Loaded(run.as_of, extract.name, rows, len(rows), run.config == DATED)
            file = self.files.setdefault(extract.key, new)
            file.night = min(file.night, run.as_of)
            if not file.must_stay and file.is_dated != new.is_dated:
                file.is_dated = new.is_dated
                self.read_again.add(run.as_of)
        return {key: file for key, file in self.files.items() if file.night <= run.as_of}

    def _check_ledger(
        self, run: Run, summary: Summary, originals: dict[ClaimKey, set[str]]
    ) -> None:
        columns = list(PlainException.__dataclass_fields__)
        exceptions = pl.read_parquet(summary.folder / "exceptions.parquet", columns=columns)
        found = [PlainException(**row) for row in exceptions.unique("exception_id").to_dicts()]
        events = self.ledger.run(run.as_of, found, originals)
        changes = pl.read_parquet(summary.folder / "changes.parquet")
        rows = changes.select("exception_id", "status", "first_seen", "continues").rows()
        assert {i: tuple(rest) for i, *rest in rows} == {
            i: (e.status, e.first_seen, e.continues) for i, e in events.items()
        }


def _sole_persons(visible: dict[FileKey, Loaded], as_of: date) -> dict[str, str]:
    """Member ids that go with exactly one person_id in the rows known on a date -> that person."""
    persons: dict[str, set[str]] = {}
    for file in visible.values():
        for row in file.usable:
            if row.get("person_id") and (service_date_of(row) or as_of) <= as_of:
                persons.setdefault(str(row["member_id"]), set()).add(str(row["person_id"]))
    return {member: found.pop() for member, found in persons.items() if len(found) == 1}


def _claim_rows(
    table: str,
    visible: dict[FileKey, Loaded],
    aliases: dict[str, str],
    persons: dict[str, str],
) -> Iterator[tuple[LoadedRow, SentRow]]:
    """The usable rows of a claim table, as the reference takes them, and as they were sent."""
    for (name, _), file in visible.items():
        if name == table:
            for number, sent in enumerate(file.usable):
                row = sent_row(sent, aliases, persons)
                yield LoadedRow(row, file.night, file.name, number), row


def _is_audited(row: SentRow, fate: Fate) -> bool:
    return fate.name == "history" and row.product in AUDITED and (fate.paid or 0) > 0
