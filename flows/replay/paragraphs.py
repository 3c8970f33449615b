"""Paragraphs of plain text, as wide as the terminal, with an optional label in front."""

import sys
from collections.abc import Iterator
from shutil import get_terminal_size
from textwrap import wrap

WIDEST, _NARROWEST = 118, 60
_LABEL_WIDTH = 16
_LABEL_INDENT = 6


def paragraph(text: str, indent: int = 0, hang: int = 0) -> Iterator[str]:
    """The text in lines; `hang` indents every line but the first further."""
    yield from _wrapped(text, " " * indent, indent + hang)


def labelled(label: str, text: str) -> Iterator[str]:
    """An indented paragraph behind its label; all its lines start in the same column."""
    start = f"{'':{_LABEL_INDENT}}{label:{_LABEL_WIDTH}} "
    yield from _wrapped(text, start, len(start))


def _wrapped(text: str, start: str, indent: int) -> Iterator[str]:
    columns = get_terminal_size().columns if sys.stdout.isatty() else WIDEST
    yield from wrap(
        text,
        max(_NARROWEST, min(columns, WIDEST)),
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_long_words=False,
    )
