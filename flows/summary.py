"""What a run came to: the one thing that leaves the stages."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Summary:
    """What a run came to, in counts: safe to print and to store.

    exceptions            "RULE outcome" -> how many.
    at_risk_by_outcome    dollars of the lines whose strongest outcome it is; they add up to amount_at_risk.
    repeated_amounts      claims whose lines repeat the claim's amount.
    persons, judged_again who has lines of audited drugs, and how many of them were judged tonight.
    notes                 what the user must know of results that were not written, or not whole.
    """

    run_id: str
    as_of: str
    folder: Path
    was_there: bool
    loaded_files: int
    passed_over: tuple[str, ...]
    growing: tuple[str, ...]
    rows_read: int
    quarantined: int
    duplicates: int
    night_before: str | None
    moved: dict[str, int]
    exceptions: dict[str, int]
    lines: int
    amount_at_risk: str
    at_risk_by_outcome: dict[str, str] = field(default_factory=dict)
    repeated_amounts: int = 0
    persons: int = 0
    judged_again: int = 0
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """The state in which the flow ends."""
        return "Completed with quarantine" if self.quarantined else "Completed"

    @property
    def found(self) -> int:
        """How many exceptions there are."""
        return sum(self.exceptions.values())

    def by_rule(self) -> dict[str, dict[str, int]]:
        """Rule -> outcome -> exceptions."""
        counts: dict[str, dict[str, int]] = {}
        for name, count in self.exceptions.items():
            rule, _, outcome = name.partition(" ")
            counts.setdefault(rule, {})[outcome] = count
        return counts

    def moved_in_words(self) -> str:
        """What moved since the night before, in a few words."""
        moved = ", ".join(f"{count} {status}" for status, count in self.moved.items())
        if self.night_before is None:
            return f"the first night of this warehouse: {moved or 'nothing found'}"
        return f"since {self.night_before}: {moved or 'nothing new'}"
