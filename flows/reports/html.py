"""Pages of HTML from templates, with every value escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.reports.money import dollars


@cache
def templates(package: str) -> Environment:
    """The templates in a package's folder `templates`; the filter `dollars` writes amounts."""
    pages = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["dollars"] = dollars
    return pages
