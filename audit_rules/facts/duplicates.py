"""Duplicates: lines of different claims that bill the same service, paired one to one.

Lines are alike that agree in person, payer, service date, drug, product code, quantity and, on
medical lines, the set of modifiers; a null agrees with nothing. The first of the alike lines of one
claim pairs with the first of every other claim, the second with the second, in line order.
"""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, crowded_keys
from audit_rules.engine.rule import ON
from schemas.formats import well_formed
from schemas.results import MOST_EVIDENCE
from schemas.tables import Kind

_ALIKE = (
    "claim_source",
    "person",
    "payer_id",
    "service_date",
    "drug",
    "product_code",
    "quantity_milli",
    "modifier_set",
)


def earlier_twins(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """The earlier lines that a line repeats or may repeat; one row per line, policy and earlier
    line.

    Columns are those of the earlier line, and `is_certain`: false if the dispenser of one of two
    fills is unknown. Fills of two different dispensers are left out; who dispensed is asked only
    after lines are paired.
    """
    alike = _with_place(dossier.lines)
    same = (*_ALIKE, "place")
    crowded = crowded_keys(dossier, Facts(alike, same))
    repeated = alike.select(*same, "row_id", "claim_id", "paid_date", "dispenser")
    later = lines.select(*ON).join(repeated, on="row_id")
    if crowded is None:
        return _pairs(alike, later)
    on = list(same)
    all_later, all_alike = pl.collect_all([later, alike])
    few = _pairs(alike, all_later.join(crowded, on=on, how="anti").lazy())
    many = (frame.join(crowded, on=on, how="semi") for frame in (all_later, all_alike))
    return pl.concat([few, _first_of_many(*many)], how="diagonal")


def _pairs(alike: pl.LazyFrame, later: pl.LazyFrame) -> pl.LazyFrame:
    """Every later line with every earlier one."""
    pairs = alike.drop("row_id").join(later, on=[*_ALIKE, "place"], suffix="_later")
    return _with_certainty(pairs.filter(_is_earlier()))


def _with_certainty(pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Pairs with `is_certain`, without those of fills of two dispensers."""
    is_medical, same_dispenser = (
        pl.col("claim_source") == "medical",
        pl.col("dispenser") == pl.col("dispenser_later"),
    )
    return pairs.with_columns(is_certain=(is_medical | same_dispenser).fill_null(False)).filter(
        (is_medical | same_dispenser).fill_null(True)
    )


def _first_of_many(later: pl.DataFrame, alike: pl.DataFrame) -> pl.LazyFrame:
    """Later lines of which each has a great many twins, with the earliest twins, and `more`.

    A line has the earliest of its own dispenser and of no known one, or of any if its own is not
    known.
    """
    same = [*_ALIKE, "place"]
    ranked = alike.sort(*same, "paid_date", "claim_id", nulls_last=False).with_columns(
        rank=pl.int_range(pl.len()).over(same),
        own_rank=pl.int_range(pl.len()).over([*same, "dispenser"]),
        unknown_before=pl.col("dispenser").is_null().cum_sum().over(same)
        - pl.col("dispenser").is_null(),
    )
    figures = ranked.select("row_id", "own_rank", "unknown_before", rank_later="rank")
    asked = later.join(figures, on="row_id").with_row_index("asked_no")
    is_known, every = pl.col("dispenser_later").is_not_null(), pl.col("rank_later")
    asked = asked.rename(
        {n: f"{n}_later" for n in ("claim_id", "paid_date", "dispenser")}
    ).with_columns(
        twins=pl.when(is_known).then(pl.col("own_rank") + pl.col("unknown_before")).otherwise(every)
    )
    first = ranked.filter(pl.col("own_rank") < MOST_EVIDENCE).drop(
        "row_id", "own_rank", "unknown_before"
    )
    of_any = ranked.filter(pl.col("rank") < MOST_EVIDENCE).select(first.columns)
    known = asked.filter(is_known).drop("own_rank", "unknown_before")
    unknown = asked.filter(~is_known).drop("own_rank", "unknown_before")
    pairs = pl.concat(
        [
            known.join(first.filter(pl.col("dispenser").is_not_null()), on=same).filter(
                pl.col("dispenser") == pl.col("dispenser_later")
            ),
            known.join(first.filter(pl.col("dispenser").is_null()), on=same),
            unknown.join(of_any, on=same),
        ]
    ).filter(pl.col("rank") < pl.col("rank_later"))
    more = pl.col("twins") - pl.len().over("asked_no")
    return _with_certainty(
        pairs.with_columns(more=more.cast(pl.Int64)).drop("twins", "rank", "rank_later").lazy()
    )


def _with_place(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with their place among the alike lines of their claim, from 1, and the dispenser if
    known."""
    modifier_set = pl.col("modifiers").list.unique().list.sort().list.join(",").fill_null("")
    is_known_fill = (pl.col("claim_source") == "pharmacy") & well_formed(
        pl.col("billing_npi"), Kind.NPI
    )
    place = pl.col("claim_line_number").rank("ordinal").over(*_ALIKE, "claim_id")
    known_dispenser = pl.when(is_known_fill).then("billing_npi")
    return lines.with_columns(modifier_set=modifier_set, dispenser=known_dispenser).with_columns(
        place=place
    )


def _is_earlier() -> pl.Expr:
    """Whether a line precedes its `_later` partner: by paid_date (nulls first), then claim_id as
    text."""
    paid, paid_later = pl.col("paid_date"), pl.col("paid_date_later")
    is_first_by_id = pl.col("claim_id") < pl.col("claim_id_later")
    return (
        pl.when(paid.eq_missing(paid_later))
        .then(is_first_by_id)
        .otherwise(paid.is_null() | (paid < paid_later).fill_null(False))
    )
