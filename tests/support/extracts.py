"""Write extracts from plain rows, and run the stages up to final action. No Prefect, no rules."""

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl

from audit_rules.engine.dossier import WarehouseFrames
from flows.judging.frames import read_frames
from flows.plan import Plan, plan
from flows.report_steps import MEMORY
from flows.results.failed_checks import failed_checks
from flows.results.tables import write_tables
from flows.run_folders import begin
from flows.settle.balance import Balance
from flows.settle.claims import SETTLED
from flows.settle.final_action import SETTLE_WARNING
from flows.stages import load_stage, settle_stage, validate_stage
from flows.warehouse.connection import opened
from flows.warehouse.keep import keep
from flows.warehouse.left_open import LeftOpen
from schemas.row_warnings import (
    MATCHED_BY_CONTENT,
    UNMATCHED_REPLACEMENT,
    UNMATCHED_REVERSAL,
)
from schemas.tables import TABLES
from tests.support.running import request_for

Row = dict[str, object]
Content = Sequence[Row] | pl.DataFrame | str | bytes

AS_OF = date(2026, 6, 30)
IMATINIB = "47335047281"
ANY_ERROR_RATE = "max_error_rate = 1.0\n"

GOOD: dict[str, Row] = {
    "medical_claim": {
        "claim_id": "1",
        "claim_line_number": "1",
        "member_id": "M",
        "payer": "Cigna",
        "claim_start_date": "2026-01-05",
        "claim_line_start_date": "2026-01-05",
        "hcpcs_code": "S0088",
        "service_unit_quantity": "30",
        "paid_amount": "100.00",
    },
    "pharmacy_claim": {
        "claim_id": "1",
        "claim_line_number": "1",
        "member_id": "M",
        "payer": "Cigna",
        "dispensing_date": "2026-01-05",
        "ndc_code": IMATINIB,
        "quantity": "30",
        "days_supply": "30",
        "paid_amount": "100.00",
    },
    "diagnosis": {"member_id": "M", "diagnosis_code": "C92.10", "diagnosis_date": "2026-01-05"},
    "eligibility": {
        "member_id": "M",
        "payer": "Cigna",
        "birth_date": "1970-05-01",
        "enrollment_start_date": "2020-01-01",
    },
    "authorization": {
        "authorization_id": "A1",
        "member_id": "M",
        "payer": "Cigna",
        "drug": "imatinib",
        "status": "approved",
        "start_date": "2026-01-01",
        "end_date": "2026-12-31",
    },
    "clinical_evidence": {
        "member_id": "M",
        "evidence_date": "2026-01-05",
        "evidence_code": "response",
        "evidence_value": "CR",
    },
    "provider": {"npi": "1234567893", "taxonomy_code": "207RH0003X"},
}
"""One row per table that passes every check."""


def good(table: str, **values: object) -> Row:
    """The table's good row with some values changed; None is an empty cell."""
    return GOOD[table] | values


def as_csv(rows: Sequence[Row]) -> str:
    """Rows as CSV, with every column that any row has, in order of appearance; None is empty."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in rows)
    return out.getvalue()


def write(folder: Path, files: Mapping[str, Content]) -> Path:
    """Write a landing folder: file name -> rows, a frame (for .parquet), text or bytes."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
            continue
        plain = content if isinstance(content, (str, bytes)) else as_csv(content)
        encoded = plain if isinstance(plain, bytes) else plain.encode()
        path.write_bytes(
            gzip.compress(encoded) if name.endswith(".gz") and isinstance(plain, str) else encoded
        )
    return folder


@dataclass(frozen=True)
class Failure:
    """One row of the quarantine, without its raw record."""

    table: str
    file: str
    row_number: int
    column: str | None
    check: str


@dataclass(frozen=True)
class Warned:
    """One row of the warnings."""

    table: str
    file: str
    column: str
    check: str
    rows: int
    first_row_number: int


@dataclass(frozen=True)
class Settled:
    """One claim row after final action: its fate and figures."""

    fate: str
    paid_amount: Decimal | None
    quantity: Decimal | None
    fee: Decimal | None = None
    counted_as: str | None = None


@dataclass(frozen=True)
class Ran:
    """A run that ended after final action."""

    plan: Plan
    balance: Balance
    passed_over: int
    notes: tuple[str, ...] = ()

    @cached_property
    def findings(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The result tables quarantine and warnings, as a run writes them."""
        with TemporaryDirectory() as folder:
            with opened(self.plan.bench) as connection:
                write_tables(Path(folder), failed_checks(connection))
            quarantine, warnings = (
                pl.read_parquet(Path(folder) / f"{name}.parquet")
                for name in ("quarantine", "warnings")
            )
        return quarantine, warnings

    @cached_property
    def quarantine(self) -> list[Failure]:
        """Every failed check of severity error."""
        return [Failure(**row) for row in self.findings[0].drop("raw_record").to_dicts()]

    @cached_property
    def raw_records(self) -> list[str]:
        """The raw record of each failed check, in the order of `quarantine`."""
        return self.findings[0]["raw_record"].to_list()

    @cached_property
    def warnings(self) -> list[Warned]:
        """Every group of warnings."""
        return [Warned(**row) for row in self.findings[1].to_dicts()]

    def rows(self, table: str) -> list[Row]:
        """Every row of a table as stored, without quarantined ones, in order of file and row."""
        columns = ", ".join(f't."{c.name}"' for c in TABLES[table].columns)
        with opened(self.plan.bench) as connection:
            frame: pl.DataFrame = connection.sql(
                f"""SELECT f.name AS file, t.row_number, {columns}
                    FROM every_{table} t JOIN every_file f USING (file_no)
                    ORDER BY f.name, file_no, row_number"""
            ).pl()
        return frame.to_dicts()

    def settled(self, table: str) -> dict[tuple[str, int], Settled]:
        """Every stored claim row after final action, by file and position in its file."""
        with opened(self.plan.bench) as connection:
            found = _settled(connection, table)
        return {(name, number): settled for _, name, number, settled in found}

    def settled_by_night(self, table: str) -> dict[tuple[date, str, int], Settled]:
        """Every stored claim row after final action, by night, file and position in its file."""
        with opened(self.plan.bench) as connection:
            nights = dict(connection.execute("SELECT file_no, night FROM every_file").fetchall())
            return {
                (nights[file_no], name, number): settled
                for file_no, name, number, settled in _settled(connection, table)
            }

    def extracted(self) -> WarehouseFrames:
        """The frames that the rules would get."""
        with opened(self.plan.bench) as connection:
            return read_frames(connection, self.plan.reference, self.plan.request.as_of)

    def failed(self, table: str) -> list[tuple[int, str | None, str]]:
        """Row number, column and check of every failed check of a table."""
        return [(f.row_number, f.column, f.check) for f in self.quarantine if f.table == table]

    def warned(self, table: str) -> list[tuple[str, str, int, int]]:
        """Column, check, rows and first row number of every warning of a table."""
        return [
            (w.column, w.check, w.rows, w.first_row_number)
            for w in self.warnings
            if w.table == table
        ]

    def keep(self) -> None:
        """Add this run's rows to the warehouse, as the end of a run does."""
        keep(self.plan.bench, MEMORY)


_COUNTED = (UNMATCHED_REVERSAL, UNMATCHED_REPLACEMENT, MATCHED_BY_CONTENT)


def _settled(
    connection: duckdb.DuckDBPyConnection, table: str
) -> list[tuple[int, str, int, Settled]]:
    """File number and name, row number and fate of every claim row of a table."""
    found = connection.execute(
        f"""SELECT t.file_no, f.name, t.row_number, t.fate, t.netted_paid_amount,
                   t.netted_quantity,
                   {"t.netted_fee" if table == "pharmacy_claim" else "NULL"}, x.check_name
            FROM {SETTLED[table]} t JOIN every_file f USING (file_no)
            LEFT JOIN (FROM {SETTLE_WARNING[table]} WHERE check_name IN {_COUNTED}) x
                USING (file_no, row_number)"""
    ).fetchall()
    return [(file_no, name, number, Settled(*rest)) for file_no, name, number, *rest in found]


def run(
    folder: Path,
    files: Mapping[str, Content],
    *,
    config: str = "",
    as_of: date = AS_OF,
    landing: str = "in",
) -> Ran:
    """Write the files into FOLDER/LANDING and run the stages up to final action over them.

    The warehouse is in FOLDER.
    """
    given = write(folder / landing, files)
    given.mkdir(exist_ok=True)
    settings = folder / f"{landing}.toml"
    settings.write_text(config, encoding="utf-8")
    made = plan(request_for(given, folder, folder / "audit.duckdb", as_of, settings))
    begin(made)
    passed_over = load_stage(made, lambda _name: None).passed_over
    with closing(LeftOpen(made.bench)) as bench:
        validate_stage(made, bench)
        settled = settle_stage(made, bench)
    return Ran(made, settled.balance, len(passed_over), tuple(map(str, settled.notes)))
