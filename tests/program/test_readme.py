"""The README's way to the first defended exception, command by command."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import ROOT

BIN = Path(sys.executable).parent
EXIT_CODES = {"lint": 1}
SHOWS = {
    "make audit": "the first night",
    "claims-audit rules GEN01": "Was the brand paid",
    "explain": "8700.00 at risk of 9310.00 paid",
    "run": "1 dismissed",
}


def _commands() -> list[str]:
    section = (
        (ROOT / "README.md")
        .read_text(encoding="utf-8")
        .split("## From installation to")[1]
        .split("\n## ")[0]
    )
    return [
        line
        for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        for line in block.splitlines()
    ]


def _of_make(target: str) -> str:
    """The command that a target of the Makefile runs."""
    recipe = re.search(
        rf"^{target}:.*\n\t(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert recipe
    return recipe[1].replace("$(BIN)/", "")


@pytest.mark.slow
def test_the_way_to_the_first_defended_exception(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    commands = _commands()
    assert commands[0] == "make audit" and len(commands) >= 6
    for command in commands:
        program, name, *_ = words = shlex.split(
            _of_make("audit") if command == "make audit" else command
        )
        assert program == "claims-audit"
        done = subprocess.run(
            [BIN / program, *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == EXIT_CODES.get(name, 0), done.stderr
        assert re.search(SHOWS.get(command, SHOWS.get(name, "")), done.stdout), command
