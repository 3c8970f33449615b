"""Pages of HTML from templates; what they are given is escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from flows.reports.page.money import dollars


@cache
def templates(package: str) -> Environment:
    """The templates of a package, in its folder templates; amounts are written by the filter `dollars`."""
    pages = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["dollars"] = dollars
    return pages
