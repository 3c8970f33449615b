"""Duplicates: lines of different claims that bill the same service, paired one to one.

Lines are alike that agree in person, payer, service date, drug, product code, quantity and, on
medical lines, the set of modifiers; a null agrees with nothing. The first of the alike lines of one
claim pairs with the first of every other claim, the second with the second, in line order. Two
claims are one, billed again, if one names the other as its original.
"""

from dataclasses import replace

import polars as pl

from audit_rules.engine.arithmetic import least_and_most
from audit_rules.engine.claim_links import NAMED, linked
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around, crowded_keys
from audit_rules.engine.rule import ON
from schemas.days import FIRST_DAY, days_before
from schemas.formats import well_formed
from schemas.results import MOST_EVIDENCE
from schemas.table import Kind

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

    def find() -> pl.DataFrame:
        lines = dossier.lines.with_columns(policy_id=pl.lit(""))
        return earlier_twins(dossier, lines).select("row_id").unique().collect()

    return replace(dossier, repeats=dossier.once(with_repeats.__name__, None, find))


def earlier_twins(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """The earlier lines that a line repeats or may repeat; one row per line, policy and earlier
    line.

    Columns are those of the earlier line, and `is_certain`: false if the plans differ, or the
    dispenser of one of two fills is unknown. Fills of two different dispensers are left out; plans
    and dispensers are asked only after lines are paired.
    """
    alike = _with_place(dossier.lines)
    same = (*_ALIKE, "place")
    later = lines.select(*ON).join(alike.select(*same, *_TWIN), on="row_id")
    later = later.rename({n: f"{n}_later" for n in _TWIN if n != "row_id"})
    crowded = crowded_keys(dossier, later, Facts(alike, same))
    if crowded is None:
        return _judged(dossier, _pairs(alike, later))
    on = list(same)
    all_later, all_alike = pl.collect_all([later, alike])
    few = _pairs(alike, all_later.join(crowded, on=on, how="anti").lazy())
    many = (frame.join(crowded, on=on, how="semi") for frame in (all_later, all_alike))
    return pl.concat(
        [_judged(dossier, few), _judged(dossier, _first_of_many(*many))], how="diagonal"
    )


def twins_at_other_payers(
    dossier: Dossier, lines: pl.LazyFrame, share: str | None = None
) -> pl.LazyFrame:
    """The earlier lines of other payers that a line repeats; one row per line, policy and line.

    share   a column of the lines; if given, only twins that were each paid at least that share of
            the other.

    Columns are those of the earlier line. Fills of two different dispensers are left out. The
    earlier line is the one paid first, a null first, then of the payer that comes first by the name
    that it goes by here, whatever the sender calls it. Of a great many at one payer a line has the
    earliest.
    """
    same = [name for name in _ALIKE if name != "payer_id"]
    crowds = dossier.lines.group_by("person", "service_date").agg(pl.col("payer_id").n_unique())
    shared = crowds.filter(pl.col("payer_id") > 1).select("person", "service_date")
    alike = _with_moment(_with_place(dossier.lines.join(shared, on=["person", "service_date"])))
    alike = alike.collect().lazy()
    payers = alike.select(*same, "place", "payer_id").unique()
    own, unknown = pl.concat_str(pl.lit("of "), "dispenser"), pl.lit("of nobody known")
    later = alike.select(
        "row_id",
        *same,
        "place",
        day=pl.lit(FIRST_DAY),
        before=days_before(pl.col("moment"), pl.lit(1)),
        own_payer_id="payer_id",
        own_claim_id="claim_id",
        own_cents=pl.col("paid_cents").cast(pl.Int128),
        met=pl.when(pl.col("dispenser").is_null())
        .then(pl.concat_list(pl.lit("of anybody")))
        .otherwise(pl.concat_list(own, unknown)),
    ).explode("met")
    asked = (
        lines.select(*ON, *([share] if share else []))
        .join(later, on="row_id")
        .join(payers, on=[*same, "place"])
        .filter(pl.col("payer_id") != pl.col("own_payer_id"))
    )
    met = pl.concat_list(pl.coalesce(own, unknown), pl.lit("of anybody"))
    twins = alike.drop("row_id").with_columns(met=met, cents=pl.col("paid_cents").cast(pl.Int128))
    room = least_and_most(pl.col("own_cents"), pl.col(share)) if share else None
    facts = Facts(
        twins.explode("met"),
        (*same, "place", "payer_id", "met"),
        "moment",
        order=("claim_id",),
        within=("cents", *room) if room else None,
    )
    found = around(dossier, asked, facts, Window(closes=pl.col("before")))
    return found.filter(pl.col("claim_id") != pl.col("own_claim_id"))


def _with_moment(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with `moment`: their order by paid date, a null first, then payer, as if it were a
    date."""
    order = ["paid_on", "payer_id"]
    ordered = lines.with_columns(paid_on=pl.col("paid_date").fill_null(pl.lit(FIRST_DAY)))
    moments = ordered.select(order).unique().sort(order).with_row_index("moment")
    moment = pl.col("moment").cast(pl.Int32).cast(pl.Date)
    return ordered.join(moments, on=order).with_columns(moment).drop("paid_on")


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
    kept = pairs.with_columns(is_certain=is_certain).filter(
        (is_medical | same_dispenser).fill_null(True)
    )
    named = dossier.claim_links.collect()
    return kept if named.is_empty() else _unlinked(kept.collect(), named).lazy()


def _unlinked(pairs: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Pairs of claims that do not name each other."""
    for ends in (("claim_id", "claim_id_later"), ("claim_id_later", "claim_id")):
        names = dict(zip(ends, NAMED[-2:], strict=True))
        asked = pairs.rename(names).select(NAMED).unique()
        found = linked(asked, named).rename({new: old for old, new in names.items()})
        pairs = pairs.join(found, on=found.columns, how="anti")
    return pairs


def _first_of_many(later: pl.DataFrame, alike: pl.DataFrame) -> pl.LazyFrame:
    """Later lines with a great many twins each, their earliest twins, and `more`.

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
