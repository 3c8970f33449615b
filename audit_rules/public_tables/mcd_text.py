"""The policy file of the articles of the Medicare Coverage Database."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl

from audit_rules.public_tables.document import Words, opening, section, versions
from audit_rules.public_tables.order import Order
from schemas.outcomes import RECORDS_REQUEST

_NOTES = (
    "ICD-10 lists of billing and coding articles of the Medicare Coverage Database. A covered list"
    " asks for one of its codes on the claim, a noncovered list that none is there; the outcome,"
    " a records request, is ours.",
    "A list asks nothing until its `of` in the CSV names a set: only the article's text ties a list"
    " to HCPCS codes (what it says of its groups is in the CSV of groups). Declare [[products]]"
    " below the last line of the import, and write their names into the column `of`, and one word"
    " into `alternatives` of lists of which one is enough. The next import keeps both for the same"
    " version of the article.",
    "Not implied: medical necessity; second codes that a footnote asks for (codes with an"
    " asterisk).",
)
_DOCUMENTS = ("medical record with the diagnosis for the service", "coverage article")


class Side(NamedTuple):
    """The lists of covered, or of noncovered, codes."""

    word: str
    field: str

    @property
    def group(self) -> str:
        """The column with the number of a list."""
        return f"icd10_{self.word}_group"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its CSV."""
        thing = f"{self.field}.diagnosis"
        dates = ("effective_from", "effective_to")
        return ("id", "of", "alternatives", thing, *dates, "partly", "cite")


SIDES = (Side("covered", "require"), Side("noncovered", "forbid"))


def document_text(document: str, order: Order, rows: Mapping[Side, pl.DataFrame]) -> str:
    """The file: versions, a list of codes for each group, a term for each side."""
    every = pl.concat([r.select("release", "effective_from") for r in rows.values()])
    first = str(every["effective_from"].min())
    parts = [
        opening(document, "Medicare Coverage Database, billing and coding articles", order, _NOTES),
        versions("Coverage articles", every["release"].to_list(), first),
    ]
    for side, found in rows.items():
        parts += _codes(document, found, f"{side.field}.diagnosis")
        if found.height:
            parts.append(_term(document, side, first))
    return "".join(parts)


def without_tags(text: str) -> str:
    """The words of a paragraph of HTML, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def _codes(document: str, rows: pl.DataFrame, column: str) -> Iterator[str]:
    for name, release in rows.select(column, "release").unique().sort(column).iter_rows():
        fields = {
            "name": name,
            "system": "icd10cm",
            "file": f"{document}-codes-{release}.csv",
            "where": {"name": name.removesuffix(f" {release}")},
        }
        yield section("[[codes]]", fields)


def _term(document: str, side: Side, first: str) -> str:
    fields = {
        "term_id": f"{document}.{side.word}",
        "effective_from": Words(first),
        "cite": f"Coverage articles, ICD-10 codes {side.word}",
        "basis": "stated",
        "of": [],
        side.field: [{"same": "claim"}],
        "table": f"{document}-{side.word}.csv",
        "finding": {"outcome": RECORDS_REQUEST, "documents": list(_DOCUMENTS)},
    }
    return section("[[on_file]]", fields)
