"""Spans of time and windows of days, as documents write them."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

_SHAPE = r"(\d{1,4}) (day|week|month|year)s?"
_SPAN = re.compile(_SHAPE)
_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}
_EXAMPLE = 'Write a span such as "14 days", "16 weeks", "6 months" or "2 years"'
_WINDOW_EXAMPLE = 'Write a window of days such as [-90, -1], ["-6 months", 0] or ["ever", -1]'
EVER, COURSE = "ever", "course"


@dataclass(frozen=True)
class Span:
    """A length of time: whole days, or whole calendar months."""

    days: int = 0
    months: int = 0

    @property
    def text(self) -> str:
        """The span as a document writes it."""
        return f"{self.months} months" if self.months else f"{self.days} days"


@dataclass(frozen=True)
class Edge:
    """One end of a window: days or months from the service date, or `ever` or `course`."""

    days: int = 0
    months: int = 0
    word: str = ""

    @property
    def earliest(self) -> float:
        """About how many days it lies after the service date, to compare two edges."""
        return float("-inf") if self.word else self.days + self.months * 30.4


@dataclass(frozen=True)
class Window:
    """Days from the service date, both ends included."""

    opens: Edge
    closes: Edge


def parse_span(value: object) -> Span:
    """A span; ValueError with an example if it cannot be read."""
    if isinstance(value, Span):
        return value
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(f"{value!r} is not a span. {_EXAMPLE}")
    number, unit = int(found[1]), found[2]
    if unit in _MONTHS:
        return Span(months=number * _MONTHS[unit])
    return Span(days=number * _DAYS[unit])


def _edge(value: object, may_be_word: bool) -> Edge:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not an end of a window. {_WINDOW_EXAMPLE}")
    if isinstance(value, int):
        return Edge(days=value)
    if isinstance(value, str) and may_be_word and value in (EVER, COURSE):
        return Edge(word=value)
    if isinstance(value, str):
        sign = -1 if value.startswith("-") else 1
        span = parse_span(value.removeprefix("-"))
        return Edge(days=sign * span.days, months=sign * span.months)
    raise ValueError(f"{value!r} is not an end of a window. {_WINDOW_EXAMPLE}")


def parse_window(value: object) -> Window:
    """A window; ValueError with an example if it cannot be read or ends before it starts."""
    if isinstance(value, Window):
        return value
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"{value!r} is not a window. {_WINDOW_EXAMPLE}")
    window = Window(_edge(value[0], may_be_word=True), _edge(value[1], may_be_word=False))
    if window.opens.earliest > window.closes.earliest:
        raise ValueError(f"the window {list(value)} ends before it starts. {_WINDOW_EXAMPLE}")
    return window


def as_words(value: object) -> Any:
    """One word or a list of words as a list."""
    return [value] if isinstance(value, str) else value


SpanText = Annotated[str, Field(pattern=rf"^\s*{_SHAPE}\s*$")]
"""A span as a file has it."""
_Days = Annotated[str, Field(pattern=rf"^-?\s*{_SHAPE}\s*$")]
_Opens = int | Literal["ever", "course"] | _Days
SpanField = Annotated[Span, BeforeValidator(parse_span, json_schema_input_type=SpanText)]
WindowField = Annotated[
    Window, BeforeValidator(parse_window, json_schema_input_type=tuple[_Opens, int | _Days])
]
WordOrWords = str | list[str]
"""Words as a file has them."""
Words = Annotated[tuple[str, ...], BeforeValidator(as_words, json_schema_input_type=WordOrWords)]
