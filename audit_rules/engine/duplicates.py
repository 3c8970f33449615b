"""Duplicates: lines of different claims that bill the same service, paired one to one.

Lines are alike that agree in person, payer, service date, drug, product code, quantity and, on
medical lines, the set of modifiers; a null agrees with nothing. The first of the alike lines of one
claim pairs with the first of every other claim, the second with the second, in line order. Claims
of which one names the other as its original are one claim, billed again.
"""

from dataclasses import replace

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, crowded_keys
from audit_rules.engine.rule import ON
from schemas.formats import well_formed
from schemas.paid import is_paid
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
_TWIN = ("claim_id", "paid_date", "dispenser", "plan", "row_id")


def with_repeats(dossier: Dossier) -> Dossier:
    """The dossier with its `repeats`: the lines that are or may be duplicates of an earlier one."""
    lines = dossier.lines.with_columns(policy_id=pl.lit(""))
    return replace(
        dossier, repeats=earlier_twins(dossier, lines).select("row_id").unique().collect().lazy()
    )


def repeats_among(dossier: Dossier, history: pl.DataFrame) -> pl.Series:
    """The numbers of paid lines that are or may be duplicates of an earlier one, whatever they are
    of."""
    paid = history.filter(is_paid(pl.col("paid_cents"))).with_columns(drug=pl.lit("")).lazy()
    every = replace(dossier, lines=paid)
    found = earlier_twins(every, paid.with_columns(policy_id=pl.lit(""))).select("row_id")
    return found.unique().collect()["row_id"]


def earlier_twins(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """The earlier lines that a line repeats or may repeat; one row per line, policy and earlier
    line.

    Columns are those of the earlier line, and `is_certain`: false if the plans differ, or the
    dispenser of one of two fills is unknown. Fills of two different dispensers are left out; plans
    and dispensers are asked only after lines are paired.
    """
    alike = _with_place(dossier.lines)
    same = (*_ALIKE, "place")
    crowded = crowded_keys(dossier, Facts(alike, same))
    later = lines.select(*ON).join(alike.select(*same, *_TWIN), on="row_id")
    later = later.rename({n: f"{n}_later" for n in _TWIN if n != "row_id"})
    if crowded is None:
        return _judged(dossier, _pairs(alike, later))
    on = list(same)
    all_later, all_alike = pl.collect_all([later, alike])
    few = _pairs(alike, all_later.join(crowded, on=on, how="anti").lazy())
    many = (frame.join(crowded, on=on, how="semi") for frame in (all_later, all_alike))
    return pl.concat(
        [_judged(dossier, few), _judged(dossier, _first_of_many(*many))], how="diagonal"
    )


def twins_at_other_payers(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """The earlier lines of other payers that a line repeats; one row per line, policy and line.

    Columns are those of the earlier line, and paid_cents_later. Fills of two different dispensers
    are left out. The earlier line is the one paid first, a null first, then of the payer that comes
    first by the name that it goes by here, whatever the sender calls it.
    """
    same = [name for name in _ALIKE if name != "payer_id"]
    mine = lines.select(*ON).join(dossier.lines, on="row_id")
    crowds = dossier.lines.group_by("person", "service_date").agg(pl.col("payer_id").n_unique())
    shared = crowds.filter(pl.col("payer_id") > 1).select("person", "service_date")
    alike = _with_place(dossier.lines.join(shared, on=["person", "service_date"]))
    later = mine.select(*ON).join(
        alike.select(*same, "place", *_TWIN, "payer_id", "paid_cents"),
        on="row_id",
    )
    renamed = [n for n in (*_TWIN, "payer_id", "paid_cents") if n != "row_id"]
    later = later.rename({n: f"{n}_later" for n in renamed})
    pairs = alike.drop("row_id").join(later, on=[*same, "place"])
    is_medical = pl.col("claim_source") == "medical"
    same_dispenser = (pl.col("dispenser") == pl.col("dispenser_later")).fill_null(True)
    paid, paid_later = pl.col("paid_date"), pl.col("paid_date_later")
    is_earlier = (
        pl.when(paid.eq_missing(paid_later))
        .then(pl.col("payer_id") < pl.col("payer_id_later"))
        .otherwise(paid.is_null() | (paid < paid_later).fill_null(False))
    )
    return pairs.filter(
        pl.col("payer_id") != pl.col("payer_id_later"),
        pl.col("claim_id") != pl.col("claim_id_later"),
        is_medical | same_dispenser,
        is_earlier,
    )


def _pairs(alike: pl.LazyFrame, later: pl.LazyFrame) -> pl.LazyFrame:
    """Every later line with every earlier one."""
    pairs = alike.drop("row_id").join(later, on=[*_ALIKE, "place"])
    return pairs.filter(_is_earlier())


def _judged(dossier: Dossier, pairs: pl.LazyFrame) -> pl.LazyFrame:
    """Pairs with `is_certain`, without those of one claim billed again and of two dispensers."""
    is_medical = pl.col("claim_source") == "medical"
    same_dispenser = pl.col("dispenser") == pl.col("dispenser_later")
    other_plan = (pl.col("plan") != pl.col("plan_later")).fill_null(False)
    is_certain = (is_medical | same_dispenser).fill_null(False) & ~other_plan
    place = ["claim_source", "person", "payer_id"]
    links = dossier.claim_links
    forwards = [*place, "claim_id", "claim_id_later"]
    unlinked = pairs.with_columns(is_certain=is_certain).filter(
        (is_medical | same_dispenser).fill_null(True)
    )
    for ends in (("claim_id", "claim_id_later"), ("claim_id_later", "claim_id")):
        named = links.rename(dict(zip(("claim_id", "named_claim_id"), ends, strict=True)))
        unlinked = unlinked.join(named, on=forwards, how="anti")
    return unlinked


def _first_of_many(later: pl.DataFrame, alike: pl.DataFrame) -> pl.LazyFrame:
    """Later lines of which each has a great many twins, with the earliest twins, and `more`.

    A line has the earliest of its own dispenser and plan, of its dispenser without a plan, of its
    dispenser, and of no known dispenser; or of any if its own is not known.
    """
    same = [*_ALIKE, "place"]
    dispenser, plan = pl.col("dispenser"), pl.col("plan")
    ranked = alike.sort(*same, "paid_date", "claim_id", nulls_last=False).with_columns(
        rank=pl.int_range(pl.len()).over(same),
        own_rank=pl.int_range(pl.len()).over([*same, "dispenser"]),
        plan_rank=pl.int_range(pl.len()).over([*same, "dispenser", "plan"]),
        unknown_before=dispenser.is_null().cum_sum().over(same) - dispenser.is_null(),
    )
    figures = ranked.select("row_id", "own_rank", "unknown_before", rank_later="rank")
    asked = later.join(figures, on="row_id").with_row_index("asked_no")
    is_known, every = pl.col("dispenser_later").is_not_null(), pl.col("rank_later")
    asked = asked.with_columns(
        twins=pl.when(is_known).then(pl.col("own_rank") + pl.col("unknown_before")).otherwise(every)
    ).drop("own_rank", "unknown_before")
    is_first = (
        (pl.col("own_rank") < MOST_EVIDENCE)
        | (pl.col("plan_rank") < MOST_EVIDENCE)
        | (pl.col("rank") < MOST_EVIDENCE)
    )
    first = ranked.filter(is_first).drop("row_id", "unknown_before")
    fits = (
        (dispenser == pl.col("dispenser_later"))
        & (
            (pl.col("own_rank") < MOST_EVIDENCE)
            | ((pl.col("plan_rank") < MOST_EVIDENCE) & plan.eq_missing("plan_later"))
            | ((pl.col("plan_rank") < MOST_EVIDENCE) & plan.is_null())
        )
    ) | (dispenser.is_null() & (pl.col("own_rank") < MOST_EVIDENCE))
    of_own_plan = pl.col("dispenser_later").is_null() & (
        (pl.col("rank") < MOST_EVIDENCE)
        | ((pl.col("plan_rank") < MOST_EVIDENCE) & plan.eq_missing("plan_later"))
    )
    pairs = asked.join(first, on=same).filter(
        (fits | of_own_plan).fill_null(False), pl.col("rank") < pl.col("rank_later")
    )
    more = pl.col("twins") - pl.len().over("asked_no")
    return (
        pairs.with_columns(more=more.cast(pl.Int64).clip(0))
        .drop("twins", "rank", "rank_later", "own_rank", "plan_rank")
        .lazy()
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
