"""Articles of the Medicare Coverage Database: diagnoses that are covered, and that are not."""

from collections.abc import Sequence

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.public_tables.mcd_text import SIDES, Side, document_text, without_tags
from audit_rules.public_tables.order import Earlier, ImportedDocument, Order
from audit_rules.public_tables.releases import as_csv, merged, read_rows, refuse_nothing
from audit_rules.public_tables.sheets import Sheet, Table, iso, plain_day, tables_in
from schemas.days import days_after
from schemas.formats import ICD10CM_CATEGORY, ICD10CM_SUBDIVISION, PATTERNS
from schemas.table import Kind

_KEY = {"article": r"article_id", "version": r"article_version"}
_CODES = ("name", "code", "file", "row")
_SAID = ("name", "what", "text")
_NOT_A_CODE = ("XX000", "XX0.00")
"""What an article writes that has a list by form only."""
_NO_DOT = f"^({ICD10CM_CATEGORY})({ICD10CM_SUBDIVISION})$"


_FILLED = ("of", "alternatives")
"""Columns that the analyst fills."""


def write(sheets: Sequence[Sheet], order: Order, earlier: Earlier) -> ImportedDocument:
    """The document of the articles of one release."""
    document = f"mcd-{order.payer}"
    articles = _articles(sheets)
    codes = pl.concat([_codes(sheets, side, order) for side in SIDES])
    if codes.is_empty():
        raise PolicyRefused(
            f"{sheets[0].name}: no ICD-10 list of the articles asked for. Give"
            " article_x_icd10_covered.csv or article_x_icd10_noncovered.csv, or the archive with"
            " them, and articles that are in it."
        )
    codes = _in_force(codes, articles, order)
    refuse_nothing(codes, order)
    files: dict[str, bytes | None] = {}
    known = codes.select(_name().alias("name")).unique()
    said = _said(sheets).join(known, on="name", how="semi", maintain_order="left")
    for what, frame, columns in (("codes", codes, _CODES), ("groups", said, _SAID)):
        name = f"{document}-{what}-{order.day}.csv"
        kept = _kept(earlier.get(name), columns, order)
        every = pl.concat([kept, frame.select(columns).cast(pl.String)])
        files[name] = as_csv(every.unique(columns[:2], maintain_order=True), columns, columns[:2])
    rows = {}
    for side in SIDES:
        name = f"{document}-{side.word}.csv"
        before = read_rows(earlier, name, side.columns)
        rows[side] = _merged(before, _lists(codes, side, order), order)
        files[name] = as_csv(rows[side], side.columns, ("id",))
    text = document_text(document, order, rows)
    return ImportedDocument(document, text, files, codes.height)


def _articles(sheets: Sequence[Sheet]) -> pl.DataFrame:
    """Title and last days of each article, if article.csv was given."""
    wanted = {**_KEY, "title": "title", "begins": "article_eff_date"}
    more = {"retired": "date_retired", "ends": "article_end_date"}
    parts = [t.rows for t in tables_in(sheets, wanted, more)]
    if not parts:
        names = ("article", "version", "title", "begins", "retired", "ends")
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    return pl.concat(parts).drop("row").unique(["article", "version"], maintain_order=True)


def _codes(sheets: Sequence[Sheet], side: Side, order: Order) -> pl.DataFrame:
    """One row per code of a list: article, version, group, name, code, starred, file, row."""
    wanted = {**_KEY, "group": side.group, "code": "icd10_code_id"}
    parts = [
        _of_file(table, side, order) for table in tables_in(sheets, wanted, {"star": "asterisk"})
    ]
    names = ("article", "version", "group", "side", "name", "code", "star", "file")
    schema = dict.fromkeys(names, pl.String) | {"row": pl.Int64}
    return pl.concat([pl.DataFrame(schema=schema), *(p.select(list(schema)) for p in parts)])


def _of_file(table: Table, side: Side, order: Order) -> pl.DataFrame:
    rows = table.rows.filter(pl.col("code").is_not_null(), ~pl.col("code").is_in(_NOT_A_CODE))
    rows = rows.with_columns(pl.col("code").str.replace(_NO_DOT, "${1}.${2}"))
    table = Table(table.name, rows)
    remedy = "Give the file as CMS publishes it."
    has_key = pl.all_horizontal(pl.col("article", "version", "group").is_not_null())
    table.refuse(~has_key, "article, version or group is empty", remedy)
    shape = pl.col("code").str.contains(PATTERNS[Kind.ICD10CM])
    table.refuse(~shape, "no ICD-10-CM code with its dot", remedy)
    if order.articles:
        rows = rows.filter(pl.format("A{}", "article").is_in(_asked(order)))
    return rows.with_columns(
        side=pl.lit(side.word),
        name=pl.format(f"A{{}} version {{}} {side.word} {{}}", "article", "version", "group"),
        file=pl.lit(table.name),
    )


def _in_force(codes: pl.DataFrame, articles: pl.DataFrame, order: Order) -> pl.DataFrame:
    """Codes of articles that are in force on the first day of the release or later, with title and
    dates."""
    joined = codes.join(articles, on=["article", "version"], how="left", maintain_order="left")
    day = pl.lit(order.release)
    ends = pl.min_horizontal(plain_day("retired"), days_after(plain_day("ends"), pl.lit(1)))
    begins = pl.max_horizontal(plain_day("begins"), day)
    dated = joined.with_columns(first=begins, until=ends)
    return dated.filter((pl.col("until") > pl.col("first")).fill_null(True)).with_columns(
        first=iso(pl.col("first")), until=iso(pl.col("until"))
    )


def _lists(codes: pl.DataFrame, side: Side, order: Order) -> pl.DataFrame:
    """One row per list of a side, without what the analyst fills."""
    stars = (pl.col("star").str.to_uppercase() == "Y").fill_null(False).sum()
    lists = (
        codes.filter(pl.col("side") == side.word)
        .group_by("article", "version", "group", "name", "first", "until", maintain_order=True)
        .agg(pl.col("title").first(), pl.col("file").first(), row=pl.col("row").min(), stars=stars)
    )
    key = pl.format(f"A{{}}.{{}}.{side.word}.{{}}.{order.day}", "article", "version", "group")
    cite = pl.format(
        f"Coverage article A{{}} version {{}}, ICD-10 {side.word} group {{}}, release {order.day},"
        " {} from row {}",
        "article",
        "version",
        "group",
        "file",
        "row",
    )
    footnote = pl.format("the footnote of the codes with an asterisk ({})", "stars")
    return lists.select(
        key.alias("id"),
        pl.lit(None, dtype=pl.String).alias("of"),
        pl.lit(None, dtype=pl.String).alias("alternatives"),
        pl.format("{} {}", "name", pl.lit(order.day)).alias(f"{side.field}.diagnosis"),
        pl.col("first").alias("effective_from"),
        pl.col("until").alias("effective_to"),
        pl.when(pl.col("stars") > 0).then(footnote).alias("partly"),
        pl.concat_str(cite, pl.col("title"), separator=": ", ignore_nulls=True).alias("cite"),
    )


def _merged(before: pl.DataFrame, new: pl.DataFrame, order: Order) -> pl.DataFrame:
    """The lists of all releases; what the analyst filled holds for the same version of the
    article."""
    article = pl.col("id").str.extract(r"^(A\d+)\.")
    asked = article.is_in(_asked(order)) if order.articles else pl.lit(True)
    source = article if order.articles else pl.lit("all articles")
    same = pl.col("id").str.replace(r"\.\d{4}-\d{2}-\d{2}$", "").alias("same")
    filled = (
        before.with_columns(same)
        .filter(pl.any_horizontal(pl.col(_FILLED).is_not_null()))
        .sort("release")
        .unique("same", keep="last")
        .select("same", *_FILLED)
    )
    known = new.drop(_FILLED).with_columns(same).join(filled, on="same", how="left")
    return merged(before, known.select(new.columns), order, asked, source)


def _kept(rows: pl.DataFrame | None, columns: Sequence[str], order: Order) -> pl.DataFrame:
    """Rows of the same release of articles that this import does not ask for."""
    if rows is None or not order.articles:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    is_asked = pl.col("name").str.extract(r"^(A\d+) ").is_in(_asked(order))
    return rows.filter(~is_asked).select(columns)


def _asked(order: Order) -> list[str]:
    """The articles asked for, as names begin."""
    return [f"A{a.upper().removeprefix('A')}" for a in order.articles]


def _said(sheets: Sequence[Sheet]) -> pl.DataFrame:
    """What articles say of their groups, for the analyst: name, what, text."""
    parts = []
    for side in SIDES:
        wanted = {**_KEY, "group": side.group, "text": "paragraph"}
        for table in tables_in(sheets, wanted):
            what = pl.format(f"ICD-10 {side.word} {{}}", "group")
            parts.append(table.rows.select(_name().alias("name"), what.alias("what"), "text"))
    wanted = {**_KEY, "group": "hcpc_code_group", "text": "hcpc_code_id"}
    for table in tables_in(sheets, wanted):
        listed = table.rows.group_by("article", "version", "group", maintain_order=True).agg(
            pl.col("text").drop_nulls().unique().sort().str.join(" ")
        )
        what = pl.format("HCPCS {}", "group")
        parts.append(listed.select(_name().alias("name"), what.alias("what"), "text"))
    said = pl.concat([pl.DataFrame(schema=dict.fromkeys(_SAID, pl.String)), *parts])
    plain = pl.col("text").map_elements(without_tags, return_dtype=pl.String)
    return said.with_columns(text=plain).filter(pl.col("text") != "")


def _name() -> pl.Expr:
    """An article and its version, as names begin."""
    return pl.format("A{} version {}", "article", "version")
