"""The sums of amounts that the outputs of a run show, each by column of the worklist."""

import re
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import fastexcel

from flows.results.manifest import WORKPAPER
from flows.results.totals import SUMMED


def on_screen(printed: str) -> dict[str, Decimal]:
    """The sums on the screen of a run."""
    return _read(re.findall(r"^ +(\w+_amount|amount_at_risk) +([\d.,]+)$", printed, re.M))


def on_page(html: str) -> dict[str, Decimal]:
    """The sums at the head of the page of a run."""
    return _read(re.findall(r"<dt>(\w+)</dt><dd>\$([\d.,]+)</dd>", html))


def in_work_paper(folder: Path) -> dict[str, Decimal]:
    """The sums on the first sheet of the work-paper of a run."""
    file = fastexcel.read_excel(folder / WORKPAPER)
    cells = file.load_sheet("Summary", header_row=None, skip_rows=0, dtypes="string").to_polars()
    return _read((row[4], row[5]) for row in cells.iter_rows() if row[4] in SUMMED)


def _read(pairs: Iterable[tuple[str, str]]) -> dict[str, Decimal]:
    return {column: Decimal(amount.replace(",", "")) for column, amount in pairs}
