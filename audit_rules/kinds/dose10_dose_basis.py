"""DOSE10 -- Are more units billed for a date than the person's weight, surface or age allows?

recover           as the policy says: more units than the dose takes (`units_over_dose`).
pass              within the dose, or excused.
not_evaluable     the fact is not on file (`fact_missing`), no birth date (`birth_date_missing`), no
                  units (`quantity_missing`).
not_applicable    fills, a repeat, no band fits, or not the clause's case.
Cannot see        the dose given.
"""

from decimal import Decimal

import polars as pl

from audit_rules.engine.arithmetic import SCALE
from audit_rules.engine.rule import Rule
from audit_rules.kinds.counting import POOL
from audit_rules.kinds.date_units import over_units
from audit_rules.kinds.facts import fact_evidence, facts_in_window
from audit_rules.kinds.observed import MEDICAL
from audit_rules.kinds.setting import UNKNOWN, KindResult, Setting, as_result
from audit_rules.kinds.truth import NamedEvidence
from audit_rules.kinds.windows import closes_on, completed_on, opens_on
from audit_rules.policy.language.amounts import Band, DoseBasis
from audit_rules.policy.language.spans import parse_span
from schemas.outcomes import EXCESS_QUANTITY

RULE = Rule(
    id="DOSE10",
    name="dose.for_person",
    asks=(DoseBasis,),
    basis=EXCESS_QUANTITY,
    says={
        "units_over_dose": (
            "{observed:unit was|units were} billed for {service_date}; the dose for the person"
            " takes {allowed}."
        ),
    },
)
_AGE = "age"
_DUST = 1e-9


def test(setting: Setting) -> KindResult:
    """Judge the units of every date."""
    term = setting.term
    assert isinstance(term, DoseBasis)
    ground = setting.ground
    doses, evidence = _by_age(setting, term) if term.basis == _AGE else _by_fact(setting, term)
    units = (
        ground.asked.select("ask_no", "unit_mg")
        .join(doses, on="ask_no")
        .with_columns(
            limit=(_whole(term, pl.col("mg")) / pl.col("unit_mg") - _DUST).ceil().cast(pl.Int64)
            * SCALE
        )
    )
    pools = setting.pools(own_payer=True)
    counts_waste = term.waste == "in" or bool(term.vials_mg)
    counted = (
        pools.counted.filter(pl.col("claim_source") == MEDICAL, ~pl.col("is_repeat"))
        .join(setting.flags, on="ask_no")
        .join(units.select("ask_no", "limit", "why"), on="ask_no")
    )
    if not counts_waste:
        counted = counted.filter(~pl.col("is_waste"))
    if term.counted == "applies_to":
        counted = counted.filter("is_asked")
    missing = counted.filter(pl.col("why").is_not_null())
    judged = over_units(
        counted.filter(pl.col("why").is_null(), pl.col("limit").is_not_null()), "units_over_dose"
    )
    unknown = missing.with_columns(state=pl.lit(UNKNOWN), reason="why")
    every = pl.concat([judged, unknown], how="diagonal")
    members = pools.of_asked.select("ask_no", "row_id", "pool_no").join(
        ground.asked.select("ask_no", "set_no"), on="ask_no"
    )
    shown = members.join(every.drop("ask_no", "set_no", *POOL[1:]), on=["pool_no", "row_id"])
    shown = shown.join(setting.sets, on="set_no").join(
        doses.select("ask_no", "fact_value", "fact_date"), on="ask_no", how="left"
    )
    return KindResult(as_result(shown), against=evidence)


def _whole(term: DoseBasis, mg: pl.Expr) -> pl.Expr:
    """The dose, at most `most_mg`, rounded up to whole vials if the term names their sizes."""
    dose = pl.min_horizontal(mg, pl.lit(float(term.most_mg))) if term.most_mg else mg
    if not term.vials_mg:
        return dose
    sizes = [float(v) for v in term.vials_mg]
    return dose.map_elements(lambda need: _least_vials(need, sizes), return_dtype=pl.Float64)


def _least_vials(need: float, sizes: list[float]) -> float:
    """The least sum of whole vials that holds a dose."""
    largest = max(sizes)
    sums = {largest * max(0, int(need / largest) - 100)}
    best = float("inf")
    while sums:
        grown = {round(s + size, 6) for s in sums for size in sizes}
        enough = {s for s in grown if s >= need - _DUST}
        best = min([best, *enough])
        sums = {s for s in grown if s < need - _DUST and s < best}
    return best


def _by_age(setting: Setting, term: DoseBasis) -> tuple[pl.DataFrame, list[NamedEvidence]]:
    """The dose by age: ask_no, mg, why, fact_value, fact_date."""
    birth, day = pl.col("birth_date"), pl.col("day")

    def fits(band: Band) -> pl.Expr:
        holds = pl.lit(True)
        if band.low is not None:
            holds = holds & (completed_on(birth, parse_span(band.low)) <= day)
        if band.under is not None:
            holds = holds & (day < completed_on(birth, parse_span(band.under)))
        return holds

    mg = pl.coalesce(pl.when(fits(b)).then(pl.lit(float(b.mg or 0))) for b in term.bands)
    found = setting.ground.asked.select(
        "ask_no",
        mg=pl.when(birth.is_not_null()).then(mg),
        why=pl.when(birth.is_null()).then(pl.lit("birth_date_missing")),
        fact_value=pl.lit(None, dtype=pl.String),
        fact_date=pl.lit(None, dtype=pl.Date),
    )
    return found, []


def _by_fact(setting: Setting, term: DoseBasis) -> tuple[pl.DataFrame, list[NamedEvidence]]:
    """The dose by the latest fact; of several values on one date that which allows most."""
    ground = setting.ground
    assert term.window is not None
    starts = setting.asking.pools.numbers.select("ask_no", "course_start")
    asked = (
        ground.asked.select("ask_no", "person", "day")
        .join(starts, on="ask_no", how="left", maintain_order="left")
        .with_columns(
            opens=opens_on(term.window, pl.col("day"), pl.col("course_start")),
            closes=closes_on(term.window, pl.col("day")),
        )
    )
    number = pl.col("evidence_value").cast(pl.Float64, strict=False)
    values = facts_in_window(ground, term.basis, asked).filter(number.is_not_null())
    dosed = values.with_columns(mg=_mg(term, number)).sort(
        "ask_no", "mg", descending=[False, True], nulls_last=True
    )
    best = dosed.unique("ask_no", keep="first", maintain_order=True)
    found = (
        ground.asked.select("ask_no")
        .join(best, on="ask_no", how="left", maintain_order="left")
        .select(
            "ask_no",
            "mg",
            why=pl.when(pl.col("evidence_date").is_null()).then(pl.lit("fact_missing")),
            fact_value="evidence_value",
            fact_date="evidence_date",
        )
    )
    return found, [NamedEvidence(fact_evidence(values, term.basis), term.basis)]


def _mg(term: DoseBasis, number: pl.Expr) -> pl.Expr:
    """The mg for a value of the fact; null if no band fits."""
    if term.mg_per is not None:
        return number * float(term.mg_per)
    doses = []
    for band in term.bands:
        holds = pl.lit(True)
        if band.low is not None:
            holds = holds & (number >= float(Decimal(band.low)))
        if band.under is not None:
            holds = holds & (number < float(Decimal(band.under)))
        mg = pl.lit(float(band.mg)) if band.mg is not None else number * float(band.mg_per or 0)
        doses.append(pl.when(holds).then(mg))
    return pl.coalesce(doses)
