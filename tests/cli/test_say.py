"""Sentences on a terminal: no word is broken, and what is wider goes on below its text."""

import io
import os
import pty
import sys

import pytest

from flows.streams import folded, say


@pytest.mark.parametrize(
    ("line", "columns", "wanted"),
    [
        ("one two three", 13, ["one two three"]),
        ("one two three", 12, ["one two", "three"]),
        ("  error: one two", 14, ["  error: one", "  two"]),
        ("pass    one two three", 19, ["pass    one two", "        three"]),
        ("checked  One two. Three.", 21, ["checked  One two.", "         Three."]),
        ("a/path-that-is-too-long b", 10, ["a/path-that-is-too-long", "b"]),
    ],
)
def test_a_line_goes_on_below_its_text(line: str, columns: int, wanted: list[str]) -> None:
    assert folded(line, columns).split("\n") == wanted


def test_a_file_gets_the_text_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    text = "word " * 60 + "\n\n  word"
    say(text)
    assert sys.stdout.getvalue() == f"{text}\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("on_error", [False, True])
def test_a_terminal_breaks_no_word(monkeypatch: pytest.MonkeyPatch, on_error: bool) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((40, 24)))
    words = [f"word{n}" for n in range(40)]
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr" if on_error else "stdout", terminal)
        say(" ".join(words), on_error)
        terminal.flush()
        shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert shown.split() == words and max(map(len, shown.splitlines())) <= 40
