"""Pages of HTML from templates, with every value escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.reports.money import dollars
from flows.reports.printable import printable


@cache
def templates(package: str) -> Environment:
    """The templates in a package's folder `templates`; the filter `dollars` writes amounts."""
    pages = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["dollars"] = dollars
    return pages


def _shown(value: object) -> object:
    """A value without characters that a page cannot hold; markup stays as it is."""
    return printable(value) if type(value) is str else value
