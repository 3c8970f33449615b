"""A first look at a CSV file, independent of the engine that loads it: hash, encoding, header, number of records.

DuckDB can lose rows without an error (an unterminated quote, line ends that change, a NUL). So each file is
read once by this module, and what DuckDB read is held against the count made here.
"""

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

from flows.errors import InputRefused
from flows.intake.landing import Extract

CHUNK = 1 << 18  # larger pieces are slower: each would come from the system anew
_HEADER_LIMIT = 1 << 20
_FIELD_LIMIT = (1 << 31) - 1  # of the csv module; its own, 128 KiB, is less than what extracts hold
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Scan:
    """What a CSV file is.

    header       column names as they stand.
    blank_head   blank lines before the header.
    has_blanks   whether blank lines stand in the file (or in a quoted field of it).
    records      records after the header, blank lines left out.
    plain        a file that the engine reads as it is: UTF-8, one kind of line end; perhaps a copy.
    """

    header: tuple[str, ...]
    blank_head: int
    has_blanks: bool
    records: int
    plain: Path


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def scan_csv(extract: Extract, delimiter: str, encoding: str | None, work: Path) -> Scan:
    """Look at a CSV file; where its form is not the engine's, write a plain copy into `work`.

    Raises InputRefused for an empty file, bytes that do not decode, NUL bytes, or a quote that never ends.
    """
    found = _encoding(extract, encoding)
    tally = _Tally(extract.name)
    with _opened(extract) as stream:
        for text in _decoded(stream, found, extract.name):
            tally.add(text)
    tally.finish()
    plain = extract.path
    if tally.mixed_line_ends or found.lower().replace("_", "-") not in ("utf-8", "utf8"):
        plain = work / f"plain-{hashlib.sha256(extract.name.encode()).hexdigest()[:16]}.csv"
        with _opened(extract) as stream, plain.open("w", encoding="utf-8", newline="") as out:
            carry = ""
            for piece in _decoded(stream, found, extract.name):
                text = carry + piece
                carry = "\r" if text.endswith("\r") else ""
                out.write(text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n"))
            out.write("\n" if carry else "")
    head = tally.head.replace("\r\n", "\n").replace("\r", "\n")
    records = (
        exact_records(extract, plain, delimiter) if tally.has_doubtful_quotes else tally.records - 1
    )
    blank_head = len(head) - len(head.lstrip("\n"))
    return Scan(
        _header(head, delimiter, extract.name), blank_head, tally.has_blanks, records, plain
    )


def exact_records(extract: Extract, plain: Path, delimiter: str) -> int:
    """Records of a plain file after its header, by the csv module: slow, and right about quotes inside a field.

    Raises InputRefused where a quote is opened and never closed.
    """
    return sum(_are_records(extract, plain, delimiter)) - 1


def record_numbers(extract: Extract, plain: Path, delimiter: str) -> list[int]:
    """For every line of a plain file (a record or blank, the header among them) how many records stand up to it."""
    return [n - 1 for n in accumulate(_are_records(extract, plain, delimiter))]


def _are_records(extract: Extract, plain: Path, delimiter: str) -> Iterator[bool]:
    """For every line of a plain file, the header among them, whether it is a record; else it is blank."""
    csv.field_size_limit(_FIELD_LIMIT)
    unzips = extract.is_gzipped and plain == extract.path
    with (gzip.open if unzips else open)(plain, "rt", encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        while True:
            try:
                yield bool(next(reader))
            except StopIteration:
                return
            except csv.Error as error:
                if "end of data" in str(error):
                    raise InputRefused(
                        f"{extract.name}: a quote is opened and never closed, so the records cannot be told apart. "
                        "Export the file again."
                    ) from None
                yield True  # one record with quotes that do not fit; the engine rejects it as a row


def _encoding(extract: Extract, named: str | None) -> str:
    """The encoding that the file's byte order mark names, else the config, else UTF-8."""
    with _opened(extract) as stream:
        start = stream.read(4)
    if not start:
        raise InputRefused(
            f"{extract.name}: the file is empty. An extract without rows still needs its header."
        )
    return next((name for bom, name in _BOMS if start.startswith(bom)), named or "utf-8")


@contextmanager
def _opened(extract: Extract) -> Iterator[BinaryIO]:
    """The file's bytes, unzipped. Raises InputRefused where the gzip data does not hold."""
    with extract.path.open("rb") as raw:
        if not extract.is_gzipped:
            yield raw
            return
        try:
            with gzip.open(raw) as unzipped:
                yield unzipped  # type: ignore[misc]  # a GzipFile reads as a binary stream
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise InputRefused(
                f"{extract.name}: the gzip data is damaged or cut off. Transfer the file again."
            ) from None


def _decoded(stream: BinaryIO, encoding: str, name: str) -> Iterator[str]:
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        first = True
        while chunk := stream.read(CHUNK):
            text = decoder.decode(chunk)
            yield text.removeprefix("\ufeff") if first else text
            first = False
        yield decoder.decode(b"", final=True)
    except UnicodeError:
        raise InputRefused(
            f'{name}: the bytes are not {encoding}. Name the file\'s encoding in the config (encoding = "cp1252") '
            "or export it as UTF-8."
        ) from None


class _Tally:
    """Counts records of a stream of text: line ends outside quotes, blank lines left out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.records = 0
        self.head = ""
        self.has_blanks = False
        self._line = ""
        self._quoted = self._quote_behind_blank = False
        self._crlf = self._lf = self._cr = False

    def add(self, text: str) -> None:
        if "\0" in text:
            raise InputRefused(f"{self.name}: NUL bytes in the file. Export it again as text.")
        if len(self.head) < _HEADER_LIMIT:
            self.head += text[: _HEADER_LIMIT - len(self.head)]
        text = self._line + text
        held = "\r" if text.endswith("\r") else ""  # the other half of a line end may follow
        text = text.removesuffix("\r")
        cr = text.count("\r")
        crlf = text.count("\r\n") if cr else 0
        self._crlf |= crlf > 0
        self._lf |= text.count("\n") > crlf if crlf else "\n" in text
        self._cr |= cr > crlf
        if cr:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        complete, end, rest = text.rpartition("\n")
        self._line = rest + held
        if end:
            self._count(complete)

    def finish(self) -> None:
        self._cr |= self._line.endswith("\r")
        if self._line.rstrip("\r"):
            self._count(self._line.rstrip("\r"))
        if self.records == 0 and not self._quoted:
            raise InputRefused(
                f"{self.name}: no header. An extract without rows still needs its header."
            )

    @property
    def mixed_line_ends(self) -> bool:
        return self._crlf + self._lf + self._cr > 1

    @property
    def has_doubtful_quotes(self) -> bool:
        """A quote was left open, or stands behind a blank (the engine takes it for an opening one): pairs cannot be counted."""
        return self._quoted or self._quote_behind_blank

    def _count(self, lines: str) -> None:
        has_blanks = not lines or lines[0] == "\n" or lines[-1] == "\n" or "\n\n" in lines
        self.has_blanks |= has_blanks
        if '"' not in lines and not self._quoted and not has_blanks:
            self.records += lines.count("\n") + 1
            return
        self._quote_behind_blank |= ' "' in lines or '\t"' in lines
        for line in lines.split("\n"):
            if line or self._quoted:
                self._quoted ^= line.count('"') % 2 == 1
                self.records += not self._quoted


def _header(head: str, delimiter: str, name: str) -> tuple[str, ...]:
    try:
        rows = csv.reader(io.StringIO(head), delimiter=delimiter, strict=True)
        return tuple(next(row for row in rows if row))
    except (csv.Error, StopIteration):
        raise InputRefused(
            f"{name}: the header cannot be read. Check the delimiter in the config."
        ) from None
