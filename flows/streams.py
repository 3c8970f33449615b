"""Standard output and error of a process that nothing can stop: full, gone, or without letters.

A run that is published has finished, even if its summary cannot be printed. So writing here never
fails; the trouble can be asked for afterwards.
"""

import io
import os
import re
import sys
from contextlib import suppress
from textwrap import wrap
from typing import Any

_LABEL = re.compile(r" *(?:\S[^.]{0,20}? {2,})?")


class _ForgivingFile(io.FileIO):
    """A file that swallows what cannot be written, and remembers why."""

    trouble: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or pretend to."""
        try:
            return super().write(data)
        except OSError as error:
            self.trouble = self.trouble or error
            return len(data)


class Stream(io.TextIOWrapper):
    """A text stream that never fails; characters that its encoding lacks are spelled out."""

    def __init__(self, descriptor: int, like: io.TextIOBase | None, by_line: bool) -> None:
        """A stream to a descriptor, in the encoding of another stream."""
        self._file = _ForgivingFile(descriptor, "wb", closefd=False)
        super().__init__(
            io.BufferedWriter(self._file),
            encoding=(like and like.encoding) or "utf-8",
            errors="backslashreplace",
            line_buffering=by_line or self._file.isatty(),
        )

    def lost(self) -> OSError | None:
        """Why something could not be written; None if everything was."""
        self.flush()
        return self._file.trouble


def open_streams() -> Stream:
    """Replace `sys.stdout` and `sys.stderr`; returns the former."""
    sys.stderr = Stream(os.dup(2), sys.stderr, by_line=True)  # type: ignore[arg-type]
    sys.stdout = out = Stream(1, sys.stdout, by_line=False)  # type: ignore[arg-type]
    return out


def say(text: str, on_error: bool = False) -> None:
    """Print a text, as it is into a file; on a terminal no word is broken at the edge."""
    stream = sys.stderr if on_error else sys.stdout
    if stream.isatty():
        columns = os.get_terminal_size(stream.fileno()).columns
        text = "\n".join(folded(line, columns) for line in text.split("\n"))
    print(text, file=stream, flush=on_error)


def folded(line: str, columns: int) -> str:
    """The line in lines of so many columns, indented as its text is, behind a label if any."""
    if not 0 < columns < len(line):
        return line
    label = _LABEL.match(line)
    indent = len(label[0]) if label else 0
    lines = wrap(
        line,
        columns,
        subsequent_indent=" " * (indent if indent * 2 < columns else 0),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def mute_engines() -> None:
    """Hide what engines and child processes write to descriptor 2: our messages say what counts.

    Rust and C++ report there, past Python, what they were doing when they aborted.
    """
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
