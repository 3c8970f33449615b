"""Diagnoses of persons who have a great many: on the claim of a line, and near its date."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.neighbours import is_as_before
from audit_rules.engine.rule import ON
from schemas.days import LAST_DAY, days_after, days_before

LINE = ("person", "payer_id", "claim_source", "claim_id")
_HEADER_LENGTHS = (3, 5, 6, 7)
"""Characters of a category and of the headers under it, the dot counted."""
PLACE = ("claim_source", "claim_id", "claim_line_number", "place")
_SHOWN = ("code", "date", "place", "is_same_claim", "claim_line_number", "claim_source", "claim_id")
_FOUND = {"claim_source": "claim_source_found", "payer_id": "payer_id_found"}
_SAME_PLACE = pl.col("claim_source_found").is_null() | (
    (pl.col("claim_source_found") == pl.col("claim_source"))
    & (pl.col("payer_id_found") == pl.col("payer_id"))
)


def latest_of_each_code(found: pl.LazyFrame) -> pl.LazyFrame:
    """One row per line, policy and code: the same claim first, then the latest place."""
    ordered = found.sort(
        "row_id",
        "policy_id",
        "code",
        "is_same_claim",
        "date",
        "claim_source",
        "claim_id",
        "claim_line_number",
        "place",
        descending=[False, False, False, True, True, False, False, False, False],
        nulls_last=True,
    )
    return ordered.filter(~is_as_before(pl.col(*ON, "code")))


def on_the_claim(dossier: Dossier, lines: pl.LazyFrame, codes: str) -> pl.LazyFrame:
    """Diagnoses on a line's claim with one of the codes in its column `codes`."""
    asked = lines.select(*ON, *LINE, day="service_date", code=codes).explode("code")
    found = _on_the_claim(dossier, asked, dossier.diagnoses, on=("code",))
    return found.drop("claim_source", "payer_id").rename({"claim_source_found": "claim_source"})


def near_the_line(dossier: Dossier, lines: pl.LazyFrame, codes: str) -> pl.LazyFrame:
    """The person's diagnoses near a line's date with one of the codes in its column `codes`."""
    asked = lines.select(
        *ON, "person", "lookback_days", "lookahead_days", day="service_date", code=codes
    ).explode("code")
    facts = Facts(dossier.diagnoses, ("person", "code"), "date", None, PLACE)
    return around(dossier, asked, facts, _near())


def with_any_of(diagnoses: pl.LazyFrame, terms: pl.LazyFrame, codes: str) -> pl.LazyFrame:
    """Diagnoses whose code, or a header of it, is in that column of any of the terms."""
    listed = terms.select(header=pl.col(codes)).explode("header")
    return diagnoses.join(_under_headers(diagnoses, listed), on="code", how="semi").unique()


def dated_codes(
    dossier: Dossier, asked: pl.LazyFrame, codes: str, opens: pl.Expr, closes: pl.Expr
) -> pl.LazyFrame:
    """The person's diagnoses of a code, or child of one, in the column `codes`, from `opens` to
    `closes`, which are expressions over the line and its `day`."""
    lines = asked.with_columns(day="service_date").select(
        *ON, "person", "day", header=codes, opens=opens, closes=closes
    )
    headers = lines.select("header").unique().explode("header")
    under = _under_headers(dossier.diagnoses, headers)
    some = dossier.diagnoses.join(under, on="code")
    facts = Facts(some, ("person", "header"), "date", None, PLACE)
    wanted = lines.explode("header")
    return around(dossier, wanted, facts, Window(pl.col("opens"), pl.col("closes")))


def _under_headers(diagnoses: pl.LazyFrame, headers: pl.LazyFrame) -> pl.LazyFrame:
    """The codes of diagnoses that are one of some headers, or are under one: code, header."""
    code = pl.col("code")
    heads = [code.str.head(n).str.strip_suffix(".") for n in _HEADER_LENGTHS]
    every = diagnoses.select("code").unique()
    every = every.with_columns(header=pl.concat_list(code, *heads).list.unique()).explode("header")
    return every.join(headers, on="header", how="semi")


def each_code(
    dossier: Dossier, asked: pl.LazyFrame, diagnoses: pl.LazyFrame, standings: pl.LazyFrame
) -> pl.LazyFrame:
    """The diagnosis of each code on a line's claim or near its date: the claim's, else the latest.

    Of the codes that every policy treats alike, those nearest to the line are taken, and `more`
    says how many others there are.
    """
    alike = diagnoses.join(_kinds(standings), on="code", how="left").with_columns(
        kind=pl.col("kind").fill_null("")
    )
    alike = alike.collect().lazy()  # it is read several times, as are the two that are put together
    lines = asked.with_columns(day="service_date")
    is_near = pl.col("date").is_between(_near().opens, _near().closes)
    claim = _first(alike, ["person", "claim_source", "payer_id", "claim_id", "code"])
    on_claim = (
        _on_the_claim(dossier, lines, claim, classes=("kind",))
        .drop("claim_source", "payer_id")
        .rename({"claim_source_found": "claim_source"})
        .with_columns(is_same_claim=pl.lit(True), is_near=is_near)
    )
    dated = _first(alike, ["person", "code", "date"]).sort("person", "code", "date")
    next_one = pl.col("date").shift(-1).over("person", "code")
    dated = dated.with_columns(
        until=days_before(next_one, pl.lit(1)).fill_null(pl.lit(LAST_DAY))
    ).rename({"claim_source": "claim_source_found", "claim_id": "claim_id_found"})
    facts = Facts(
        dated.drop("payer_id"),
        ("person",),
        "date",
        "until",
        ("claim_source_found", "claim_id_found", "claim_line_number", "place", "code"),
        ("kind",),
        by_class=True,
    )
    window = Window(_near().opens, _near().closes, _near().closes)
    near = (
        around(dossier, lines.drop("payer_id", "claim_source", "claim_id"), facts, window)
        .rename({"claim_source_found": "claim_source", "claim_id_found": "claim_id"})
        .with_columns(is_same_claim=pl.lit(False), is_near=pl.lit(True))
    )
    return _together(*(frame.lazy() for frame in pl.collect_all([near, on_claim])))


def _together(near: pl.LazyFrame, on_claim: pl.LazyFrame) -> pl.LazyFrame:
    """One diagnosis per line, policy and code out of both, with `more` per kind of code."""
    line, more = [*ON, "kind"], pl.col("^more$")
    counted = near.group_by(line).agg(total=pl.len() + pl.max_horizontal(0, more.max()))
    beyond = on_claim.filter(~pl.col("is_near")).join(near, on=[*ON, "code"], how="anti")
    outside = beyond.group_by(line).agg(outside=pl.col("code").n_unique())
    found = latest_of_each_code(pl.concat([near, on_claim], how="diagonal_relaxed"))
    total = pl.col("total").fill_null(0) + pl.col("outside").fill_null(0)
    return (
        found.join(counted, on=line, how="left")
        .join(outside, on=line, how="left")
        .with_columns(more=(total.cast(pl.Int64) - pl.len().over(line)).clip(0))
        .with_columns(asked_no=pl.col("kind").cast(pl.Categorical).to_physical())
        .select(*ON, pl.col("day").alias("service_date"), *_SHOWN, "more", "asked_no")
    )


def _near() -> Window:
    day = pl.col("day")
    return Window(days_before(day, "lookback_days"), days_after(day, "lookahead_days"))


def _first(diagnoses: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    """The diagnosis of each key that is cited: the latest, of several the first in place."""
    descending = [False] * len(key) + [True] + [False] * len(PLACE)
    ordered = diagnoses.sort(*key, "date", *PLACE, descending=descending, nulls_last=True)
    return ordered.unique(key, keep="first", maintain_order=True)


def _kinds(standings: pl.LazyFrame) -> pl.LazyFrame:
    """Codes that some policy names, each with what every policy says of it, as one text."""
    said = pl.concat_str(
        pl.col(name).cast(pl.String).fill_null("")
        for name in ("policy_id", "standing", "indication", "code_from", "code_to")
    )
    return standings.group_by("code").agg(kind=said.sort().str.join(";"))


def _on_the_claim(
    dossier: Dossier,
    asked: pl.LazyFrame,
    diagnoses: pl.LazyFrame,
    on: tuple[str, ...] = (),
    classes: tuple[str, ...] = (),
) -> pl.LazyFrame:
    """Diagnoses on a line's claim; of each class, if there are classes, the nearest."""
    facts = Facts(
        diagnoses.rename(_FOUND),
        ("person", "claim_id", *on),
        "date",
        None,
        ("claim_source_found", "claim_line_number", "place", "code"),
        (*classes, *_FOUND.values()),
        _SAME_PLACE,
        by_class=bool(classes),
    )
    return around(dossier, asked, facts)
