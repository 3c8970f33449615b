"""What a run came to: the one result of all stages."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Summary:
    """What a run came to, in counts: safe to print and to store.

    A count that is None is not shown at the privacy level of the run.

    previous_run           as-of date of the run before (None: there was none).
    changes                status -> exceptions that changed since the previous run.
    exceptions             "RULE outcome" -> how many.
    lines                  claim lines with exceptions; advisory_lines: those with advisories alone.
    totals                 column of worklist.parquet -> the sum of its dollars.
    read_again             names of files that were read again because the config has changed.
    newly_quarantined      rows of `quarantined` in files that this run loaded.
    repeated_amounts       claims whose lines repeat the claim's amount.
    audited_lines          paid lines of audited drugs and of products of documents.
    persons, judged_again  persons with lines of audited drugs, and those judged by this run.
    is_audited             whether there was any paid line of an audited drug.
    notes                  what the user must know of the files, the config, and results that are
                           missing or incomplete.
    """

    run_id: str
    as_of: str
    folder: Path
    was_there: bool
    loaded_files: int
    passed_over: tuple[str, ...]
    growing: tuple[str, ...]
    rows_read: int | None
    quarantined: int | None
    duplicates: int | None
    previous_run: str | None
    changes: dict[str, int] | None
    exceptions: dict[str, int] | None
    lines: int | None
    advisory_lines: int | None = 0
    totals: dict[str, str] = field(default_factory=dict)
    read_again: tuple[str, ...] = ()
    newly_quarantined: int | None = 0
    repeated_amounts: int | None = 0
    audited_lines: int | None = 0
    persons: int | None = 0
    judged_again: int | None = 0
    is_audited: bool = True
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The name of the flow's final state."""
        if not self.is_audited:
            return "Completed, nothing audited"
        return "Completed" if self.quarantined == 0 else "Completed with quarantine"

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to say of how the run ended."""
        return self.is_audited and self.quarantined == 0

    @property
    def found(self) -> int | None:
        """How many exceptions there are."""
        return None if self.exceptions is None else sum(self.exceptions.values())

    def by_rule(self) -> dict[str, dict[str, int]]:
        """Rule -> outcome -> exceptions."""
        counts: dict[str, dict[str, int]] = {}
        for name, count in (self.exceptions or {}).items():
            rule, _, outcome = name.partition(" ")
            counts.setdefault(rule, {})[outcome] = count
        return counts

    def changes_in_words(self) -> str:
        """What changed since the previous run, in a few words."""
        if self.changes is None:
            changed = "not shown at this privacy level"
        else:
            changed = ", ".join(f"{count} {status}" for status, count in self.changes.items())
        if self.previous_run is None:
            return f"the first as-of date of this warehouse: {changed or 'nothing found'}"
        return f"since {self.previous_run}: {changed or 'nothing new'}"
