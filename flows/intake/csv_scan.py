"""Scan a CSV file without DuckDB: encoding, header, number of records.

DuckDB can lose rows without an error (an unterminated quote, mixed line ends, a NUL). So each file
is also read here, once, and DuckDB's row count is checked against the count made here.
"""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from flows.errors import InputRefused
from flows.intake.csv_records import RecordCounter, count_exactly
from flows.intake.csv_text import find_encoding, read_text
from flows.intake.landing import ExtractFile


@dataclass(frozen=True)
class CsvScan:
    """What a scan finds in a CSV file.

    header               column names as the file has them.
    leading_blank_lines  blank lines before the header.
    has_blank_lines      whether there are blank lines, between records or in a quoted field.
    records              records after the header, without blank lines.
    plain                the file in the form DuckDB reads (UTF-8, one kind of line end): the
                         extract itself, or a copy.
    """

    header: tuple[str, ...]
    leading_blank_lines: int
    has_blank_lines: bool
    records: int
    plain: Path


def scan_csv(extract: ExtractFile, delimiter: str, encoding: str | None, scratch: Path) -> CsvScan:
    """Scan a CSV file; if DuckDB cannot read it as it is, write a plain copy into `scratch`.

    Raises InputRefused for an empty file, bytes that do not decode, NUL bytes, or a quote that is
    never closed.
    """
    found = find_encoding(extract, encoding)
    counter = RecordCounter(extract.name)
    for text in read_text(extract, found):
        counter.add(text)
    counter.finish()
    plain = extract.path
    if counter.has_mixed_line_ends or found.lower().replace("_", "-") not in ("utf-8", "utf8"):
        plain = scratch / f"plain-{hashlib.sha256(extract.name.encode()).hexdigest()[:16]}.csv"
        _write_plain(extract, found, plain)
    records = (
        count_exactly(extract, plain, delimiter)
        if counter.has_doubtful_quotes
        else counter.records - 1
    )
    head = _with_line_feeds(counter.head)
    return CsvScan(
        header=_read_header(head, delimiter, extract.name),
        leading_blank_lines=len(head) - len(head.lstrip("\n")),
        has_blank_lines=counter.has_blank_lines,
        records=records,
        plain=plain,
    )


def _write_plain(extract: ExtractFile, encoding: str, plain: Path) -> None:
    """Write the extract again as UTF-8 with line feeds."""
    with plain.open("w", encoding="utf-8", newline="") as out:
        held = ""
        for chunk in read_text(extract, encoding):
            text = held + chunk
            held = "\r" if text.endswith("\r") else ""  # its line feed may be in the next chunk
            out.write(_with_line_feeds(text.removesuffix("\r")))
        out.write("\n" if held else "")


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_header(head: str, delimiter: str, name: str) -> tuple[str, ...]:
    try:
        rows = csv.reader(io.StringIO(head), delimiter=delimiter, strict=True)
        return tuple(next(row for row in rows if row))
    except (csv.Error, StopIteration):
        raise InputRefused(
            f"{name}: the header cannot be read. Check the delimiter in the config."
        ) from None
