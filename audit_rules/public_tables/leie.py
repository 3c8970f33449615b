"""OIG List of Excluded Individuals/Entities: providers that federal programs do not pay, by NPI."""

from collections.abc import Sequence

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.document import comment, section, versions
from audit_rules.public_tables.order import Earlier, ImportedDocument, Order
from audit_rules.public_tables.releases import as_csv, cited, merged, read_rows, refuse_nothing
from audit_rules.public_tables.sheets import Sheet, Table, iso, plain_day, tables_in
from schemas.formats import PATTERNS
from schemas.table import Kind

_HEADER = {"npi": "npi", "authority": "excltype", "since": "excldate", "until": "reindate"}
_MORE = {"waived": "waiverdate", "waiver_state": "wvrstate"}
_NO_NPI, _NO_DATE = "0000000000", "00000000"
_COLUMNS = (
    *("id", "npi", "effective_from", "effective_to"),
    *("authority", "waived_from", "waiver_state", "cite"),
)
_NOTES = (
    "List of Excluded Individuals/Entities (LEIE) of the OIG. The CSV next to this file has a row"
    " for each excluded NPI, from its exclusion to its reinstatement (or to the first release that"
    " lists it no more).",
    "No term of the policy language asks for an NPI: `who` asks for taxonomies and `on_file` for"
    " records of the person. So no line is judged by this document; it says so below. Join the CSV"
    " with the billing and rendering NPIs of the claims on NPI and service date.",
    "Not implied: that a provider without an NPI in the list is not excluded (rows without one"
    " cannot be matched and are left out); that an exclusion binds a payer outside federal"
    " programs; that a waiver does not apply.",
)


def write(sheets: Sequence[Sheet], order: Order, earlier: Earlier) -> ImportedDocument:
    """The document of a release of the list, and its dated table of NPIs."""
    document = f"leie-{order.payer}"
    name = f"{document}.csv"
    new = _rows(sheets, order)
    refuse_nothing(new, order)
    before = read_rows(earlier, name, _COLUMNS)
    later = before.filter(pl.col("release") > order.day)
    before = before.join(
        new.join(later, on="id", how="anti"), on="id", how="anti", maintain_order="left"
    )
    new = new.join(later, on="id", how="anti", maintain_order="left")
    rows = merged(before, new, order, pl.lit(True), pl.lit("leie"))
    payer = {"id": order.payer, "names": list(order.payer_names)}
    clause = f"payment to a provider of the list ({name}: {rows.height} exclusions)"
    text = (
        "\n".join(comment(n).rstrip("\n") for n in _NOTES)
        + "\n"
        + section(
            "[document]", {"id": document, "title": "OIG List of Excluded Individuals/Entities"}
        )
        + section("[[payer]]", payer)
        + versions("LEIE", rows["release"].to_list(), str(rows["effective_from"].min()))
        + section(
            "[[not_auditable]]",
            {"clause": clause, "why": "no kind of term asks for the NPI of a provider"},
        )
    )
    return ImportedDocument(document, text, {name: as_csv(rows, _COLUMNS, ("id",))}, new.height)


def _rows(sheets: Sequence[Sheet], order: Order) -> pl.DataFrame:
    found = list(tables_in(sheets, _HEADER, _MORE))
    if not found:
        raise PolicyRefused(
            f"{sheets[0].name}: no LEIE table: a header with NPI, EXCLTYPE, EXCLDATE and REINDATE."
            " Give UPDATED.csv as the OIG publishes it."
        )
    rows = pl.concat(_of_file(table, order) for table in found)
    return rows.unique("id", keep="first", maintain_order=True)


def _of_file(table: Table, order: Order) -> pl.DataFrame:
    given = [pl.when(pl.col(c) != _NO_DATE).then(c).alias(c) for c in ("since", "until", "waived")]
    rows = table.rows.with_columns(given).filter(
        pl.col("npi").is_not_null(), pl.col("npi") != _NO_NPI
    )
    days = {f"{c}_day": plain_day(c) for c in ("since", "until", "waived")}
    table = Table(table.name, rows.with_columns(**days))
    remedy = "Give the file as the OIG publishes it."
    table.refuse(~pl.col("npi").str.contains(PATTERNS[Kind.NPI]), "no NPI of ten digits", remedy)
    table.refuse(pl.col("since_day").is_null(), "EXCLDATE is not a date", remedy)
    for column in ("until", "waived"):
        bad = pl.col(column).is_not_null() & pl.col(f"{column}_day").is_null()
        table.refuse(bad, f"{column} is not a date", remedy)
    since = iso(pl.col("since_day"))
    says = pl.format("NPI {}, {}", "npi", pl.col("authority").fill_null("-"))
    return table.rows.select(
        id=pl.format("{}.{}", "npi", since),
        npi="npi",
        effective_from=since,
        effective_to=iso(pl.col("until_day")),
        authority="authority",
        waived_from=iso(pl.col("waived_day")),
        waiver_state="waiver_state",
        cite=cited("LEIE", order, table.name, says),
    )
