"""Courses and cycles: how a person's dose dates are counted, low (never overstated) and high.

A gap longer than gap_days starts a new course. Within a course, dose dates are packed in date order
into cycles: a cycle takes up to doses_per_cycle dates less than low_days (or high_days)
after its first.
"""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.policy.terms.doses import Course


def dose_dates(dossier: Dossier, book: PolicyBook) -> pl.LazyFrame:
    """One row per policy, person and dose date, with its course, cycle counts and first claim line.

    Adds course_no, course_start, low and high. A dose is a history line of the policy's drug, at
    any payer, with units above zero and no waste modifier.
    """
    drugs = book.library.versions().select("policy_id", drug="policy_drug").unique()
    terms = book.terms(Course).join(drugs, on="policy_id")
    is_waste = pl.col("modifiers").list.set_intersection("waste_modifiers").list.len() > 0
    lines = dossier.services.join(terms.drop("term_id", "citation"), on="drug")
    doses = (
        lines.filter(pl.col("quantity_milli") > 0, ~is_waste.fill_null(False))
        .sort("policy_id", "person", "service_date", "claim_id", "claim_line_number", "payer_id")
        .unique(["policy_id", "person", "service_date"], keep="first", maintain_order=True)
    )
    person = ["policy_id", "person"]
    gap = (pl.col("service_date") - pl.col("service_date").shift(1).over(person)).dt.total_days()
    doses = (
        doses.with_columns(
            course_no=(gap > pl.col("gap_days"))
            .fill_null(True)
            .cast(pl.Int64)
            .cum_sum()
            .over(person)
        )
        .with_columns(course_start=pl.col("service_date").min().over([*person, "course_no"]))
        .select(
            *person,
            "service_date",
            "course_no",
            "course_start",
            "doses_per_cycle",
            "low_days",
            "high_days",
            "claim_source",
            "claim_id",
            "claim_line_number",
            "product_code",
        )
    )
    return (
        _packed(_packed(doses.collect(), "low"), "high")
        .lazy()
        .drop("doses_per_cycle", "low_days", "high_days")
    )


def _packed(doses: pl.DataFrame, count: str) -> pl.DataFrame:
    """Doses with a column `count`: the number of each one's cycle. Loops over the cycle number
    only."""
    course = ["policy_id", "person", "course_no"]
    done: list[pl.DataFrame] = []
    left, cycle = doses, 0
    while left.height:
        cycle += 1
        first = pl.col("service_date").min().over(course)
        place = pl.col("service_date").rank("ordinal").over(course)
        days = (pl.col("service_date") - first).dt.total_days()
        is_taken = (days < pl.col(f"{count}_days")) & (place <= pl.col("doses_per_cycle"))
        left = left.with_columns(is_taken=is_taken)
        done.append(
            left.filter("is_taken").drop("is_taken").with_columns(pl.lit(cycle).alias(count))
        )
        left = left.filter(~pl.col("is_taken")).drop("is_taken")
    empty = doses.with_columns(pl.lit(0).alias(count)).clear()
    return pl.concat([empty, *done]).sort("policy_id", "person", "service_date")


def with_cycle(lines: pl.LazyFrame, doses: pl.LazyFrame) -> pl.LazyFrame:
    """Lines on a dose date, with its course and cycle numbers; lines on other dates fall away."""
    numbers = doses.select(
        "policy_id", "person", "service_date", "course_no", "course_start", "low", "high"
    )
    return lines.join(numbers, on=["policy_id", "person", "service_date"])


def doses_so_far(lines: pl.LazyFrame, doses: pl.LazyFrame) -> pl.LazyFrame:
    """The doses of each line's course up to its date, one row per line, policy and dose."""
    asked = lines.select(*ON, "person", "course_no", day="service_date")
    return asked.join(doses, on=["policy_id", "person", "course_no"]).filter(
        pl.col("service_date") <= pl.col("day")
    )


def doses_until(lines: pl.LazyFrame, doses: pl.LazyFrame) -> pl.LazyFrame:
    """The person's doses of any course up to each line's date; one row per line, policy and
    dose."""
    asked = lines.select(*ON, "person", day="service_date")
    return asked.join(doses, on=["policy_id", "person"]).filter(
        pl.col("service_date") <= pl.col("day")
    )


def with_earlier_cycles(lines: pl.LazyFrame, doses: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with `earlier_cycles`: the sum of the low counts of the person's earlier courses."""
    person = ["policy_id", "person"]
    courses = (
        doses.group_by(*person, "course_no")
        .agg(cycles=pl.col("low").max())
        .sort(*person, "course_no")
    )
    earlier = courses.select(
        *person,
        "course_no",
        earlier_cycles=pl.col("cycles").cum_sum().over(person) - pl.col("cycles"),
    )
    return lines.join(earlier, on=[*person, "course_no"])


def first_dates(doses: pl.LazyFrame) -> pl.LazyFrame:
    """The dose dates on which a cycle begins by either count: policy_id, person, service_date."""
    course = ["policy_id", "person", "course_no"]
    begins = [
        pl.col("service_date") == pl.col("service_date").min().over([*course, count])
        for count in ("low", "high")
    ]
    return doses.filter(pl.any_horizontal(begins)).select("policy_id", "person", "service_date")
