"""`claims-audit policy new`: a commented file of each kind that loads; nothing is overwritten."""

import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from audit_rules.lint.run import lint as find_defects
from audit_rules.policy.document import load_policy
from audit_rules.policy.language.kinds import KINDS
from audit_rules.policy.library import load_policies, read_policy_files
from flows.cli import policy_new
from flows.cli.app import main
from tests.support.policy_schema import errors_of_text
from tests.support.running import AS_OF, ROOT

ANSWERS = {
    "--document-id": "lakeside-new",
    "--title": 'Lakeside "Health", Limits',
    "--payer": "Lakeside Health",
    "--drug": "risedronate",
}
NAMES = [kind.kind for kind in KINDS]


def _new(path: Path, *more: str, without: str = "", kind: str = "quantity") -> int:
    answers = {"--kind": kind, **ANSWERS}
    answers.pop(without, None)
    words = [word for pair in answers.items() for word in pair]
    return main(["policy", "new", *words, "--output", str(path), *more])


def test_every_kind_of_term_has_a_starter() -> None:
    starters = {p.stem for p in (ROOT / "audit_rules" / "starters").glob("*.toml")}
    assert starters == {"document", "end", *NAMES} == {"document", "end", *policy_new._KINDS}


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        *((kind, ("--hcpcs", "j1000")) for kind in NAMES),
        ("quantity", ("--ndc", "00430-0478-01")),
        ("dose_basis", ("--ndc", "00430-0478-01")),
        *((kind, ()) for kind in ("quantity", "schedule", "dose_basis")),
    ],
)
def test_the_file_of_a_kind_loads_and_says_what_to_fill_in(
    kind: str, codes: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "new.toml"
    assert _new(path, *codes, kind=kind) == 0
    policy = load_policy(path)
    assert [t.kind for t in policy.terms] == [kind]
    assert policy.document.title == ANSWERS["--title"]
    assert [(p.id, p.names) for p in policy.payers] == [("lakeside-health", ("Lakeside Health",))]
    (products,) = policy.declared.sets.values()
    assert products.name == "risedronate"
    assert products.hcpcs == (("J1000",) if "j1000" in codes else ())
    assert products.ndc == (("00430047801",) if "--ndc" in codes else ())
    text = path.read_text(encoding="utf-8")
    assert "$" not in text
    assert errors_of_text(text) == []
    comments = re.findall(r"#.*", text)
    assert sum("FILL IN" in comment for comment in comments) >= 4
    assert all(line.isascii() and len(line) <= 120 for line in text.splitlines())


def test_a_document_may_have_several_kinds_and_lint_finds_only_the_list_to_fill_in(
    tmp_path: Path,
) -> None:
    path = tmp_path / "new.toml"
    assert _new(path, *(w for kind in NAMES for w in ("--kind", kind)), "--hcpcs", "J1000") == 0
    assert sorted(t.kind for t in load_policy(path).terms) == sorted(NAMES)
    assert errors_of_text(path.read_text(encoding="utf-8")) == []
    found = find_defects(read_policy_files([path]), AS_OF)
    errors = [(d.check, d.code) for d in found if d.severity == "error"]
    assert errors == [("empty_codes", "covered diagnoses")]
    load_policies(tmp_path)


def test_a_payer_that_a_shipped_document_names_keeps_its_id(tmp_path: Path) -> None:
    (name, payer), *_ = load_policies().payer_names().items()
    path = tmp_path / "new.toml"
    words = ["--payer", name.upper()]
    answers = [w for pair in ANSWERS.items() if pair[0] != "--payer" for w in pair]
    assert main(["policy", "new", "--kind", "who", *answers, *words, "--output", str(path)]) == 0
    assert load_policy(path).document.payer == payer
    load_policies(tmp_path)


def test_no_file_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine", encoding="utf-8")
    assert _new(path) == 2
    assert path.read_text(encoding="utf-8") == "mine"
    assert "'mine.toml' is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--document-id", "Not An Id"], "--document-id"),
        (["--hcpcs", "12"], "not a HCPCS code"),
        (["--ndc", "12"], "ndc"),
        (["--title", "a\nb"], "--title"),
        (["--title", " "], "--title"),
        (["--effective-from", "soon"], "--effective-from"),
        (["--kind", "poem"], "--kind"),
    ],
)
def test_an_answer_that_makes_no_policy_is_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _new(tmp_path / "new.toml", *words, without=words[0]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _new(tmp_path / "nowhere" / "new.toml") == 2
    assert "'nowhere'" in capsys.readouterr().err


class _Terminal(io.StringIO):
    """A terminal at which a person answers, or a pipe."""

    is_terminal = True

    def isatty(self) -> bool:
        return self.is_terminal


def _at(answers: str, monkeypatch: pytest.MonkeyPatch, is_terminal: bool = True) -> _Terminal:
    """Answer so; returns what is shown."""
    keyboard, screen = _Terminal(answers), _Terminal()
    keyboard.is_terminal = is_terminal
    monkeypatch.setattr(sys, "stdin", keyboard)
    monkeypatch.setattr(sys, "stdout", screen)
    return screen


@pytest.mark.parametrize("left_out", ["--kind", *ANSWERS])
def test_a_person_at_a_terminal_is_asked_for_what_is_left_out(
    left_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = _at({"--kind": "who"}.get(left_out, "an-answer") + "\nmore\n", monkeypatch)
    assert _new(tmp_path / "new.toml", without=left_out) == 0
    assert screen.getvalue().partition("Wrote")[0].count(": ") == 1
    text = (tmp_path / "new.toml").read_text(encoding="utf-8")
    assert ("[[who]]" if left_out == "--kind" else "an-answer") in text


@pytest.mark.parametrize("left_out", ["--kind", *ANSWERS])
def test_without_a_terminal_nothing_is_asked(
    left_out: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = _at("an-answer\n", monkeypatch, is_terminal=False)
    assert _new(tmp_path / "new.toml", without=left_out) == 2
    assert screen.getvalue() == ""
    assert f"{left_out} is missing" in capsys.readouterr().err


@pytest.mark.parametrize("answers", ["", "\n", "poem\n"])
def test_no_answer_or_a_wrong_one_ends_the_command(
    answers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _at(answers, monkeypatch)
    assert _new(tmp_path / "new.toml", without="--kind") == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_program_asks_at_a_real_terminal(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    terminal, side = pty.openpty()
    words = [sys.executable, "-m", "flows", "policy", "new", "--output", path]
    program = subprocess.Popen(words, stdin=side, stdout=side, stderr=side, cwd=ROOT)
    os.close(side)
    answers = [b"who\n", b"lakeside-new\n", b"A title\n", b"Lakeside\n", b"vedolizumab\n"]
    shown = b""
    while True:
        try:
            some = os.read(terminal, 1024)
        except OSError:  # the program has ended
            break
        if not some:
            break
        shown += some
        if answers and shown.endswith(b": "):
            os.write(terminal, answers.pop(0))
            shown += b"\n"
    os.close(terminal)
    assert program.wait() == 0, shown
    assert answers == []
    assert [t.kind for t in load_policy(path).terms] == ["who"]


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "schema"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert printed["title"] == "policy"


def test_an_unknown_command_of_the_group_names_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["policy", "neww"]) == 2
    assert "import, new, test, schema" in capsys.readouterr().err
