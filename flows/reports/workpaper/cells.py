"""The open workbook, and how a value becomes a cell that Excel shows as it is and never executes."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from flows.reports.workpaper.styles import STYLES

EXCEL_ROWS, EXCEL_TEXT = 1_048_576, 32_767
CUT = " [cut here; whole in exceptions.parquet]"
_EXACT = 10**15  # a number of more digits loses some of them in Excel
_FIRST_DAY = date(1900, 3, 1)  # Excel counts earlier days wrongly
_A4 = 9
TITLE_HEIGHT, HEADING_HEIGHT, _LINE_HEIGHT, _HIGHEST = 28, 20, 13.5, 409  # points
_CHARACTERS = 1.2  # of running text on one unit of width, or a few more


class Column(NamedTuple):
    """A column of a sheet: the name of its values, its width in characters, and how they are shown.

    title   what stands in the header, where that is not the name.
    """

    name: str
    width: float
    style: str
    title: str = ""

    @property
    def header(self) -> str:
        """The style of its header: over figures it stands on their side."""
        return "header_number" if self.style in ("money", "number", "count") else "header"


class Link(NamedTuple):
    """A cell that leads to the top of another sheet."""

    sheet: str
    text: str


class Formula(NamedTuple):
    """A formula of ours, and what it comes to as the work-paper is written."""

    text: str
    result: int


class Book:
    """A workbook, and how many texts did not fit into its cells."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        """A workbook without pages."""
        self._workbook = workbook
        self._styles: dict[str, Format] = {}
        self.texts_cut = 0

    def style(self, name: str) -> Format:
        """A style by its name in STYLES."""
        if name not in self._styles:
            self._styles[name] = self._workbook.add_format(STYLES[name])
        return self._styles[name]

    def page(self, name: str, widths: Sequence[float], landscape: bool = True) -> "Page":
        """A new sheet with columns of these widths, which prints as wide as the paper."""
        sheet = self._workbook.add_worksheet(name)
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width, self.style("plain"))
        if landscape:
            sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        sheet.set_footer("&L&8&A&C&8Holds protected health information&R&8Page &P of &N")
        return Page(self, sheet, widths)

    def fitting(self, text: str) -> str:
        """A text, or as much of it as a cell holds."""
        units = text.encode(
            "utf-16-le"
        )  # as Excel counts: a character beyond the basic plane is two
        if len(units) <= 2 * EXCEL_TEXT:
            return text
        self.texts_cut += 1
        return units[: 2 * (EXCEL_TEXT - len(CUT))].decode("utf-16-le", errors="ignore") + CUT


class Page:
    """A sheet that is written from top to bottom; `row` is the next row, from 0."""

    def __init__(self, book: Book, sheet: Worksheet, widths: Sequence[float]) -> None:
        """A sheet without rows."""
        self.book, self.sheet, self.widths, self.row = book, sheet, widths, 0

    def line(
        self, values: Sequence[object], styles: Sequence[str], height: float | None = None
    ) -> None:
        """Write values side by side into the next row, which is as high as its wrapped texts need."""
        wrapped = (
            _height(v, w)
            for v, w, s in zip(values, self.widths, styles, strict=False)
            if STYLES[s].get("text_wrap")
        )
        self.sheet.set_row(self.row, height or max(wrapped, default=_LINE_HEIGHT + 2))
        for i, (value, style) in enumerate(zip(values, styles, strict=True)):
            self._put(i, value, style)
        self.row += 1

    def _put(self, column: int, value: object, style: str) -> None:
        """Write a value so that it is shown as it is: text never as a formula, link or number, and no digit lost."""
        shown = self.book.style(style)
        if isinstance(value, Link):
            self.sheet.write_url(
                self.row, column, f"internal:'{value.sheet}'!A1", shown, value.text
            )
        elif isinstance(value, Formula):
            self.sheet.write_formula(self.row, column, value.text, shown, value.result)
        elif value is None or value == "":
            self.sheet.write_blank(self.row, column, None, shown)
        elif isinstance(value, Decimal | int | float) and _is_exact(value):
            self.sheet.write_number(self.row, column, float(value), shown)
        elif isinstance(value, date) and value >= _FIRST_DAY:
            self.sheet.write_datetime(
                self.row, column, datetime(value.year, value.month, value.day), shown
            )
        else:
            self.sheet.write_string(self.row, column, self.book.fitting(str(value)), shown)


def _height(value: object, width: float) -> float:
    """Points that a wrapped text needs in a column of a width."""
    lines = sum(
        max(1, math.ceil(len(part) / (width * _CHARACTERS))) for part in str(value).split("\n")
    )
    return min(lines * _LINE_HEIGHT + 2, _HIGHEST)


def _is_exact(value: Decimal | float) -> bool:
    if isinstance(value, float):
        return abs(value) < _EXACT
    number = Decimal(value)
    return (
        number.is_finite()
        and len(number.normalize().as_tuple().digits) <= 15
        and abs(number) < _EXACT
    )


@contextmanager
def opened(file: Path, as_of: date, scratch: Path) -> Iterator[Book]:
    """A workbook of the same bytes for the same cells; complete when the block ends well. Raises OSError."""
    options = {
        "constant_memory": True,
        "tmpdir": str(scratch),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook = xlsxwriter.Workbook(str(file), options)
    workbook.use_zip64()
    night = datetime(as_of.year, as_of.month, as_of.day)
    workbook.set_properties(
        {"title": "Drug claims audit: work-paper", "author": "claims-audit", "created": night}
    )
    yield Book(workbook)
    try:
        workbook.close()
    except FileCreateError as error:
        raise OSError(str(error)) from None
