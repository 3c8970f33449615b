"""The README shows what the program prints, and the quickstart's commands work in order."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from audit_rules.policy.library import load_policies
from audit_rules.rules import CATALOGUE
from tests.support.running import ROOT

BIN = Path(sys.executable).parent
EXIT_CODES = {"lint": 1}
SHOWS = {
    "make audit": "342 new",
    "claims-audit rules GEN01": "Was the brand paid",
    "explain": "8700.00 at risk of 9310.00 paid",
    "run": "1 dismissed",
}
RUN_ID = re.compile(r"\b[0-9a-f]{16}\b")
MOST_LINES = 85
LEFT_OUT = "..."
COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _commands() -> list[str]:
    quickstart = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", quickstart, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def _of_make(target: str) -> str:
    """The command that a target of the Makefile runs."""
    recipe = re.search(
        rf"^{target}:.*\n\t(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert recipe
    return recipe[1].replace("$(BIN)/", "")


def _lines(text: str) -> list[str]:
    """The lines without trailing whitespace. A run id changes with the program: it reads as ID."""
    return [RUN_ID.sub("ID", line.rstrip()) for line in text.splitlines()]


def _shown_in_readme() -> list[list[str]]:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return [_lines(block) for block in re.findall(r"```text\n(.*?)```", readme, re.DOTALL)]


def _not_printed(shown: list[str], printed: list[str]) -> list[str]:
    """The shown lines that were not printed at that place; lines are missing only at LEFT_OUT."""
    rest, wrong, is_after_gap = printed, [], True
    for line in shown:
        if line.strip() == LEFT_OUT:
            is_after_gap = True
        elif line in (rest if is_after_gap else rest[:1]):
            rest = rest[rest.index(line) + 1 :]
            is_after_gap = False
        else:
            wrong.append(line)
    return wrong


def test_it_counts_the_rules_and_names_every_drug_of_the_documents() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    documents = [p.document for p in load_policies().policies if p.document.payer]
    payers = {document.payer for document in documents}
    assert f"[{len(CATALOGUE)} rules](docs/rules.md)" in readme
    first = " ".join(readme.split("## Try it", maxsplit=1)[0].split())
    counts = f"{COUNTED[len(documents)]} documents of {COUNTED[len(payers)]} payers"
    assert counts in first, f"README.md: write {counts!r} before `Try it`"
    unnamed = {d.drug for d in documents if d.drug and d.drug not in first}
    assert unnamed == set(), "README.md: name these drugs before `Try it`"


def test_it_is_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= MOST_LINES, "move what is not needed at first sight to docs/"


@pytest.mark.slow
def test_the_way_to_the_first_defended_exception(
    tmp_path: Path, standing_server: dict[str, str]
) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    commands = _commands()
    assert commands[0] == "make audit" and len(commands) >= 6
    printed = {}
    for command in commands:
        program, name, *_ = words = shlex.split(
            _of_make("audit") if command == "make audit" else command
        )
        assert program == "claims-audit"
        done = subprocess.run(
            [BIN / program, *words[1:]],
            cwd=tmp_path,
            env=os.environ | standing_server,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == EXIT_CODES.get(name, 0), done.stderr
        assert re.search(SHOWS.get(command, SHOWS.get(name, "")), done.stdout), command
        printed.setdefault(name, _lines(done.stdout))
    audit, explain = _shown_in_readme()
    assert _not_printed(audit, printed["run"]) == [], "README.md: copy what `make audit` prints"
    assert _not_printed(explain, printed["explain"]) == [], "README.md: copy what it prints"


def test_output_with_a_changed_or_a_silently_missing_line_is_noticed() -> None:
    printed = ["a", "b", "c", "d"]
    assert _not_printed(["a", "b", "...", "d"], printed) == []
    assert _not_printed(["a", "b", "d"], printed) == ["d"]
    assert _not_printed(["a", "x", "b"], printed) == ["x"]
