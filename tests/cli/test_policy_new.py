"""`claims-audit policy new`: a commented file of each kind that loads; nothing is overwritten."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from audit_rules.lint.run import has_errors
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


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("codes", [("--hcpcs", "j1000"), ("--ndc", "00430-0478-01"), ()])
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


@pytest.mark.parametrize("kind", NAMES)
def test_lint_finds_no_error_in_a_new_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    assert _new(path, "--hcpcs", "J1000", kind=kind) == 0
    assert not has_errors(find_defects(read_policy_files([path]), AS_OF))
    load_policies(tmp_path)


def test_a_document_may_have_several_kinds(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    assert _new(path, *(w for kind in NAMES for w in ("--kind", kind)), "--hcpcs", "J1000") == 0
    assert sorted(t.kind for t in load_policy(path).terms) == sorted(NAMES)
    assert errors_of_text(path.read_text(encoding="utf-8")) == []


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


class _Keyboard:
    """A terminal at which a person answers."""

    def __init__(self, is_terminal: bool, *answers: str) -> None:
        self.questions: list[str] = []
        self._is_terminal, self._answers = is_terminal, list(answers)

    def isatty(self) -> bool:
        return self._is_terminal

    def ask(self, question: str) -> str:
        self.questions.append(question)
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)


def _at(keyboard: _Keyboard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", keyboard.ask)
    monkeypatch.setattr(policy_new, "_is_terminal", keyboard.isatty)


@pytest.mark.parametrize("left_out", ["--kind", *ANSWERS])
def test_a_person_at_a_terminal_is_asked_for_what_is_left_out(
    left_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyboard = _Keyboard(True, {"--kind": "who"}.get(left_out, "an-answer"))
    _at(keyboard, monkeypatch)
    assert _new(tmp_path / "new.toml", without=left_out) == 0
    assert len(keyboard.questions) == 1
    assert (
        "an-answer" in (tmp_path / "new.toml").read_text(encoding="utf-8") or left_out == "--kind"
    )


@pytest.mark.parametrize("left_out", ["--kind", *ANSWERS])
def test_without_a_terminal_nothing_is_asked(
    left_out: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keyboard = _Keyboard(False, "an-answer")
    _at(keyboard, monkeypatch)
    assert _new(tmp_path / "new.toml", without=left_out) == 2
    assert keyboard.questions == []
    assert f"{left_out} is missing" in capsys.readouterr().err


@pytest.mark.parametrize("answers", [(), ("",), ("poem",)])
def test_no_answer_or_a_wrong_one_ends_the_command(
    answers: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _at(_Keyboard(True, *answers), monkeypatch)
    assert _new(tmp_path / "new.toml", without="--kind") == 2
    assert list(tmp_path.iterdir()) == []


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "schema"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert printed["title"] == "policy"


def test_an_unknown_command_of_the_group_names_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["policy", "neww"]) == 2
    assert "import, new, test, schema" in capsys.readouterr().err
