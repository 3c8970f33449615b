"""Leave out lines of a CSV file that are not records, and give it the header that it lacks."""

import csv
import io
from collections.abc import Iterable, Iterator

from flows.errors import InputRefused
from flows.intake.csv_records import ENDLESS_LINE
from flows.intake.csv_text import with_line_feeds
from flows.intake.header import is_header
from flows.intake.table_config import TableSettings


class LineFilter:
    """The text of one file without the lines that its config names, with a header.

    footer_lines   how many lines began with the footer's text, so far.
    """

    def __init__(self, settings: TableSettings, file_name: str) -> None:
        """Filter by the settings of a table; the name of the file is for messages."""
        self._settings, self._name = settings, file_name
        self.footer_lines = 0

    def filtered(self, chunks: Iterable[str]) -> Iterator[str]:
        """The text in parts, with line feeds for line ends."""
        settings = self._settings
        self.footer_lines, in_quotes, is_first = 0, False, True
        left_to_skip = settings.skip_lines
        for block in _whole_lines(chunks, self._name):
            kept = []
            for line in _lines(block, settings, in_quotes, is_first or left_to_skip > 0):
                if left_to_skip:
                    left_to_skip -= 1
                    continue
                is_header = False
                if is_first and line.strip("\n"):
                    is_first = False
                    is_header = not settings.header or self._is_header(line)
                    if not is_header:
                        yield self._header_line()
                may_be_footer = settings.footer and not in_quotes and not is_header
                if may_be_footer and line.startswith(settings.footer or ""):
                    self.footer_lines += 1
                    continue
                if settings.footer:
                    in_quotes = _ends_in_quotes(line, in_quotes, settings.delimiter)
                kept.append(line)
            yield "".join(kept)
        if is_first and settings.header:
            yield self._header_line()

    def _is_header(self, line: str) -> bool:
        known = {name.strip().lower() for name in self._settings.header}
        return is_header(line, self._settings.delimiter, known)

    def _header_line(self) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=self._settings.delimiter, lineterminator="\n").writerow(
            self._settings.header
        )
        return out.getvalue()


def _lines(block: str, settings: TableSettings, in_quotes: bool, is_start: bool) -> Iterable[str]:
    """The lines of a block, or the block as one if nothing in it can be left out."""
    is_plain = not (is_start or in_quotes or '"' in block)
    if is_plain and not (settings.footer and settings.footer in block):
        return [block]
    return _split(block)


def _split(block: str) -> Iterator[str]:
    lines = block.split("\n")
    yield from (line + "\n" for line in lines[:-1])
    if lines[-1]:
        yield lines[-1]


def _whole_lines(chunks: Iterable[str], file_name: str) -> Iterator[str]:
    """The text in blocks of whole lines, with line feeds for line ends.

    Raises InputRefused if a line is as long as ENDLESS_LINE.
    """
    parts: list[str] = []
    length = 0
    for text in with_line_feeds(chunks):
        complete, end, rest = text.rpartition("\n")
        if end:
            yield "".join([*parts, complete, end])
            parts, length = [], 0
        parts.append(rest)
        length += len(rest)
        if length > ENDLESS_LINE:
            raise InputRefused(
                f"{file_name}: a line has no end within {ENDLESS_LINE} characters. Export the "
                "file again with line ends."
            )
    if last := "".join(parts):
        yield last


def _ends_in_quotes(line: str, in_quotes: bool, delimiter: str) -> bool:
    """Whether a quoted value is still open at the end of a line."""
    if not in_quotes and '"' not in line:
        return False
    position = 0
    while True:
        if in_quotes:
            position = line.find('"', position)
            if position < 0:
                return True
            if line[position + 1 : position + 2] == '"':
                position += 2
                continue
            in_quotes = False
        elif line[position : position + 1] == '"':
            in_quotes = True
            position += 1
            continue
        position = line.find(delimiter, position) + 1
        if position == 0:
            return False
