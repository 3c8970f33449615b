"""A part of a large CSV file, read by itself: the header, and the lines of a range of bytes.

A part begins outside quotes if the parts before it do and each of them, read by itself, ends
outside: so parts are certain if in each of them no quote is doubtful, the engine rejects no line,
and its count of the records is that of their line ends outside quotes. If not, the file is read in
one piece.
"""

from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from audit_rules.given_files import open_file
from flows.errors import InputRefused
from flows.intake.csv_scan import CsvScan, scan_csv
from flows.intake.file_parts import FilePart, NotInParts
from flows.intake.landing import ExtractFile
from flows.intake.table_config import TableSettings

_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20


def scan_part(
    extract: ExtractFile, part: FilePart, settings: TableSettings, scratch: Path
) -> tuple[ExtractFile, CsvScan]:
    """A part as a file of its own in `scratch`, and its scan.

    Raises NotInParts if it is not certain that its ends are ends of records.
    """
    alone = replace(extract, path=scratch / "part.csv")
    try:
        with alone.path.open("wb") as out, open_file(extract.path) as stream:
            _copy(stream, part, out)
        scan = scan_csv(alone, settings, scratch)
    except (InputRefused, FileNotFoundError):
        raise NotInParts from None
    if scan.plain != alone.path or scan.has_doubtful_quotes:
        raise NotInParts
    return alone, scan


def _copy(stream: BinaryIO, part: FilePart, out: BinaryIO) -> None:
    """Write the header and the lines of a part."""
    header = stream.readline(_LONGEST_HEADER)
    if not header.strip() or not header.endswith(b"\n") or header.count(b'"') % 2:
        raise NotInParts
    begin, end = (
        _line_after(stream, len(header), part.of, n) for n in (part.number, part.number + 1)
    )
    out.write(header)
    stream.seek(begin)
    while begin < end and (chunk := stream.read(min(_CHUNK, end - begin))):
        out.write(chunk)
        begin += len(chunk)


def _line_after(stream: BinaryIO, first: int, of: int, number: int) -> int:
    """The place of the first line that begins at or after a fraction of a file.

    first   where the lines after the header begin.
    """
    size = stream.seek(0, 2)
    if number == 0:
        return first
    stream.seek(max(first, size * number // of) - 1)
    stream.readline()
    return stream.tell()
