"""Scan a CSV file without DuckDB: encoding, header, number of records.

DuckDB can lose rows without an error (an unterminated quote, mixed line ends, a NUL). So each file
is also read here, once, and DuckDB's row count is checked against the count made here.
"""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.errors import InputRefused
from flows.intake.csv_lines import LineFilter
from flows.intake.csv_records import RecordCounter, count_exactly
from flows.intake.csv_text import find_encoding, is_utf8, read_text, with_line_feeds
from flows.intake.csv_tidy import TidyLook
from flows.intake.landing import ExtractFile
from flows.intake.table_config import TableSettings

_HEAD_SHOWN = 1 << 13  # characters


@dataclass(frozen=True)
class CsvScan:
    """What a scan finds in a CSV file.

    header               column names as the file has them.
    leading_blank_lines  blank lines before the header.
    has_blank_lines      whether there are blank lines, between records or in a quoted field.
    records              records after the header, without blank lines.
    is_tidy              whether no value needs cleaning (csv_tidy.py).
    has_doubtful_quotes  whether quotes cannot simply be paired (csv_records.py).
    plain                the file in the form DuckDB reads (UTF-8, one kind of line end): the
                         extract itself, or a copy.
    types                none: all is text.
    is_numbered          no: the engine reads no row numbers.
    head                 the start of its text, for a message about its header.
    footer_lines         lines that were left out because they begin with the footer's text.
    """

    header: tuple[str, ...]
    leading_blank_lines: int
    has_blank_lines: bool
    records: int
    is_tidy: bool
    plain: Path
    types: None = None
    is_numbered: bool = False
    head: str = ""
    footer_lines: int = 0
    has_doubtful_quotes: bool = False


def scan_csv(extract: ExtractFile, settings: TableSettings, scratch: Path) -> CsvScan:
    """Scan a CSV file; if DuckDB cannot read it as it is, write a plain copy into `scratch`.

    Raises InputRefused for an empty file, bytes that do not decode, NUL bytes, or a quote that is
    never closed.
    """
    delimiter = settings.delimiter
    found = find_encoding(extract, settings.encoding, may_be_empty=bool(settings.header))
    lines = LineFilter(settings, extract.name)

    def text_of_rows() -> Iterator[str]:
        text = read_text(extract, found)
        return lines.filtered(text) if settings.is_trimmed else text

    counter, look = RecordCounter(extract.name), TidyLook(delimiter)
    for text in text_of_rows():
        counter.add(text)
        look.add(text)
    counter.finish()
    look.finish()
    has_simple_quotes = not (counter.has_doubtful_quotes or counter.has_line_breaks)
    plain = extract.path
    if counter.has_mixed_line_ends or settings.is_trimmed or not is_utf8(found):
        plain = scratch / f"plain-{hashlib.sha256(extract.name.encode()).hexdigest()[:16]}.csv"
        _write_plain(text_of_rows(), plain)
    records = (
        count_exactly(extract, plain, delimiter)
        if counter.has_doubtful_quotes
        else counter.records - 1
    )
    head = "".join(with_line_feeds([counter.head]))
    return CsvScan(
        header=_read_header(head, delimiter, extract.name),
        leading_blank_lines=len(head) - len(head.lstrip("\n")),
        has_blank_lines=counter.has_blank_lines,
        records=records,
        is_tidy=look.is_tidy and has_simple_quotes,
        plain=plain,
        head=head[:_HEAD_SHOWN],
        footer_lines=lines.footer_lines,
        has_doubtful_quotes=counter.has_doubtful_quotes,
    )


def _write_plain(chunks: Iterator[str], plain: Path) -> None:
    """Write the text of an extract again as UTF-8 with line feeds."""
    with plain.open("w", encoding="utf-8", newline="") as out:
        out.writelines(with_line_feeds(chunks))


def _read_header(head: str, delimiter: str, name: str) -> tuple[str, ...]:
    try:
        rows = csv.reader(io.StringIO(head), delimiter=delimiter, strict=True)
        return tuple(next(row for row in rows if row))
    except (csv.Error, StopIteration):
        raise InputRefused(
            f"{name}: the header cannot be read. Check the delimiter in the config."
        ) from None
