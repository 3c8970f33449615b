"""CMS NCCI procedure-to-procedure edits: which code is not paid for next to which."""

from collections.abc import Sequence

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.document import Words, opening, section, versions
from audit_rules.public_tables.order import Earlier, ImportedDocument, Order
from audit_rules.public_tables.releases import as_csv, cited, merged, read_rows, refuse_nothing
from audit_rules.public_tables.sheets import Sheet, Table, iso, plain_day, tables_in
from schemas.days import days_after
from schemas.formats import PATTERNS
from schemas.outcomes import RECORDS_REQUEST, RECOVER
from schemas.table import Kind

_HEADER = {
    "column_1": r"column ?1",
    "column_2": r"column ?2",
    "since": r"effective( date)?",
    "last_day": r"deletion( date)?( \*=no data)?",
    "indicator": r"modifier( indicator)?( 0=not allowed.*)?",
}
_MORE = {"rationale": r"ptp edit rationale"}
_OTHER, _FROM, _TO = "forbid.service", "effective_from", "effective_to"
_COLUMNS = ("id", "hcpcs", _OTHER, _FROM, _TO, "alternatives", "cite")
_NEVER, _WITH_MODIFIER, _NOT_IN_FORCE = "0", "1", "9"
_NO_DATE = "*"
_DOCUMENTS = ("records of both services of the date, which show that they were separate",)
_SEPARATING = "modifiers that may separate two codes"
MODIFIERS = (
    *("E1-E4", "F1-F9", "FA", "T1-T9", "TA", "LT", "RT", "LC", "LD", "LM", "RC", "RI"),
    *("24", "25", "27", "57", "58", "59", "78", "79", "91", "XE", "XP", "XS", "XU"),
)
"""The modifiers that may separate two codes (NCCI Policy Manual, chapter I, section E). The table
does not list them."""
_NOTES = (
    "Procedure-to-procedure (PTP) edits of the National Correct Coding Initiative. A row is a pair:"
    " the code of column 2 is not paid for if one provider bills that of column 1 for the same"
    " person and date. Dates are the table's own; an edit ends the day after its deletion date."
    " Indicator 0: recover. Indicator 1: a records request, unless the line has a modifier that may"
    " separate the two. Indicator 9 was never in force and has no row. The outcomes are ours.",
    "Not implied: that a modifier was right; that a modifier on the line of column 1 alone does not"
    " excuse, which the records request leaves open; that another payer follows the table. No"
    " column of a claim says whose table governs it: if a pair is in both, one that allows it is"
    " enough.",
)


def write(sheets: Sequence[Sheet], order: Order, earlier: Earlier) -> ImportedDocument:
    """The document of the PTP files of one release and setting."""
    document = f"ptp-{order.payer}"
    names = {i: f"{document}-indicator-{i}.csv" for i in (_NEVER, _WITH_MODIFIER)}
    before = pl.concat(
        read_rows(earlier, name, _COLUMNS).with_columns(indicator=pl.lit(i))
        for i, name in names.items()
    )
    new = _rows(sheets, order)
    refuse_nothing(new, order)
    setting = pl.col("id").str.extract(r"^([a-z]+)\.")
    before, kept = _latest(before, new, order)
    rows = merged(before, kept, order, setting == order.setting, setting)
    several = setting.n_unique().over("hcpcs", _OTHER) > 1
    pair = pl.format("{} {}", _OTHER, "hcpcs")
    rows = rows.with_columns(alternatives=pl.when(several).then(pair))
    by_indicator = {i: rows.filter(pl.col("indicator") == i) for i in names}
    files = {
        names[i]: as_csv(some, _COLUMNS, ("hcpcs", _OTHER, _FROM, "id"))
        for i, some in by_indicator.items()
    }
    first = str(rows[_FROM].min())
    text = (
        opening(document, "CMS NCCI procedure-to-procedure edits", order, _NOTES, everything=True)
        + versions("NCCI PTP", rows["release"].to_list(), first)
        + section(
            "[[codes]]", {"name": _SEPARATING, "system": "modifier", "codes": list(MODIFIERS)}
        )
        + "".join(_term(document, i, first) for i, some in by_indicator.items() if some.height)
    )
    return ImportedDocument(document, text, files, new.height)


def _latest(
    before: pl.DataFrame, new: pl.DataFrame, order: Order
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Without edits that the other side states later: each table repeats all that ever was."""
    later = before.filter(pl.col("release") > order.day)
    replaced = before.filter(pl.col("release") <= order.day).join(new, on="id", how="semi")
    return before.join(replaced, on="id", how="anti"), new.join(later, on="id", how="anti")


def _rows(sheets: Sequence[Sheet], order: Order) -> pl.DataFrame:
    found = list(tables_in(sheets, _HEADER, _MORE))
    if not found:
        raise PolicyRefused(
            f"{sheets[0].name}: no PTP table: a header with Column 1, Column 2, Effective, Deletion"
            " and Modifier. Give the files as CMS publishes them."
        )
    rows = pl.concat(_of_file(table, order) for table in found)
    twice = rows.filter(pl.col("id").is_duplicated()).unique("id").sort("id")
    if twice.height:
        raise PolicyRefused(
            f"{found[0].name}: a pair comes twice with one effective date ({twice['cite'][0]})."
            " Give each file once, as CMS publishes it."
        )
    return rows


def _of_file(table: Table, order: Order) -> pl.DataFrame:
    table = Table(table.name, table.rows.filter(pl.col("column_1").is_not_null()))
    remedy = "Give the file as CMS publishes it."
    for column in ("column_1", "column_2"):
        code = pl.col(column).fill_null("")
        table.refuse(~code.str.contains(PATTERNS[Kind.HCPCS]), f"no code in {column}", remedy)
    last_day = pl.when(pl.col("last_day") != _NO_DATE).then("last_day")
    rows = table.rows.with_columns(last_day=last_day)
    rows = rows.with_columns(begins=plain_day("since"), ends=plain_day("last_day"))
    table = Table(table.name, rows)
    for text, day in (("since", "begins"), ("last_day", "ends")):
        bad = pl.col(text).is_not_null() & pl.col(day).is_null()
        table.refuse(bad, f"the {text.replace('_', ' ')} is not a date", remedy)
    known = [_NEVER, _WITH_MODIFIER, _NOT_IN_FORCE]
    table.refuse(
        ~pl.col("indicator").fill_null("").is_in(known), "the indicator is not 0, 1 or 9", remedy
    )
    since = iso(pl.col("begins")).fill_null(order.day)
    until = iso(days_after(pl.col("ends"), pl.lit(1)))
    says = pl.format(
        "{} not with {}, indicator {}, {}",
        "column_2",
        "column_1",
        "indicator",
        pl.col("rationale").fill_null("no rationale"),
    )
    made = table.rows.filter(pl.col("indicator") != _NOT_IN_FORCE, order.is_wanted("column_2"))
    return made.select(
        pl.format(f"{order.setting}.{{}}.{{}}.{{}}", "column_1", "column_2", since).alias("id"),
        pl.col("column_2").alias("hcpcs"),
        pl.col("column_1").alias(_OTHER),
        since.alias(_FROM),
        until.alias(_TO),
        pl.lit(None, dtype=pl.String).alias("alternatives"),
        cited(f"NCCI PTP {order.setting}", order, table.name, says).alias("cite"),
        "indicator",
    ).filter((pl.col(_TO) > pl.col(_FROM)).fill_null(True))


def _term(document: str, indicator: str, first: str) -> str:
    asks = indicator == _WITH_MODIFIER
    finding: dict[str, object] = {"outcome": RECORDS_REQUEST if asks else RECOVER}
    if asks:
        finding["documents"] = list(_DOCUMENTS)
    fields = {
        "term_id": f"{document}.indicator-{indicator}",
        "effective_from": Words(first),
        "cite": f"NCCI PTP, modifier indicator {indicator}",
        "basis": "stated",
        "forbid": [{"window": [0, 0], "same": "provider"}],
        "unless": {"modifiers": _SEPARATING} if asks else None,
        "table": f"{document}-indicator-{indicator}.csv",
        "finding": finding,
    }
    return section("[[on_file]]", fields)
