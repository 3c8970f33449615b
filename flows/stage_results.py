"""What each stage of a run passes on to the report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flows.settle.balance import Balance
from schemas.notes import Note

OF_FILES = ("files", "passed_over", "read_again", "growing")
"""Names of the counts that say nothing about rows or persons."""


class StageResult(Protocol):
    """The result of a stage, with counts for the screen and for Prefect."""

    def counts(self) -> dict[str, int]:
        """The counts to show; `rows` is one of them."""


@dataclass(frozen=True)
class LoadStageResult:
    """The result of the load stage.

    passed_over, read_again, growing   names of files.
    read_otherwise, purged             files whose rows stay as another config read them: those that
                                       are not in the input, those that a purge has changed.
    rows                               rows of the files that were read.
    said                               what the user should know about how files were read.
    """

    files: int
    passed_over: tuple[str, ...]
    growing: tuple[str, ...]
    rows: int
    seconds: float
    read_again: tuple[str, ...] = ()
    read_otherwise: int = 0
    purged: int = 0
    said: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """The counts to show."""
        named = {
            "passed_over": self.passed_over,
            "read_again": self.read_again,
            "growing": self.growing,
        }
        return {"files": self.files, **{n: len(f) for n, f in named.items()}, "rows": self.rows}


@dataclass(frozen=True)
class ValidateStageResult:
    """The result of the validate stage."""

    failed_checks: int
    warning_kinds: int
    rows: int
    seconds: float

    def counts(self) -> dict[str, int]:
        """The counts to show."""
        return {
            "failed_checks": self.failed_checks,
            "warning_kinds": self.warning_kinds,
            "rows": self.rows,
        }


@dataclass(frozen=True)
class SettleStageResult:
    """The result of the settle stage. notes: what the run says of its files and config."""

    balance: Balance
    notes: tuple[Note, ...]
    seconds: float

    def counts(self) -> dict[str, int]:
        """The counts to show."""
        accepted = sum(t.accepted for t in self.balance.tables)
        history = sum(t.history for t in self.balance.tables)
        return {"history": history, "accepted": accepted, "rows": accepted}


@dataclass(frozen=True)
class JudgeStageResult:
    """The result of the judge stage.

    audited_lines      paid lines of audited drugs and of products of documents.
    repeated_amounts   claims listed in the manifest.
    notes              what the run says of the lines that it judges.
    fresh              folders with the answers that the warehouse is to remember.
    """

    exceptions: int
    lines: int
    audited_lines: int
    rows: int
    persons: int
    judged_again: int
    repeated_amounts: tuple[dict[str, object], ...]
    notes: tuple[Note, ...]
    fresh: tuple[Path, ...]
    seconds: float

    def counts(self) -> dict[str, int]:
        """The counts to show."""
        return {
            "exceptions": self.exceptions,
            "lines": self.lines,
            "audited_lines": self.audited_lines,
            "rows": self.rows,
            "persons": self.persons,
            "judged_again": self.judged_again,
        }
