"""How things on file are asked for, and the days in which each may be dated."""

from typing import NamedTuple

import polars as pl

from audit_rules.kinds.counting import Pools
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.windows import closes_on, opens_on
from audit_rules.policy.language import conditions as words
from audit_rules.policy.language.conditions import Thing
from audit_rules.policy.language.declarations import Declarations
from audit_rules.policy.language.spans import COURSE
from audit_rules.policy.language.spans import Window as DayWindow


class Asking(NamedTuple):
    """How a thing is asked for.

    pools    the term's dose dates, for windows that open with a course.
    strict   of several values of a fact on one date all must fit.
    forbids  it must not be there: its silence needs no observation.
    """

    pools: Pools
    strict: bool = False
    forbids: bool = False


def looks_from_course(thing: Thing) -> bool:
    """Whether the thing may be dated from the first date of the course on."""
    return thing.window is not None and thing.window.opens.word == COURSE


def window_of(declared: Declarations, thing: Thing) -> DayWindow | None:
    """The window of a thing: its own, of a diagnosis else the document's; None: it has none."""
    if thing.window is not None or thing.kind != words.DIAGNOSIS or thing.same == "claim":
        return thing.window
    return declared.diagnosis_window


def asked_windows(ground: Ground, thing: Thing, pools: Pools) -> pl.DataFrame:
    """Every row of `asked` with `opens` and `closes`, the days in which the thing may be dated."""
    lines = ground.asked.select(
        "ask_no",
        "set_no",
        "person",
        "day",
        own_row="row_id",
        pay="payer_id",
        npi="billing_npi",
        source="claim_source",
        claim="claim_id",
    )
    window = window_of(ground.policy.declared, thing)
    if window is None:
        nothing = pl.lit(None, dtype=pl.Date)
        return lines.with_columns(opens=nothing, closes=nothing, course_start=nothing)
    starts = (
        pools.numbers.select("ask_no", "course_start")
        if window.opens.word == COURSE
        else pl.DataFrame(schema={"ask_no": pl.UInt32, "course_start": pl.Date})
    )
    return lines.join(starts, on="ask_no", how="left", maintain_order="left").with_columns(
        opens=opens_on(window, pl.col("day"), pl.col("course_start")),
        closes=closes_on(window, pl.col("day")),
    )


def any_found(ground: Ground, found: pl.DataFrame) -> pl.Series:
    """Whether a row of `asked` has any of what was found, in the order of `asked`."""
    return ground.asked["ask_no"].is_in(found["ask_no"].unique().implode())
