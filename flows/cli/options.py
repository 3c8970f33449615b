"""Options that several commands share, each with its help."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from cyclopts import Parameter

from flows.plan import Request
from flows.privacy import FULL, Level


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a judgement rests on beside the extracts."""

    config: Path | None = None
    """a TOML file with settings"""

    policies: Path | None = None
    """a folder with more policy files and code sets"""

    ndc_directory: Path | None = None
    """a folder with the FDA NDC directory (product.txt, package.txt)"""


NO_SETTINGS = Settings()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reports:
    """Where a run's results go, and which there are beside those that every run has."""

    output: Path
    """folder for reports; each run has its own folder run=ID in it"""

    warehouse: Path | None = None
    """the warehouse to add to (default: audit.duckdb in the output folder)"""

    partition_by: Literal["payer"] | None = None
    """also write the exceptions into a folder per payer: exceptions/payer=ID/part-0.parquet"""

    page: bool = True
    """write summary.html, the page of the run for people"""

    privacy: Level = FULL
    """what results show of persons: everything, keyed pseudonyms in place of identifiers, or counts and sums alone"""

    xlsx: bool | None = None
    """write the work-paper exceptions.xlsx, or not (default: up to 5,000 exceptions)"""

    whole: bool = False
    """judge everybody again, also those whom nothing touched since the night before"""

    def request(self, input: Path | None, as_of: date, settings: Settings) -> Request:
        """The run that these options ask for."""
        return Request(
            input,
            self.output,
            self.warehouse or self.output / "audit.duckdb",
            as_of,
            settings.config,
            settings.policies,
            settings.ndc_directory,
            self.partition_by,
            self.xlsx,
            self.whole,
            page=self.page,
            privacy=self.privacy,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Deciding:
    """What a person decides about exceptions, and who says so."""

    warehouse: Path
    """the warehouse whose ledger is meant"""

    by: str
    """who decides"""

    reason: str | None = None
    """why (a CSV may give its own in a column reason, a work-paper in disposition_reason)"""

    file: Path | None = None
    """a CSV with a column exception_id, and perhaps reason; to dismiss also a work-paper (exceptions.xlsx)"""
