"""What a term counts together, its dose dates, and their numbers in a course."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import MEDICAL, PHARMACY, observed_from
from audit_rules.kinds.windows import span_after
from audit_rules.policy.language.spans import Span
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.reference.product_sets import LineSet
from schemas.days import days_before

POOL = ("pool_no", "key_no")
PRODUCT_OF_SET = "product of set"
"""By product, of terms with one set each."""


@dataclass(frozen=True)
class Counting:
    """How the lines of a term are counted; hashable, so that dose dates are found once.

    sets   the numbers of its sets.
    gap    in place of the sets' own; False: theirs.
    """

    sets: tuple[int, ...]
    by: str
    payers: str
    providers: str
    benefits: str
    gap: Span | bool | None = False


def counting_of(
    ground: Ground, term: LanguageTerm, own_payer: bool, gap: Span | bool | None = False
) -> Counting:
    """The counting that a term states, or the default of what is counted."""
    names = {s.name for s in ground.policy.declared.sets_of(term)}
    sets = tuple(s.number for s in ground.sets if s.name in names)
    return Counting(
        sets,
        term.by or "set",
        term.payers or ("own" if own_payer else "any"),
        term.providers or "any",
        term.benefits or "own",
        gap,
    )


@dataclass(frozen=True)
class Pools:
    """The lines that count together.

    counted   one row per line and pool: pool_no, key_no, and the line of `asked` under its first
              set of the pool.
    of_asked  the pool and key of every row of `asked`: ask_no, pool_no, key_no.
    """

    ground: Ground
    counting: Counting

    @cached_property
    def _sets(self) -> list[LineSet]:
        return [s for s in self.ground.sets if s.number in self.counting.sets]

    @cached_property
    def _pool_sets(self) -> pl.DataFrame:
        """Which sets count with a judged set: judged, pool_no, set_no."""
        every = [s.number for s in self._sets]
        pools: dict[tuple[int, ...], int] = {}
        rows = []
        for one in self._sets:
            together = {
                "set": [one.number],
                "together": every,
                "product": every,
                PRODUCT_OF_SET: [one.number],
                "ingredient": self._sharing(one),
            }[self.counting.by]
            number = pools.setdefault(tuple(together), len(pools))
            rows += [(one.number, number, other) for other in together]
        schema = {"judged": pl.Int64, "pool_no": pl.Int64, "set_no": pl.Int64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _sharing(self, one: LineSet) -> list[int]:
        """The sets that share an ingredient with one."""
        if self.counting.by != "ingredient":
            return []
        return [s.number for s in self._sets if s is one or set(s.words) & set(one.words)]

    @cached_property
    def _keyed(self) -> pl.DataFrame:
        """Every row of `asked` with key_no: what lines of a pool share."""
        parts = ["person"]
        lines = self.ground.asked.with_columns(
            npi=pl.coalesce("billing_npi", pl.format("#{}", "row_id"))
        )
        parts += ["payer_id"] if self.counting.payers == "own" else []
        parts += ["npi"] if self.counting.providers == "own" else []
        parts += ["claim_source"] if self.counting.benefits == "own" else []
        parts += ["product_code"] if self.counting.by in ("product", PRODUCT_OF_SET) else []
        keys = lines.select(parts).unique(maintain_order=True).with_row_index("key_no")
        return lines.join(keys, on=parts, nulls_equal=True, maintain_order="left").drop("npi")

    @cached_property
    def counted(self) -> pl.DataFrame:
        """One row per line and pool, in the order of lines."""
        pools = self._pool_sets.select("pool_no", "set_no").unique()
        return (
            self._keyed.join(pools, on="set_no")
            .sort("pool_no", "order_no", "set_no")
            .unique(["pool_no", "row_id"], keep="first", maintain_order=True)
        )

    @cached_property
    def of_asked(self) -> pl.DataFrame:
        """ask_no, row_id, pool_no, key_no of the rows of `asked` that are of a judged set."""
        judged = self._pool_sets.select(set_no="judged", pool_no="pool_no").unique()
        return self._keyed.join(judged, on="set_no").select("ask_no", "row_id", *POOL, "day")

    def to_asked(self, found: pl.DataFrame, by: tuple[str, ...]) -> pl.DataFrame:
        """What was found per pool and `by`, for the rows of `asked`; with ask_no."""
        return self.of_asked.join(found, on=["pool_no", *by], how="inner")

    @cached_property
    def doses(self) -> pl.DataFrame:
        """One row per dose date: pool_no, key_no, day, maker (ask_no of the line that makes it),
        previous, course_start, dose, number (days since the first), course, is_certain, and
        is_course_certain."""
        makers = (
            self.counted.filter(pl.col("quantity_milli") > 0, ~pl.col("is_waste"))
            .sort("pool_no", "key_no", "order_no")
            .unique([*POOL, "day"], keep="first", maintain_order=True)
            .select(*POOL, "day", "order_no", maker="ask_no", set_no="set_no")
            .sort(*POOL, "day")
        )
        dated = makers.with_columns(previous=pl.col("day").shift(1).over(POOL))
        begins = pl.col("previous").is_null()
        for one in self._sets:
            gap = one.gap if isinstance(self.counting.gap, bool) else self.counting.gap
            if gap is not None:
                late = pl.col("day") > span_after(pl.col("previous"), gap)
                begins = begins | ((pl.col("set_no") == one.number) & late.fill_null(False))
        dated = dated.with_columns(course=begins.cast(pl.Int64).cum_sum().over(POOL))
        start = pl.col("day").first().over([*POOL, "course"])
        dated = dated.with_columns(
            course_start=start,
            dose=pl.int_range(1, pl.len() + 1).over([*POOL, "course"]),
            number=(pl.col("day") - start).dt.total_days(),
        )
        return self._with_certainty(dated)

    def _with_certainty(self, dated: pl.DataFrame) -> pl.DataFrame:
        """A course's start is certain if the person was observed long enough before it."""
        days = pl.DataFrame(
            [(s.number, s.observed_days) for s in self._sets],
            schema={"set_no": pl.Int64, "observed_days": pl.Int64},
            orient="row",
        )
        has_fills = any(s.ndcs or s.of_drug for s in self._sets)
        both = self.counting.benefits == "both" and has_fills
        frames = self.ground.asked.select("ask_no", "claim_source").with_columns(
            medical=observed_from(self.ground, self.counting.payers, (MEDICAL,)),
            pharmacy=observed_from(self.ground, self.counting.payers, (PHARMACY,)),
        )
        both_known = pl.when(
            pl.col("medical").is_not_null() & pl.col("pharmacy").is_not_null()
        ).then(pl.max_horizontal("medical", "pharmacy"))
        own = pl.when(pl.col("claim_source") == MEDICAL).then("medical").otherwise("pharmacy")
        since = frames.select(maker="ask_no", since=both_known if both else own)
        joined = dated.join(days, on="set_no").join(since, on="maker", how="left")
        needed = pl.col("observed_days")
        is_long = pl.col("since") <= days_before(pl.col("course_start"), needed)
        is_certain = (needed == 0) | is_long.fill_null(False)
        joined = joined.sort(*POOL, "day").with_columns(
            is_certain=is_certain.first().over([*POOL, "course"])
        )
        return joined.with_columns(is_course_certain=pl.col("is_certain").first().over(POOL)).drop(
            "since", "observed_days"
        )

    @cached_property
    def numbers(self) -> pl.DataFrame:
        """The dose date of every row of `asked` that is on one: ask_no and the dose's columns."""
        return self.of_asked.join(self.doses, on=[*POOL, "day"], how="inner")


def pools_of(ground: Ground, counting: Counting) -> Pools:
    """The pools of a counting, made once."""
    if counting not in ground.memo:
        ground.memo[counting] = Pools(ground, counting)
    return ground.memo[counting]  # type: ignore[no-any-return]
