"""Things on file: whether a line's person, claim or payer has them, and if not, whether silence
means anything."""

from typing import NamedTuple

import polars as pl

from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.counting import Pools
from audit_rules.kinds.coverage import approvals, as_evidence, payer_sends
from audit_rules.kinds.facts import fact_found
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import MEDICAL, PHARMACY, observed_from
from audit_rules.kinds.truth import Found, Truth
from audit_rules.kinds.windows import closes_on, opens_on
from audit_rules.policy.language import conditions as words
from audit_rules.policy.language.conditions import Thing
from audit_rules.policy.language.spans import COURSE, EVER
from audit_rules.policy.language.spans import Window as DayWindow
from schemas.days import days_before
from schemas.results import EVIDENCE_FIELDS

_KINDS = {MEDICAL: "service", PHARMACY: "fill"}
_EVIDENCE = [name for name in EVIDENCE_FIELDS if name != "side"]


class Asking(NamedTuple):
    """How a thing is asked for.

    pools    the term's dose dates, for windows that open with a course.
    strict   of several values of a fact on one date all must fit.
    forbids  it must not be there: its silence needs no observation.
    """

    pools: Pools
    strict: bool = False
    forbids: bool = False


def thing_truth(ground: Ground, thing: Thing, asking: Asking) -> Truth:
    """Whether a thing is on file for every row of `asked`."""
    key = (thing, asking.pools.counting if _looks_from_course(thing) else None, *asking[1:])
    if key not in ground.memo:
        ground.memo[key] = _thing_truth(ground, thing, asking)
    return ground.memo[key]  # type: ignore[no-any-return]


def _looks_from_course(thing: Thing) -> bool:
    return thing.window is not None and thing.window.opens.word == COURSE


def _thing_truth(ground: Ground, thing: Thing, asking: Asking) -> Truth:
    asked = asked_windows(ground, thing, asking.pools)
    if thing.kind == words.AUTHORIZATION:
        word = thing.names[0]
        found = approvals(ground)
        if word != "approved":
            found = found.filter(pl.col("override") == word)
        is_found, unsure = _any(ground, found), None
        evidence = as_evidence(found)
    elif thing.kind == words.FACT:
        facts = fact_found(ground, thing, asked, asking.strict)
        is_found, unsure, evidence = facts.is_found, None, facts.evidence
    elif thing.kind == words.DIAGNOSIS:
        evidence = _diagnoses(ground, thing, asked)
        is_found, unsure = _any(ground, evidence), None
    else:
        rows = _lines_found(ground, thing, asked)
        is_found, unsure = _enough(ground, thing, rows)
        evidence = _line_evidence(thing, rows)
    named = Found(evidence, thing.name or " or ".join(thing.names))
    return _with_silence(ground, thing, asked, asking, is_found, unsure, named)


def _window_of(ground: Ground, thing: Thing) -> DayWindow | None:
    if thing.window is not None or thing.kind != words.DIAGNOSIS or thing.same == "claim":
        return thing.window
    return ground.policy.declared.diagnosis_window


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
    window = _window_of(ground, thing)
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


def _any(ground: Ground, found: pl.DataFrame) -> pl.Series:
    return ground.asked["ask_no"].is_in(found["ask_no"].unique().implode())


# ---------------------------------------------------------------- lines


def _lines_found(ground: Ground, thing: Thing, asked: pl.DataFrame) -> pl.DataFrame:
    """The history lines that are the thing, of each row of `asked`."""
    facts, on = _facts_of(ground, thing)
    asked = asked.drop("course_start")
    if thing.payers == "own":
        on.append("pay")
    if thing.same == "provider":
        on.append("npi")
    if thing.same == "claim":
        on += [c for c in ("pay", "source", "claim") if c not in on]
    renamed = {
        "row_id": "fact_row",
        "payer_id": "pay",
        "billing_npi": "npi",
        "claim_source": "source",
        "claim_id": "claim",
    }
    kept = facts.with_columns(
        pl.col(old).alias(new) for old, new in renamed.items() if new in on or new == "fact_row"
    ).drop("row_id", "payer_id", "billing_npi", "person_row", strict=False)
    left_out = {"pay", "npi", "source", "claim"} - set(on)
    asked = asked.drop(*left_out, *(["set_no"] if "set_no" not in on else []))
    supply = thing.touches == "supply"
    window = (
        Window(closes=pl.col("closes"), at=pl.col("opens"))
        if supply
        else Window(pl.col("opens"), pl.col("closes"))
    )
    found = around(
        ground.dossier,
        asked.lazy(),
        Facts(kept.lazy(), tuple(on), "fact_date", "fact_until", ("fact_row",)),
        window,
    ).collect()
    if thing.kind == words.SPECIALIST:
        return found
    return found.filter(pl.col("fact_row") != pl.col("own_row"))


def _facts_of(ground: Ground, thing: Thing) -> tuple[pl.DataFrame, list[str]]:
    """The lines that can be the thing, and the columns by which they belong to a row of `asked`."""
    if thing.kind in (words.DRUG, words.FILL):
        return _lines_of_sets(ground, thing)
    services = _dated(ground.history.filter(pl.col("claim_source") == MEDICAL))
    if thing.kind == words.SERVICE:
        wanted = codes_meant(ground, thing.names, services["hcpcs_code"])
        lines = services.filter(pl.col("hcpcs_code").is_in(wanted))
    else:
        taxonomies = ground.dossier.taxonomies.collect()
        wanted = codes_meant(ground, thing.names, taxonomies["taxonomy_code"])
        npis = taxonomies.filter(pl.col("taxonomy_code").is_in(wanted))["npi"].implode()
        lines = services.filter(
            pl.col("provider_npi").is_in(npis) | pl.col("billing_npi").is_in(npis)
        )
    if thing.not_own:
        return _without_own(ground, lines), ["person", "set_no"]
    return lines, ["person"]


def _dated(lines: pl.DataFrame) -> pl.DataFrame:
    last = pl.max_horizontal("service_date", days_before(pl.col("supply_end"), pl.lit(1)))
    until = pl.when(pl.col("claim_source") == PHARMACY).then(last).otherwise("service_date")
    return lines.select(
        "row_id",
        "person",
        "payer_id",
        "billing_npi",
        "provider_npi",
        "claim_source",
        "claim_id",
        "claim_line_number",
        "hcpcs_code",
        "ndc_code",
        "quantity",
        "days_supply",
        "set_ingredient",
        "product_code",
        fact_date="service_date",
        fact_until=until,
    )


def _lines_of_sets(ground: Ground, thing: Thing) -> tuple[pl.DataFrame, list[str]]:
    named = ground.numbers(thing.names)
    has_own = words.OWN in thing.names
    of_sets = ground.asked.filter(
        (pl.col("quantity_milli") > 0) | pl.col("quantity_milli").is_null(), ~pl.col("is_waste")
    )
    if thing.kind == words.FILL:
        of_sets = of_sets.filter(pl.col("claim_source") == PHARMACY)
    rows = of_sets.select("row_id", of_set="set_no")
    lines = _dated(ground.history.join(rows, on="row_id", how="semi"))
    if not has_own and not thing.not_own:
        return lines.join(rows.filter(pl.col("of_set").is_in(named)), on="row_id", how="semi"), [
            "person"
        ]
    pairs = []
    for one in ground.sets:
        wanted = {*named, *([one.number] if has_own else [])}
        mine = rows.filter(pl.col("of_set").is_in(list(wanted))).select("row_id").unique()
        if thing.not_own:
            own = ground.members.filter(pl.col("set_no") == one.number)
            mine = mine.join(own, on="row_id", how="anti")
        pairs.append(mine.with_columns(set_no=pl.lit(one.number, pl.Int64)))
    return lines.join(pl.concat(pairs), on="row_id"), ["person", "set_no"]


def _without_own(ground: Ground, lines: pl.DataFrame) -> pl.DataFrame:
    parts = []
    for one in ground.sets:
        own = ground.members.filter(pl.col("set_no") == one.number)
        others = lines.join(own, on="row_id", how="anti")
        parts.append(others.with_columns(set_no=pl.lit(one.number, pl.Int64)))
    return pl.concat(parts)


def _enough(ground: Ground, thing: Thing, rows: pl.DataFrame) -> tuple[pl.Series, pl.Series | None]:
    """Whether enough was found, and whether unknown days' supply could make it enough."""
    if thing.least == 1 and thing.least_days_supply is None:
        return _any(ground, rows), None
    once = rows.unique(["ask_no", "fact_row"]).filter(
        ~pl.col("fact_row").is_in(ground.repeats.implode())
    )
    days = pl.col("days_supply").cast(pl.Float64)
    is_known = (days > 0).fill_null(False)
    counted = rows.group_by("ask_no").agg(dates=pl.col("fact_date").n_unique())
    summed = once.group_by("ask_no").agg(
        days=days.filter(is_known).sum(), is_open=(~is_known).any()
    )
    joined = (
        ground.asked.select("ask_no")
        .join(counted, on="ask_no", how="left", maintain_order="left")
        .join(summed, on="ask_no", how="left", maintain_order="left")
        .with_columns(pl.col("dates", "days").fill_null(0), pl.col("is_open").fill_null(False))
    )
    has_dates = joined["dates"] >= thing.least
    if thing.least_days_supply is None:
        return has_dates, None
    has_days = joined["days"] >= thing.least_days_supply
    return has_dates & has_days, has_dates & ~has_days & joined["is_open"]


def _line_evidence(thing: Thing, rows: pl.DataFrame) -> pl.DataFrame:
    is_fill = pl.col("claim_source") == PHARMACY if "claim_source" in rows.columns else pl.lit(None)
    del thing
    value = pl.format(
        "{} {}",
        pl.col("quantity").cast(pl.String).fill_null("?"),
        pl.col("set_ingredient").fill_null("units"),
    )
    return rows.select(
        "ask_no",
        kind=pl.when(is_fill).then(pl.lit("fill")).otherwise(pl.lit("service")),
        claim_source="claim_source",
        claim_id="claim_id",
        claim_line_number="claim_line_number",
        id=pl.lit(None, dtype=pl.String),
        code=pl.coalesce("hcpcs_code", "ndc_code"),
        value=pl.when(is_fill).then(value),
        date="fact_date",
    ).select("ask_no", *_EVIDENCE)


# ---------------------------------------------------------------- diagnoses


def _diagnoses(ground: Ground, thing: Thing, asked: pl.DataFrame) -> pl.DataFrame:
    """The diagnoses on the claim and in the window, as evidence."""
    every = ground.dossier.diagnoses.collect()
    wanted = codes_meant(ground, thing.names, every["code"])
    every = every.filter(pl.col("code").is_in(wanted))
    found = []
    if thing.same != "dates":
        asks = asked.select("ask_no", "person", "pay", "source", "claim")
        on_claims = every.filter(pl.col("claim_id").is_not_null())
        pairs = asks.join(
            on_claims, left_on=["person", "claim"], right_on=["person", "claim_id"], coalesce=False
        )
        is_own = (pl.col("claim_source") == pl.col("source")) & (
            pl.col("payer_id") == pl.col("pay")
        )
        found.append(pairs.filter(pl.col("claim_source").is_null() | is_own))
    if thing.same != "claim":
        facts = every.rename({"payer_id": "fact_payer"}).with_row_index("code_no")
        near = around(
            ground.dossier,
            asked.select("ask_no", "person", "day", "pay", "opens", "closes").lazy(),
            Facts(facts.lazy(), ("person",), "date", None, ("code_no",)),
            Window(pl.col("opens"), pl.col("closes")),
        ).collect()
        if thing.payers == "own":
            near = near.filter((pl.col("fact_payer") == pl.col("pay")).fill_null(True))
        found.append(near)
    return pl.concat(
        f.select(
            "ask_no",
            kind=pl.lit("diagnosis"),
            claim_source="claim_source",
            claim_id="claim_id",
            claim_line_number="claim_line_number",
            id="place",
            code="code",
            value=pl.lit(None, dtype=pl.String),
            date="date",
        )
        for f in found
    ).unique(maintain_order=True)


# ---------------------------------------------------------------- silence


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


def _with_silence(
    ground: Ground,
    thing: Thing,
    asked: pl.DataFrame,
    asking: Asking,
    is_found: pl.Series,
    unsure: pl.Series | None,
    found: Found,
) -> Truth:
    """What was not found is unknown if its table, its window or the person's history is short."""
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
    no_course = pl.col("course_start").is_null() if _looks_from_course(thing) else pl.lit(False)
    why = pl.when(~pl.col("is_found") & ~no_course).then(reason)
    told = frame.select(
        reason=why, value=pl.when("is_found").then(True).when(why.is_null()).then(False)
    )
    return Truth(told["value"], told["reason"], (found,))


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
    window = _window_of(ground, thing)
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
