"""The command line without a command, and completion for the user's shell."""

import os
import subprocess
from pathlib import Path

import pytest
from cyclopts.completion import detect

from flows.cli.app import main


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("ZSH", "ZSH_CUSTOM", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr()
    assert "Usage: claims-audit COMMAND" in printed.out and "explain" in printed.out
    assert printed.err == ""


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_the_completion_script_is_written_into_the_home_folder(
    shell: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--install-completion", "--shell", shell]) == 0
    (script,) = [p for p in home.rglob("*") if p.is_file() and "claims-audit" in p.name]
    assert str(script) in capsys.readouterr().out
    text = script.read_text(encoding="utf-8")
    assert "explain" in text and "warehouse" in text


def test_bash_completes_a_command_once_the_script_is_installed(home: Path) -> None:
    for _ in range(2):
        assert main(["--install-completion", "--shell", "bash"]) == 0
    started = (home / ".bashrc").read_text(encoding="utf-8")
    assert started.count("bash-completion/completions/claims-audit") == 2  # one line names it twice
    asks = (
        "source ~/.bashrc; COMP_WORDS=(claims-audit expl); COMP_CWORD=1; "
        "$(complete -p claims-audit | sed -E 's/.*-F ([^ ]+).*/\\1/'); echo ${COMPREPLY[@]}"
    )
    environment = os.environ | {"HOME": str(home)}
    done = subprocess.run(
        ["bash", "--norc", "-c", asks],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["explain"]


def test_a_shell_that_is_not_recognized_must_be_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise detect.ShellDetectionError

    monkeypatch.setattr(detect, "detect_shell", refuse)
    assert main(["--install-completion"]) == 2
    assert "--shell" in capsys.readouterr().err
    assert list(home.iterdir()) == []
