"""The command `policy test`."""

from datetime import date
from pathlib import Path

from schemas.notes import counted

DIFFERENCES_FOUND = 1
"""The exit code if a case is not as expected."""


def test(folder: Path, *, as_of: date | None = None) -> int:
    """Judge the cases of a folder of policies, and print what is not as expected.

    A case is a folder, cases/NAME in the folder: extracts as for a run, and expected.csv. Exit code
    1 if a case is not as expected.

    Parameters
    ----------
    folder
        the folder with the policy files and their cases
    as_of
        the as-of date, YYYY-MM-DD (default: a year after the last service date of each case)
    """
    from flows.replay.policy_cases import run_cases

    count = failed = 0
    for case in run_cases(folder, as_of):
        count += 1
        failed += bool(case.differences)
        number = len(case.differences)
        verdict = counted(number, "difference") if number else "as expected"
        found = f"{counted(case.findings, 'finding')} on {counted(case.lines, 'line')}"
        print(f"{case.name}: {verdict} ({found})")
        for difference in case.differences:
            print(f"  {difference}")
    print(f"{count - failed} of {counted(count, 'case')} as expected.")
    return DIFFERENCES_FOUND if failed else 0
