"""On which paper letters and packets are printed, and how they write dates and dollars."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from flows.reports.money import dollars

Paper = Literal["letter", "a4"]
Dates = Literal["us", "day_first", "iso"]
"""June 30, 2026, 30 June 2026 or 2026-06-30."""
Money = Literal["us", "code"]
"""$1,250.00 or USD 1,250.00."""

_ISO_DAY = re.compile(r"(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])", re.ASCII)
"""A day by itself: not a part of a claim's id or of another word."""
_DOLLARS = re.compile(r"\$(?=\d)")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


@dataclass(frozen=True)
class PageForm:
    """The form of a letter or packet."""

    paper: Paper = "letter"
    dates: Dates = "iso"
    money: Money = "us"

    @property
    def page_size(self) -> str:
        """The size of a page, as CSS names it."""
        return {"letter": "letter", "a4": "A4"}[self.paper]

    def day(self, day: date | None) -> str:
        """A date; "unknown" if there is none."""
        if day is None:
            return "unknown"
        month = _MONTHS[day.month - 1]
        match self.dates:
            case "us":
                return f"{month} {day.day}, {day.year}"
            case "day_first":
                return f"{day.day} {month} {day.year}"
            case "iso":
                return day.isoformat()

    def text(self, text: str) -> str:
        """A sentence with its dates and dollars in this form."""
        with_days = _ISO_DAY.sub(self._day_of, text)
        return _DOLLARS.sub("USD ", with_days) if self.money == "code" else with_days

    def dollars(self, amount: Decimal | None) -> str:
        """An amount; "no price" if none is known."""
        return self.text(dollars(amount))

    def _day_of(self, found: re.Match[str]) -> str:
        try:
            return self.day(date.fromisoformat(found[0]))
        except ValueError:
            return found[0]


AS_RESULTS = PageForm()
"""The form without options: dates and dollars as results write them."""


def form_named(words: str) -> PageForm | None:
    """The form that `name_of` names so; None if it names none."""
    choices = (get_args(Paper), get_args(Dates), get_args(Money))
    given = words.split(" ")
    if len(given) != len(choices) or any(w not in c for w, c in zip(given, choices, strict=True)):
        return None
    return PageForm(*given)  # type: ignore[arg-type]  # each is one of the choices


def name_of(form: PageForm) -> str:
    """The form in three words, such as "letter iso us"."""
    return f"{form.paper} {form.dates} {form.money}"
