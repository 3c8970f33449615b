"""Pages of HTML from templates, with every value escaped."""

from decimal import Decimal
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.reports.money import dollars
from flows.reports.printable import printable


@cache
def templates(package: str) -> Environment:
    """The templates in a package's folder `templates`; the filters `dollars` and `quantity` write
    amounts and quantities."""
    pages = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["dollars"] = dollars
    pages.filters["quantity"] = quantity
    return pages


def quantity(value: Decimal | None) -> str:
    """A quantity without zeros at its end; "unknown" if there is none."""
    return "unknown" if value is None else f"{value.normalize():f}"


def _shown(value: object) -> object:
    """A value without characters that a page cannot hold; markup stays as it is."""
    return printable(value) if type(value) is str else value
