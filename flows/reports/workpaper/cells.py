"""The open spreadsheet, and cells that Excel shows as they are and never executes."""

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
from flows.results.for_editing import MADE_FROM

EXCEL_ROWS, EXCEL_TEXT = 1_048_576, 32_767
CUT = " [cut here; full text in exceptions.parquet]"
_EXACT = 10**15  # Excel loses digits of larger numbers
_FIRST_DAY = date(1900, 3, 1)  # Excel miscounts earlier days
TITLE_HEIGHT, HEADING_HEIGHT, _LINE_HEIGHT, _HIGHEST = 28, 20, 13.5, 409  # points
_CHARACTERS = 1.2  # of running text per unit of width, roughly
_HEADER_CHARACTER = 1.15  # units of width of a bold character
_FOOTER = "&L&8&A&C&8Holds protected health information&R&8Page &P of &N"


class SheetColumn(NamedTuple):
    """A column of a sheet: the name of its values, its width in characters, and their style.

    title   the text of the header, if it is not the name.
    """

    name: str
    width: float
    style: str
    title: str = ""

    @property
    def wide_enough(self) -> float:
        """The width in which no word of the header breaks, in any usual font."""
        longest = max(map(len, (self.title or self.name).split()))
        return max(self.width, longest * _HEADER_CHARACTER + 2)

    @property
    def header(self) -> str:
        """The style of its header, aligned like the values."""
        is_number = self.style in ("money", "number", "count", "asked_money")
        return "header_number" if is_number else "header"


class Link(NamedTuple):
    """A cell that leads to a cell of another sheet, or to its top."""

    sheet: str
    text: str
    cell: str = "A1"


class Formula(NamedTuple):
    """A formula of ours, and its result when the work-paper is written."""

    text: str
    result: Decimal | int


class Spreadsheet:
    """An open workbook."""

    def __init__(self, workbook: xlsxwriter.Workbook) -> None:
        """Start without sheets."""
        self._workbook = workbook
        self._styles: dict[str, Format] = {}
        self._cut: set[str] = set()

    @property
    def texts_cut(self) -> int:
        """How many texts were too long for their cells; one on several sheets counts once."""
        return len(self._cut)

    def style(self, name: str) -> Format:
        """A style by its name in STYLES."""
        if name not in self._styles:
            self._styles[name] = self._workbook.add_format(STYLES[name])
        return self._styles[name]

    def add_sheet(self, name: str, widths: Sequence[float], landscape: bool = True) -> "Sheet":
        """Add a sheet with columns of these widths, which prints as wide as the paper."""
        sheet = self._workbook.add_worksheet(name)
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width, self.style("plain"))
        if landscape:
            sheet.set_landscape()
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        sheet.fit_to_pages(1, 0)
        sheet.hide_gridlines(2)
        sheet.set_footer(_FOOTER)
        return Sheet(self, sheet, widths)

    def cut_to_fit(self, text: str) -> str:
        """Return the text, or as much of it as a cell holds."""
        # Excel counts UTF-16 units: a character beyond the basic plane is two
        units = text.encode("utf-16-le")
        if len(units) <= 2 * EXCEL_TEXT:
            return text
        self._cut.add(text)
        return units[: 2 * (EXCEL_TEXT - len(CUT))].decode("utf-16-le", errors="ignore") + CUT


class Sheet:
    """A sheet that is written from top to bottom; `row` is the next row, from 0."""

    def __init__(
        self, spreadsheet: Spreadsheet, worksheet: Worksheet, widths: Sequence[float]
    ) -> None:
        """Start without rows."""
        self.spreadsheet, self.worksheet, self.widths = spreadsheet, worksheet, widths
        self.row = 0

    def write_row(
        self,
        values: Sequence[object],
        styles: Sequence[str],
        height: float | None = None,
        hidden: bool = False,
    ) -> None:
        """Write values side by side into the next row, as high as its wrapped texts need."""
        wrapped = (
            _height(v, w)
            for v, w, s in zip(values, self.widths, styles, strict=False)
            if STYLES[s].get("text_wrap")
        )
        high = height or max(wrapped, default=_LINE_HEIGHT + 2)
        self.worksheet.set_row(self.row, high, None, {"hidden": hidden})
        for i, (value, style) in enumerate(zip(values, styles, strict=True)):
            self._write_cell(i, value, style)
        self.row += 1

    def _write_cell(self, column: int, value: object, style: str) -> None:
        """Write a value as it is: text never as a formula, link or number, and no digit lost."""
        sheet, place, format_ = self.worksheet, (self.row, column), self.spreadsheet.style(style)
        if isinstance(value, Link):
            sheet.write_url(*place, f"internal:'{value.sheet}'!{value.cell}", format_, value.text)
        elif isinstance(value, Formula):
            is_count = isinstance(value.result, int)
            result = value.result if is_count else float(value.result)
            sheet.write_formula(*place, value.text, format_, result)
        elif value is None or value == "":
            sheet.write_blank(*place, None, format_)
        elif isinstance(value, Decimal | int | float) and is_exact(value):
            sheet.write_number(*place, float(value), format_)
        elif isinstance(value, date) and value >= _FIRST_DAY:
            day = datetime(value.year, value.month, value.day)
            sheet.write_datetime(*place, day, format_)
        else:
            sheet.write_string(*place, self.spreadsheet.cut_to_fit(str(value)), format_)


def _height(value: object, width: float) -> float:
    """The points that a wrapped text needs in a column of a width."""
    lines = sum(
        max(1, math.ceil(len(part) / (width * _CHARACTERS))) for part in str(value).split("\n")
    )
    return min(lines * _LINE_HEIGHT + 2, _HIGHEST)


def is_exact(value: Decimal | float) -> bool:
    """Whether Excel, which keeps 15 digits, shows a number as it is."""
    if isinstance(value, float):
        return abs(value) < _EXACT
    number = Decimal(value)
    return (
        number.is_finite()
        and len(number.normalize().as_tuple().digits) <= 15
        and abs(number) < _EXACT
    )


@contextmanager
def new_spreadsheet(
    file: Path, as_of: date, scratch: Path, made_from: str = ""
) -> Iterator[Spreadsheet]:
    """Yield a spreadsheet that is complete when the block ends without an error.

    The same cells give the same bytes. Raises OSError.

    made_from   what identifies the work-paper from which something was carried.
    """
    options = {
        "constant_memory": True,
        "tmpdir": str(scratch),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    workbook = xlsxwriter.Workbook(str(file), options)
    workbook.use_zip64()
    created = datetime(as_of.year, as_of.month, as_of.day)
    workbook.set_properties(
        {"title": "Drug claims audit: work-paper", "author": "claims-audit", "created": created}
    )
    if made_from:
        workbook.set_custom_property(MADE_FROM, made_from, "text")
    yield Spreadsheet(workbook)
    try:
        workbook.close()
    except FileCreateError as error:
        raise OSError(str(error)) from None
