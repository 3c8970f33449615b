"""Read a CSV file's bytes as text: unzip, find the encoding, decode. DuckDB takes no part."""

import codecs
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from audit_rules.given_files import open_file
from flows.errors import InputRefused
from flows.intake.landing import ExtractFile

_CHUNK = 1 << 18  # bytes; larger chunks are slower, because the system allocates each one anew
UTF_8 = "utf-8"
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def is_utf8(encoding: str) -> bool:
    """Whether an encoding is UTF-8, however it is written."""
    return encoding.lower().replace("_", "-") in (UTF_8, "utf8")


def find_encoding(extract: ExtractFile, named: str | None, may_be_empty: bool = False) -> str:
    """The encoding of the file's byte order mark, else the one the config names, else UTF-8.

    Raises InputRefused if the file is empty, unless it may be.
    """
    with _open_bytes(extract) as stream:
        start = stream.read(4)
    if not start and not may_be_empty:
        raise InputRefused(
            f"{extract.name}: the file is empty. An extract without rows still needs its header."
        )
    marks = (encoding for mark, encoding in _BYTE_ORDER_MARKS if start.startswith(mark))
    return next(marks, named or UTF_8)


def read_text(extract: ExtractFile, encoding: str) -> Iterator[str]:
    """The file's text in chunks, without its byte order mark.

    Raises InputRefused if the gzip data is damaged or the bytes do not decode.
    """
    with _open_bytes(extract) as stream:
        try:
            decoder = codecs.getincrementaldecoder(encoding)()
            is_first = True
            while chunk := stream.read(_CHUNK):
                text = decoder.decode(chunk)
                yield text.removeprefix("\ufeff") if is_first else text
                is_first = False
            yield decoder.decode(b"", final=True)
        except UnicodeError:
            raise InputRefused(
                f"{extract.name}: the bytes are not {encoding}. Name the file's encoding in the "
                'config (encoding = "cp1252") or export it as UTF-8.'
            ) from None


def with_line_feeds(chunks: Iterable[str]) -> Iterator[str]:
    """The text with line feeds for line ends, in parts."""
    held = ""
    for chunk in chunks:
        text = held + chunk
        held = "\r" if text.endswith("\r") else ""  # its line feed may be in the next chunk
        yield text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
    if held:
        yield "\n"


@contextmanager
def _open_bytes(extract: ExtractFile) -> Iterator[BinaryIO]:
    """The file's bytes, unzipped. Raises InputRefused if the gzip data is damaged."""
    with open_file(extract.path) as raw:
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
