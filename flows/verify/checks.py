"""What was checked, what failed, and what could not be checked."""

from dataclasses import dataclass, field


@dataclass
class Checks:
    """The sentences of a verification, in the order of the checks."""

    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def expect(self, holds: bool, passed: str, failed: str) -> None:
        """Note one check with the sentence that belongs to how it ended."""
        if holds:
            self.passed.append(passed)
        else:
            self.failed.append(failed)

    def expect_none(self, problems: list[str], passed: str) -> None:
        """Note a check that found a sentence for each problem, or none."""
        if problems:
            self.failed += problems
        else:
            self.passed.append(passed)
