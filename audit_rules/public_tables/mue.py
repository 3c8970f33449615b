"""CMS Medically Unlikely Edits: how many units of a code may be billed on a line or a date."""

from collections.abc import Sequence

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.document import Words, opening, section, versions
from audit_rules.public_tables.order import Earlier, ImportedDocument, Order
from audit_rules.public_tables.releases import as_csv, cited, merged, read_rows, refuse_nothing
from audit_rules.public_tables.sheets import Sheet, Table, tables_in
from schemas.formats import PATTERNS
from schemas.outcomes import RECORDS_REQUEST, RECOVER
from schemas.table import Kind

_SETTINGS = {
    "practitioner": r"practitioner services mue values?",
    "outpatient": r"outpatient hospital services mue values?",
    "dme": r"dme supplier services mue values?",
}
_CODE = r"hcpcs ?/ ?cpt code|hcpcs/cpt|hcpcs code|cpt code"
_MAI = {"mai": r"mue adjudication indicator", "rationale": r"mue rationale"}
_COLUMNS = ("id", "hcpcs", "most", "effective_from", "effective_to", "alternatives", "cite")
_ASKS = {"1": ("line", RECOVER), "2": ("date", RECOVER), "3": ("date", RECORDS_REQUEST)}
"""MUE adjudication indicator -> the period, and the outcome, which is ours."""
_DOCUMENTS = ("treatment record of the date, with the units given", "order for the units")
_NOTES = (
    "Medically Unlikely Edits (MUE) of CMS. A row is one code of one release: indicator 1 limits a"
    " line, 2 and 3 the date, by provider. All units of a line that is over are denied. CMS states"
    " no outcome; these are ours: recover for indicators 1 and 2, a records request for 3.",
    "Not implied: that units within the limit are right; that another payer follows the table;"
    " edits that CMS does not publish; that earlier lines of a date fall too, for CMS denies those"
    " of one claim. No column of a claim says whose table governs it (practitioner, outpatient"
    " hospital, DME supplier): if a code is in several, one that allows the units is enough.",
)


def write(sheets: Sequence[Sheet], order: Order, earlier: Earlier) -> ImportedDocument:
    """The document of MUE tables of one release, any of the three settings."""
    document = f"mue-{order.payer}"
    names = {mai: f"{document}-mai-{mai}.csv" for mai in _ASKS}
    before = pl.concat(
        read_rows(earlier, name, _COLUMNS).with_columns(mai=pl.lit(mai))
        for mai, name in names.items()
    )
    new = _rows(sheets, order)
    refuse_nothing(new, order)
    settings = new["setting"].unique().to_list()
    setting = pl.col("id").str.extract(r"^([a-z]+)\.")
    rows = merged(before, new, order, setting.is_in(settings), setting)
    several = setting.n_unique().over("hcpcs") > 1
    rows = rows.with_columns(alternatives=pl.when(several).then("hcpcs"))
    by_mai = {mai: rows.filter(pl.col("mai") == mai) for mai in _ASKS}
    files = {
        names[mai]: as_csv(some, _COLUMNS, ("hcpcs", "effective_from", "id"))
        for mai, some in by_mai.items()
    }
    first = str(rows["effective_from"].min())
    text = (
        opening(document, "CMS Medically Unlikely Edits", order, _NOTES, everything=True)
        + versions("CMS MUE", rows["release"].to_list(), first)
        + "".join(_term(document, m, first) for m, some in by_mai.items() if some.height)
    )
    return ImportedDocument(document, text, files, new.height)


def _rows(sheets: Sequence[Sheet], order: Order) -> pl.DataFrame:
    parts = []
    for setting, pattern in _SETTINGS.items():
        found = list(tables_in(sheets, {"hcpcs": _CODE, "most": pattern, **_MAI}))
        if len(found) > 1:
            raise PolicyRefused(
                f"{found[1].name}: {found[0].name} is a {setting} table too. Import the files of"
                " one release, one per setting."
            )
        parts += [_of_setting(table, setting, order) for table in found]
    if not parts:
        raise PolicyRefused(
            f"{sheets[0].name}: no MUE table: a header with the code, the values of a setting,"
            " MUE Adjudication Indicator and MUE Rationale. Give the practitioner, outpatient or"
            " DME file of Medicare as CMS publishes it; that of Medicaid has no indicator."
        )
    return pl.concat(parts)


def _of_setting(table: Table, setting: str, order: Order) -> pl.DataFrame:
    table = Table(table.name, table.rows.filter(pl.col("hcpcs").is_not_null()))
    code = pl.col("hcpcs")
    remedy = "Give the file as CMS publishes it."
    table.refuse(~code.str.contains(PATTERNS[Kind.HCPCS]), "no HCPCS code", remedy)
    table.refuse(~code.is_first_distinct(), "the code comes twice", remedy)
    most = pl.col("most").str.replace(r"\.0$", "")
    table.refuse(~most.fill_null("").str.contains(r"^\d+$"), "the value is not a number", remedy)
    mai = pl.col("mai").str.extract(r"^([123])\b")
    table.refuse(mai.is_null(), "the indicator is not 1, 2 or 3", remedy)
    rationale = pl.col("rationale").fill_null("no rationale")
    says = pl.format("{}, MUE {}, MAI {}, {}", "hcpcs", most, mai, rationale)
    return table.rows.filter(order.is_wanted("hcpcs")).select(
        id=pl.format(f"{setting}.{{}}.{order.day}", "hcpcs"),
        hcpcs="hcpcs",
        most=most,
        effective_from=pl.lit(order.day),
        effective_to=pl.lit(None, dtype=pl.String),
        alternatives=pl.lit(None, dtype=pl.String),
        cite=cited(f"CMS MUE {setting}", order, table.name, says),
        mai=mai,
        setting=pl.lit(setting),
    )


def _term(document: str, mai: str, first: str) -> str:
    per, outcome = _ASKS[mai]
    finding: dict[str, object] = {"outcome": outcome, "amount": "whole_line"}
    if outcome == RECORDS_REQUEST:
        finding["documents"] = list(_DOCUMENTS)
    fields = {
        "term_id": f"{document}.mai-{mai}",
        "effective_from": Words(first),
        "cite": f"CMS MUE, adjudication indicator {mai}",
        "basis": "stated",
        "measure": "units",
        "per": per,
        "by": "product",
        "providers": "own",
        "waste": "in",
        "table": f"{document}-mai-{mai}.csv",
        "finding": finding,
    }
    return section("[[quantity]]", fields)
