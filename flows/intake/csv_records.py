"""Count the records of a CSV file without DuckDB: fast if possible, exactly if needed."""

import csv
import gzip
import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from flows.errors import InputRefused
from flows.intake.landing import ExtractFile

LONGEST_LINE = 1 << 26
"""Bytes of a line at most: a longer one is quarantined."""
ENDLESS_LINE = 1 << 28
"""Characters of a line, or of a quoted value, that mean that line ends or quotes are missing."""

_BLANK_LINE = re.compile("\n\n")  # faster than `in` with two characters
_HEAD_LIMIT = 1 << 20  # characters of the file's start that are kept to read the header from


class RecordCounter:
    """Count the records in a stream of text: line ends outside quotes, without blank lines.

    head              the start of the text, with the header.
    records           records so far, the header among them.
    has_blank_lines   whether there are blank lines, between records or in a quoted field.
    has_line_breaks   whether there are line breaks in a quoted field.
    """

    def __init__(self, name: str) -> None:
        """Start at zero; `name` is the file's, for messages."""
        self.name = name
        self.records = 0
        self.head = ""
        self.has_blank_lines = self.has_line_breaks = False
        # parts of the line that has not ended yet: joining them with each chunk would be quadratic
        self._line: list[str] = []
        self._line_length = 0
        self._held = ""
        self._in_quotes = self._has_quote_after_space = False
        self._has_crlf = self._has_lf = self._has_cr = False

    def add(self, text: str) -> None:
        """Count one more chunk.

        Raises InputRefused if it contains NUL, or a line is as long as ENDLESS_LINE.
        """
        if "\0" in text:
            raise InputRefused(
                f"{self.name}: the file contains NUL bytes. Export it again as text."
            )
        if len(self.head) < _HEAD_LIMIT:
            self.head += text[: _HEAD_LIMIT - len(self.head)]
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""  # its line feed may be in the next chunk
        text = self._note_line_ends(text.removesuffix("\r"))
        complete, end, rest = text.rpartition("\n")
        if end:
            self._count("".join([*self._line, complete]))
            self._line, self._line_length = [], 0
        self._line.append(rest)
        self._line_length += len(rest)
        if self._line_length > ENDLESS_LINE:
            raise InputRefused(_no_end(self.name, "a line has no end"))

    def finish(self) -> None:
        """Count what is left. Raises InputRefused if the file has no header."""
        self._has_cr |= self._held == "\r"
        if last := "".join(self._line):
            self._count(last)
        if self.records == 0 and not self._in_quotes:
            raise InputRefused(
                f"{self.name}: no header. An extract without rows still needs its header."
            )

    @property
    def has_mixed_line_ends(self) -> bool:
        """Whether the file has more than one kind of line end."""
        return self._has_crlf + self._has_lf + self._has_cr > 1

    @property
    def has_doubtful_quotes(self) -> bool:
        """Whether quotes cannot simply be paired, so that the count may be wrong.

        Either one is never closed, or one follows whitespace: DuckDB takes it for an opening quote.
        """
        return self._in_quotes or self._has_quote_after_space

    def _note_line_ends(self, text: str) -> str:
        """Note which line ends occur, and make all of them line feeds."""
        cr = text.count("\r") if "\r" in text else 0  # looking is faster than counting
        crlf = text.count("\r\n") if cr else 0
        self._has_crlf |= crlf > 0
        self._has_lf |= text.count("\n") > crlf if crlf else "\n" in text
        self._has_cr |= cr > crlf
        return text.replace("\r\n", "\n").replace("\r", "\n") if cr else text

    def _count(self, lines: str) -> None:
        has_blank = not lines or "\n" in (lines[0], lines[-1]) or bool(_BLANK_LINE.search(lines))
        self.has_blank_lines |= has_blank
        if '"' not in lines and not self._in_quotes and not has_blank:
            self.records += lines.count("\n") + 1
            return
        self._has_quote_after_space |= ' "' in lines or '\t"' in lines
        for line in lines.split("\n"):
            if line or self._in_quotes:
                self._in_quotes ^= line.count('"') % 2 == 1
                self.records += not self._in_quotes
                self.has_line_breaks |= self._in_quotes


def count_exactly(extract: ExtractFile, plain: Path, delimiter: str) -> int:
    """Count the records after the header with the csv module: slow, but right about any quotes.

    Raises InputRefused if a quote is opened and never closed, or not within ENDLESS_LINE.
    """
    return sum(_are_records(extract, plain, delimiter)) - 1


def number_lines(extract: ExtractFile, plain: Path, delimiter: str) -> list[int]:
    """For each line as DuckDB counts them, header first, the number of the record it belongs to.

    A line here is a record or a blank line; a blank line gets the number of the record before it.
    """
    return [n - 1 for n in accumulate(_are_records(extract, plain, delimiter))]


def _no_end(name: str, what: str) -> str:
    return (
        f"{name}: {what} within {ENDLESS_LINE} characters, so the records cannot be separated. "
        "Export the file again with line ends and closed quotes."
    )


def _are_records(extract: ExtractFile, plain: Path, delimiter: str) -> Iterator[bool]:
    """For each line, header first, whether it is a record; otherwise it is blank."""
    csv.field_size_limit(ENDLESS_LINE)
    is_zipped = extract.is_gzipped and plain == extract.path
    open_text = gzip.open if is_zipped else open
    with open_text(plain, "rt", encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        while True:
            try:
                yield bool(next(reader))
            except StopIteration:
                return
            except csv.Error as error:
                if "end of data" in str(error):
                    raise InputRefused(
                        f"{extract.name}: a quote is opened and never closed, so the records "
                        "cannot be separated. Export the file again."
                    ) from None
                if "field limit" in str(error):
                    raise InputRefused(_no_end(extract.name, "a quote is not closed")) from None
                yield True  # one record with misplaced quotes; DuckDB will reject it as a row
