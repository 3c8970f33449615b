"""Lines as evidence: earlier lines of a window, and dose dates with their numbers."""

import polars as pl

from audit_rules.kinds.counting import POOL, Pools
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import PHARMACY
from audit_rules.kinds.truth import NamedEvidence
from schemas.results import EVIDENCE_FIELDS, MOST_EVIDENCE

_FIELDS = [name for name in EVIDENCE_FIELDS if name != "side"]


def billed_lines(
    ground: Ground, pairs: pl.DataFrame, kind: pl.Expr, value: pl.Expr
) -> NamedEvidence:
    """Lines as billed: `pairs` has ask_no, and the shown line's number as `shown_row`."""
    lines = ground.history.select(
        "claim_source",
        "claim_id",
        "claim_line_number",
        "quantity",
        shown_row="row_id",
        code="product_code",
        date="service_date",
    )
    joined = pairs.join(lines, on="shown_row")
    facts = joined.with_columns(kind=kind, value=value, id=pl.lit(None, dtype=pl.String))
    return NamedEvidence(facts.select("ask_no", *_FIELDS), "billed before")


def earlier_lines(ground: Ground, rows: pl.DataFrame, group: list[str]) -> NamedEvidence:
    """Of lines that go over, the earlier ones of their window, the nearest of a great many.

    rows   in order: ask_no, row_id, order_no, day, since, state as `is_over`, and the group.
    """
    placed = rows.with_columns(place=pl.int_range(pl.len()).over(group))
    over = placed.filter("is_over").select(*group, "ask_no", "since", own_place="place")
    others = placed.select(*dict.fromkeys([*group, "place", "day"]), shown_row="row_id")
    pairs = over.join(others, on=group).filter(
        pl.col("place") < pl.col("own_place"),
        pl.col("own_place") - pl.col("place") <= MOST_EVIDENCE,
        pl.col("since").is_null() | (pl.col("day") >= pl.col("since")),
    )
    is_fill = pl.col("claim_source") == PHARMACY
    kind = pl.when(is_fill).then(pl.lit("fill")).otherwise(pl.lit("service"))
    return billed_lines(ground, pairs, kind, pl.col("quantity").cast(pl.String))


def doses_before(ground: Ground, pools: Pools, result: pl.DataFrame) -> NamedEvidence:
    """The dose date with which each line's date was compared, with its number.

    result   of a kind: ask_no and previous_date.
    """
    asked = result.filter(pl.col("previous_date").is_not_null(), pl.col("state") == "fail")
    doses = pools.doses.select(*POOL, "day", "maker", "dose").join(
        ground.asked.select(maker="ask_no", shown_row="row_id"), on="maker"
    )
    pairs = (
        asked.select("ask_no", day="previous_date")
        .join(pools.of_asked.drop("day", "row_id"), on="ask_no")
        .join(doses, on=[*POOL, "day"])
    )
    return billed_lines(ground, pairs, pl.lit("dose"), pl.format("dose {}", "dose"))
