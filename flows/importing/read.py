"""Files of public tables as sheets of text: CSV, tab-delimited text, spreadsheets, archives."""

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

import fastexcel
import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.sheets import Sheet

TEXT, BOOK, ARCHIVE = (".csv", ".txt"), (".xlsx", ".xls"), (".zip",)
_ENCODINGS = ("utf-8-sig", "cp1252", "latin-1")
_HEADER_WITHIN = 60
_FORMS = f"{', '.join((*TEXT, *BOOK, *ARCHIVE))}"


def read_sheets(files: Iterable[Path]) -> list[Sheet]:
    """Every sheet of the files, those in archives too. PolicyRefused names file and remedy."""
    return [sheet for file in files for sheet in _of_file(file)]


def _of_file(file: Path) -> Iterator[Sheet]:
    if file.suffix.lower() not in (*TEXT, *BOOK, *ARCHIVE):
        raise PolicyRefused(f"{file.name}: no such form of table. Give one of {_FORMS}.")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise PolicyRefused(
            f"{file.name}: cannot be read ({error.strerror}). Name a file that can be."
        ) from None
    yield from _of_content(file.name, content)


def _of_content(name: str, content: bytes) -> Iterator[Sheet]:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in ARCHIVE:
        yield from _of_archive(name, content)
    elif suffix in BOOK:
        yield from _of_book(name, content)
    else:
        yield Sheet(name, _cells(name, content))


def _of_archive(name: str, content: bytes) -> Iterator[Sheet]:
    """The tables of an archive; of one that is there in several forms, the plainest."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            order = {suffix: i for i, suffix in enumerate((*TEXT, *BOOK, *ARCHIVE))}
            members: dict[str, str] = {}
            for path in sorted(archive.namelist(), key=lambda p: (_form(p, order), p)):
                if _form(path, order) < len(order) and not _is_of_mac(path):
                    members.setdefault(str(PurePosixPath(path).with_suffix("")), path)
            inside = [(PurePosixPath(p).name, archive.read(p)) for p in sorted(members.values())]
    except (BadZipFile, RuntimeError, NotImplementedError):  # encrypted, or packed otherwise
        raise PolicyRefused(
            f"{name}: no archive that can be read. Download it again, or unpack it and give the"
            " files in it."
        ) from None
    for member, bytes_ in inside:
        yield from _of_content(member, bytes_)


def _form(path: str, order: dict[str, int]) -> int:
    return order.get(PurePosixPath(path).suffix.lower(), len(order))


def _is_of_mac(path: str) -> bool:
    return path.startswith("__MACOSX/")


def _of_book(name: str, content: bytes) -> Iterator[Sheet]:
    try:
        book = fastexcel.read_excel(content)
        for sheet in book.sheet_names:
            found = book.load_sheet(sheet, header_row=None, dtypes="string").to_polars()
            yield Sheet(name, _numbered(found))
    except fastexcel.FastExcelError:
        raise PolicyRefused(
            f"{name}: no spreadsheet that can be read. Download it again, or save it as CSV."
        ) from None


def _cells(name: str, content: bytes) -> pl.DataFrame:
    """The records of a text, tab-delimited if its name says .txt.

    The first line says how many columns there are, and titles have fewer: an empty one goes before.
    """
    text = _decoded(content)
    is_tabbed = name.lower().endswith(".txt") and "\t" in text
    separator = "\t" if is_tabbed else ","
    top = text.split("\n", _HEADER_WITHIN)[:_HEADER_WITHIN]
    widest = separator * max(line.count(separator) for line in top)
    try:
        cells = pl.read_csv(
            BytesIO(f"{widest}\n{text}".encode()),
            has_header=False,
            infer_schema=False,
            separator=separator,
            quote_char=None if is_tabbed else '"',
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        raise PolicyRefused(
            f"{name}: quotes and separators do not fit together. Give the file as it was published."
        ) from None
    return _numbered(cells.slice(1))


def _decoded(content: bytes) -> str:
    for encoding in _ENCODINGS[:-1]:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode(_ENCODINGS[-1])


def _numbered(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells that hold anything, with the number of each record."""
    kept = [c for c in cells.columns if cells[c].null_count() < cells.height]
    return cells.select(kept).with_row_index("row", offset=1).cast({"row": pl.Int64})
