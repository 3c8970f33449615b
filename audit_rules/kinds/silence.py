"""What it means that a thing is not on file: it is not there, or that cannot be known."""

import polars as pl

from audit_rules.kinds.asking import Asking, looks_from_course, window_of
from audit_rules.kinds.coverage import payer_sends
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import MEDICAL, PHARMACY, observed_from
from audit_rules.kinds.truth import NamedEvidence, Truth
from audit_rules.policy.language import conditions as words
from audit_rules.policy.language.conditions import Thing
from audit_rules.policy.language.spans import COURSE, EVER
from schemas.days import days_before


def _tables(ground: Ground, thing: Thing) -> tuple[str, ...]:
    """The claim tables that can show lines of a thing."""
    if thing.kind == words.FILL:
        return (PHARMACY,)
    if thing.kind != words.DRUG:
        return (MEDICAL,)
    sets = [s for s in ground.sets if words.OWN in thing.names or s.name in thing.names]
    has_ndcs = any(s.ndcs or s.of_drug for s in sets)
    return (MEDICAL, PHARMACY) if has_ndcs else (MEDICAL,)


def _missing_table(ground: Ground, thing: Thing) -> str | None:
    """The reason of the first table that was not supplied."""
    needed = {
        words.DIAGNOSIS: ("any_diagnosis",),
        words.FACT: ("clinical_evidence",),
        words.AUTHORIZATION: ("authorization",),
        words.SPECIALIST: ("provider", "medical_claim"),
    }.get(thing.kind) or tuple(f"{t}_claim" for t in _tables(ground, thing))
    missing = next((t for t in needed if t not in ground.dossier.supplied), None)
    if missing is None:
        return None
    name = missing.removesuffix("_claim").removeprefix("any_")
    return f"{name}_extract_missing"


def with_silence(
    ground: Ground,
    thing: Thing,
    asked: pl.DataFrame,
    asking: Asking,
    is_found: pl.Series,
    unsure: pl.Series | None,
    found: NamedEvidence,
) -> Truth:
    """True if found, else false; unknown if rows may be missing.

    They may be missing if the table was not supplied, the window is still open, or the person was
    observed for too short a time.
    """
    reason = pl.lit(None, dtype=pl.String)
    frame = asked.with_columns(is_found=is_found)
    if thing.silence != "absent":
        reason = _why_unknown(ground, thing, asking)
        frame = frame.with_columns(_observed(ground, thing))
        if thing.kind == words.AUTHORIZATION:
            frame = frame.with_columns(sends=payer_sends(ground))
    if unsure is not None:
        frame = frame.with_columns(unsure=unsure)
        short = pl.when("unsure").then(pl.lit("days_supply_missing"))
        reason = pl.coalesce(short, reason)
    no_course = pl.col("course_start").is_null() if looks_from_course(thing) else pl.lit(False)
    why = pl.when(~pl.col("is_found") & ~no_course).then(reason)
    answer = frame.select(
        reason=why, value=pl.when("is_found").then(True).when(why.is_null()).then(False)
    )
    return Truth(answer["value"], answer["reason"], (found,))


def _why_unknown(ground: Ground, thing: Thing, asking: Asking) -> pl.Expr:
    missing = _missing_table(ground, thing)
    if missing:
        return pl.lit(missing)
    no_payer = pl.lit(None, dtype=pl.String)
    if thing.kind == words.AUTHORIZATION:
        return pl.when(~pl.col("sends")).then(pl.lit("authorization_extract_missing"))
    is_open = pl.when(pl.col("closes") > ground.as_of).then(pl.lit("window_open"))
    is_short = pl.when(_is_short(ground, thing, asking)).then(pl.lit("history_too_short"))
    return pl.coalesce(no_payer, is_open, is_short)


def _observed(ground: Ground, thing: Thing) -> pl.Series:
    tables = _tables(ground, thing)
    if thing.kind in (words.DIAGNOSIS, words.FACT, words.AUTHORIZATION):
        has_medical = ground.asked["claim_source"] == MEDICAL
        both = {t: observed_from(ground, thing.payers, (t,)) for t in (MEDICAL, PHARMACY)}
        return both[MEDICAL].zip_with(has_medical, both[PHARMACY]).alias("since")
    return observed_from(ground, thing.payers, tables).alias("since")


def _is_short(ground: Ground, thing: Thing, asking: Asking) -> pl.Expr:
    """Whether the person was observed for less than the thing needs."""
    window = window_of(ground.policy.declared, thing)
    days = thing.observed_days
    if days is None and asking.forbids:
        days = 0
    if days is None and thing.kind in (words.DIAGNOSIS, words.FACT):
        days = 0
    if days is None and (window is None or window.opens.word in (EVER, COURSE)):
        days = 0
    if days == 0:
        return pl.lit(False)
    if days is not None:
        since = days_before(pl.col("day"), pl.lit(days))
    else:
        since = pl.min_horizontal("opens", "day")
        assert window is not None
        if window.opens.days >= 0 and window.opens.months >= 0:
            return pl.lit(False)
    return ~(pl.col("since") <= since).fill_null(False)
