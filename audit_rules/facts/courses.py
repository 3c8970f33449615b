"""Courses and cycles: how a person's dose dates are counted, low (never overstated) and high.

A gap longer than gap_days starts a new course. A dose date less than same_dose_days after the last
counted one of its course is not counted: one infusion was billed on two dates. The counted dates
are packed in date order into cycles: a cycle takes up to doses_per_cycle dates less than low_days
(or high_days) after its first.
"""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.policy.terms.doses import Course
from schemas.days import days_after

_PERSON = ("policy_id", "person")
_COURSE = (*_PERSON, "course_no")


def dose_dates(dossier: Dossier, book: PolicyBook) -> pl.LazyFrame:
    """One row per policy, person and dose date, with its course, cycle counts and first claim line.

    Adds course_no, course_start, low and high; dose_date, the counted date whose numbers the date
    has; low_start, the first date of its low cycle; and opens, whether a cycle begins with its dose
    under either count. A dose is a history line of the policy's drug, at
    any payer, with units above zero and no waste modifier. Computed once per dossier and book.
    """
    return dossier.once(dose_dates.__name__, book, lambda: _dose_dates(dossier, book))


def _dose_dates(dossier: Dossier, book: PolicyBook) -> pl.DataFrame:
    drugs = book.library.versions().select("policy_id", drug="policy_drug").unique()
    terms = book.terms(Course).join(drugs, on="policy_id")
    is_waste = pl.col("modifiers").list.set_intersection("waste_modifiers").list.len() > 0
    lines = dossier.services.join(terms.drop("term_id", "citation"), on="drug")
    doses = (
        lines.filter(pl.col("quantity_milli") > 0, ~is_waste.fill_null(False))
        .sort("policy_id", "person", "service_date", "claim_id", "claim_line_number", "payer_id")
        .unique(["policy_id", "person", "service_date"], keep="first", maintain_order=True)
    )
    person = list(_PERSON)
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
            "same_dose_days",
            "claim_source",
            "claim_id",
            "claim_line_number",
            "product_code",
        )
    )
    dosed = _with_dose_date(doses.collect())
    counted = dosed.filter(pl.col("service_date") == pl.col("dose_date")).drop("dose_date")
    numbered = _packed(_packed(counted, "low"), "high").with_columns(
        pl.col("service_date").min().over([*_COURSE, count]).alias(f"{count}_start")
        for count in ("low", "high")
    )
    begins = [pl.col("service_date") == pl.col(f"{count}_start") for count in ("low", "high")]
    numbers = numbered.select(
        *_COURSE,
        "low",
        "high",
        "low_start",
        dose_date="service_date",
        opens=pl.any_horizontal(begins),
    )
    return dosed.join(numbers, on=[*_COURSE, "dose_date"]).drop(
        "doses_per_cycle", "low_days", "high_days", "same_dose_days"
    )


def _with_dose_date(doses: pl.DataFrame) -> pl.DataFrame:
    """Dose dates with `dose_date`: the last counted date of the course, or the date itself."""
    doses = doses.sort(*_PERSON, "service_date").with_row_index("place")
    following = _first_after(doses, "same_dose_days")
    starts = _starts(doses, following)
    is_counted = pl.col("place").is_in(starts.implode())
    return doses.with_columns(
        dose_date=pl.when(is_counted).then("service_date").forward_fill().over(_COURSE)
    ).drop("place")


def _starts(doses: pl.DataFrame, following: pl.Series) -> pl.Series:
    """The places reached from the first of each course, from each to its following place."""
    first = doses.filter(pl.col("place") == pl.col("place").min().over(_COURSE))["place"]
    return _reached(first, following)


def _first_after(doses: pl.DataFrame, days: str) -> pl.Series:
    """The place of the first date of the same course so many days after each, or past the last."""
    ends = doses.select("place", *_COURSE, past=days_after(pl.col("service_date"), days))
    later = ends.join_asof(
        doses.select(*_COURSE, "service_date", late="place"),
        left_on="past",
        right_on="service_date",
        by=list(_COURSE),
        strategy="forward",
        check_sortedness=False,
    )
    beyond = pl.lit(doses.height)
    return later.select(pl.col("late").fill_null(beyond).cast(pl.Int64)).to_series()


def _packed(doses: pl.DataFrame, count: str) -> pl.DataFrame:
    """Counted dates with a column `count`: the number of each one's cycle."""
    doses = doses.sort(*_PERSON, "service_date").with_row_index("place")
    full = doses.select(
        pl.min_horizontal(
            pl.col("place") + pl.col("doses_per_cycle"), pl.col("place").max().over(_COURSE) + 1
        ).cast(pl.Int64)
    ).to_series()
    late = _first_after(doses, f"{count}_days")
    following = pl.DataFrame({"full": full, "late": late}).select(pl.min_horizontal("full", "late"))
    begins = pl.col("place").is_in(_starts(doses, following.to_series()).implode())
    return doses.with_columns(begins.cast(pl.Int32).cum_sum().over(_COURSE).alias(count)).drop(
        "place"
    )


def _reached(first: pl.Series, following: pl.Series) -> pl.Series:
    """The places that are reached from the first ones, from each to its following place.

    Steps double, so that a course of many cycles takes few rounds. A place past the last is the
    end.
    """
    end = following.len()
    step = pl.concat([following, pl.Series([end], dtype=pl.Int64)])
    reached = first.cast(pl.Int64)
    for _ in range(end.bit_length()):
        reached = pl.concat([reached, step.gather(reached).rename(reached.name)]).unique()
        step = step.gather(step)
    return reached


def days_since_last(doses: pl.LazyFrame) -> pl.LazyFrame:
    """Dose dates with gap_days: the days since the person's dose before, null for the first."""
    before = pl.col("service_date").shift(1).over(["policy_id", "person"], order_by="service_date")
    return doses.select(
        "policy_id",
        "person",
        "service_date",
        gap_days=(pl.col("service_date") - before).dt.total_days(),
    )


def with_cycle(lines: pl.LazyFrame, doses: pl.LazyFrame) -> pl.LazyFrame:
    """Lines on a dose date, with the numbers of its course and cycle; other lines fall away."""
    numbers = doses.select(
        *_PERSON,
        "service_date",
        "course_no",
        "course_start",
        "dose_date",
        "low",
        "low_start",
        "high",
        "opens",
    )
    return lines.join(numbers, on=[*_PERSON, "service_date"]).collect().lazy()  # read many times


def doses_so_far(dossier: Dossier, lines: pl.LazyFrame, doses: pl.LazyFrame) -> pl.LazyFrame:
    """The doses of each line's course up to its date, one row per line, policy and dose."""
    asked = lines.select(*ON, "person", "course_no", day="service_date")
    facts = Facts(doses, ("policy_id", "person", "course_no"))
    return around(dossier, asked, facts, Window(closes=pl.col("day")))


def doses_until(
    dossier: Dossier, lines: pl.LazyFrame, doses: pl.LazyFrame, since: str | None = None
) -> pl.LazyFrame:
    """The person's doses of any course up to each line's date; one row per line, policy and dose.

    since   column with the first date that counts, if not all do.
    """
    asked = lines.select(*ON, "person", *([since] if since else []), day="service_date")
    window = Window(pl.col(since), pl.col("day")) if since else Window(closes=pl.col("day"))
    return around(dossier, asked, Facts(doses, ("policy_id", "person")), window)


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


def cycle_starts(doses: pl.LazyFrame, number: str) -> pl.LazyFrame:
    """The first date of every low cycle, as `number`_start, with the cycle's number as `number`."""
    return doses.select(
        *_COURSE, pl.col("low").alias(number), pl.col("low_start").alias(f"{number}_start")
    ).unique()
