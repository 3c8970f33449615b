"""CMS ASP crosswalk: which NDC is billed under which HCPCS code."""

import re
from collections.abc import Sequence

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.document import Words, opening, section, versions
from audit_rules.public_tables.order import Earlier, ImportedDocument, Order
from audit_rules.public_tables.releases import as_csv, refuse_nothing
from audit_rules.public_tables.sheets import Sheet, Table, tables_in
from schemas.formats import PATTERNS
from schemas.outcomes import RECORDS_REQUEST
from schemas.table import Kind

_HEADER = {"hcpcs": r"_?\d{4}_code|hcpcs( code)?", "ndc11": r"ndc2?"}
_COLUMNS = ("hcpcs", "ndc11", "file", "row")
_DOCUMENTS = ("invoice of the drug", "NDC of the package given")
_NOTES = (
    "NDC to HCPCS crosswalk of the average sales price (ASP) files of CMS. A medical line whose NDC"
    " is in the crosswalk, but only under other codes, is a records request; the outcome is ours.",
    "Not implied: that an NDC which the crosswalk leaves out is wrong, or that units are whole"
    " vials. Lines without an NDC pass.",
)


def write(sheets: Sequence[Sheet], order: Order, earlier: Earlier) -> ImportedDocument:
    """The document of the crosswalk of one release: a product set for each code, and a term for
    each release."""
    document = f"asp-crosswalk-{order.payer}"
    named = re.compile(rf"{re.escape(document)}-(\d{{4}}-\d{{2}}-\d{{2}})\.csv")
    new = _rows(sheets).filter(order.is_wanted("hcpcs"))
    refuse_nothing(new, order)
    releases = {found[1]: earlier[name] for name in earlier if (found := named.fullmatch(name))} | {
        order.day: new
    }
    days = sorted(releases)
    codes = sorted({code for rows in releases.values() for code in rows["hcpcs"]})
    text = (
        opening(document, "CMS ASP NDC to HCPCS crosswalk", order, _NOTES)
        + versions("ASP NDC-HCPCS crosswalk", days, days[0])
        + "".join(section("[[products]]", {"name": c, "hcpcs": [c]}) for c in codes)
    )
    for day, until in zip(days, [*days[1:], None], strict=True):
        text += _term(document, day, until, releases[day])
    name = f"{document}-{order.day}.csv"
    return ImportedDocument(
        document, text, {name: as_csv(new, _COLUMNS, ("hcpcs", "ndc11"))}, new.height
    )


def _rows(sheets: Sequence[Sheet]) -> pl.DataFrame:
    found = list(tables_in(sheets, _HEADER))
    if not found:
        raise PolicyRefused(
            f"{sheets[0].name}: no crosswalk: a header with the code of the year, such as"
            " _2026_CODE, and NDC or NDC2. Give the NDC-HCPCS crosswalk as CMS publishes it."
        )
    rows = pl.concat(_of_file(table) for table in found)
    return rows.unique(["hcpcs", "ndc11"], keep="first", maintain_order=True)


def _of_file(table: Table) -> pl.DataFrame:
    table = Table(
        table.name, table.rows.filter(pl.col("hcpcs").is_not_null() & pl.col("ndc11").is_not_null())
    )
    remedy = "Give the file as CMS publishes it."
    table.refuse(~pl.col("hcpcs").str.contains(PATTERNS[Kind.HCPCS]), "no HCPCS code", remedy)
    parts = r"^(\d{5}-?\d{4}-?\d{2})$"
    table.refuse(~pl.col("ndc11").str.contains(parts), "the NDC has not 5, 4 and 2 digits", remedy)
    return table.rows.select(
        "hcpcs",
        pl.col("ndc11").str.replace_all("-", ""),
        file=pl.lit(table.name),
        row=pl.col("row").cast(pl.String),
    )


def _term(document: str, day: str, until: str | None, rows: pl.DataFrame) -> str:
    fields = {
        "term_id": f"{document}.{day}",
        "effective_from": Words(day),
        "effective_to": None if until is None else Words(until),
        "cite": f"ASP NDC-HCPCS crosswalk, release {day}; rows in {document}-{day}.csv",
        "basis": "stated",
        "of": sorted(set(rows["hcpcs"])),
        "crosswalk": f"{document}-{day}.csv",
        "finding": {"outcome": RECORDS_REQUEST, "documents": list(_DOCUMENTS)},
    }
    return section("[[coding]]", fields)
