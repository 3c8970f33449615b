"""Paragraphs of plain text, wrapped to one width and with an optional label in front."""

from collections.abc import Iterator
from textwrap import wrap

WIDTH = 118
_LABEL_WIDTH = 16
_LABEL_INDENT = 6


def paragraph(text: str, indent: int = 0, hang: int = 0) -> Iterator[str]:
    """The text in lines of at most WIDTH; `hang` indents every line but the first further."""
    yield from _wrapped(text, " " * indent, indent + hang)


def labelled(label: str, text: str) -> Iterator[str]:
    """An indented paragraph behind its label; all its lines start in the same column."""
    start = f"{'':{_LABEL_INDENT}}{label:{_LABEL_WIDTH}} "
    yield from _wrapped(text, start, len(start))


def _wrapped(text: str, start: str, indent: int) -> Iterator[str]:
    yield from wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_long_words=False,
    )
