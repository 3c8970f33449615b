"""CODE10 -- Is a medical line coded as the policy allows?

recover           as the policy says: a code before its first day (`code_not_yet_valid`) or after
                  its last (`code_expired`), a code that names no drug (`unclassified_code`), a
                  modifier that is missing (`modifier_missing`), is not allowed
                  (`modifier_not_allowed`) or contradicts another (`modifiers_contradict`), units
                  that are not whole vials (`not_whole_vials`), or an NDC of another code
                  (`ndc_of_another_code`).
pass              none of these, or excused.
not_evaluable     no units (`quantity_missing`).
not_applicable    fills, or not the clause's case.
Cannot see        what was given.
"""

from math import gcd

import polars as pl

from audit_rules.engine.arithmetic import SCALE, from_thousandths
from audit_rules.engine.rule import Rule
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.counting import POOL
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import MEDICAL
from audit_rules.kinds.setting import FAILS, PASSES, UNKNOWN, KindResult, Setting, as_result
from audit_rules.policy.language.kinds import Coding, Modifiers, WholeVials
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="CODE10",
    name="coding.of_line",
    asks=(Coding,),
    basis=FULL_PAID,
    says={
        "code_not_yet_valid": "Code {product_code} was not valid yet on {service_date}.",
        "code_expired": "Code {product_code} was no longer valid on {service_date}.",
        "unclassified_code": "Code {product_code} names no drug; the drug has its own code.",
        "modifier_missing": "A modifier that the policy asks for is missing on {service_date}.",
        "modifier_not_allowed": "A modifier on {service_date} is not allowed with this drug.",
        "modifiers_contradict": "Modifiers on {service_date} contradict each other.",
        "not_whole_vials": "{observed:unit was|units were} billed for {service_date}; no whole"
        " vials add up to them.",
        "ndc_of_another_code": "The NDC on the line belongs to another code than {product_code}.",
    },
)


def test(setting: Setting) -> KindResult:
    """Judge every medical line of the sets."""
    term = setting.term
    assert isinstance(term, Coding)
    lines = setting.ground.asked.filter(pl.col("claim_source") == MEDICAL)
    lines = lines.join(setting.sets, on="set_no")
    observed = pl.lit(None, dtype=pl.Float64)
    if term.modifiers is not None:
        lines, reason = _with_modifiers(setting, lines, term.modifiers)
    elif term.vial_units is not None:
        lines, reason = _vials(setting, lines, term.vial_units)
        observed = from_thousandths(pl.col("total"))
    else:
        reason = _by_code(setting.ground, term)
    told = lines.with_columns(reason=reason)
    is_unknown = pl.col("reason") == "quantity_missing"
    fails = pl.col("reason").is_not_null()
    return KindResult(
        as_result(
            told,
            state=pl.when(is_unknown)
            .then(pl.lit(UNKNOWN))
            .when(fails)
            .then(pl.lit(FAILS))
            .otherwise(pl.lit(PASSES)),
            observed=pl.when(fails & ~is_unknown.fill_null(False)).then(observed),
        )
    )


def _by_code(ground: Ground, term: Coding) -> pl.Expr:
    """The reason if the code, or the NDC under it, is not as it may be."""
    code, day = pl.col("hcpcs_code"), pl.col("day")
    if term.code is not None:
        early = day < pl.lit(term.first_day) if term.first_day else pl.lit(False)
        late = day > pl.lit(term.last_day) if term.last_day else pl.lit(False)
        is_code = (code == term.code).fill_null(False)
        return (
            pl.when(is_code & early)
            .then(pl.lit("code_not_yet_valid"))
            .when(is_code & late)
            .then(pl.lit("code_expired"))
        )
    if term.unclassified:
        wanted = codes_meant(ground.policy.declared, term.unclassified, ground.asked["hcpcs_code"])
        is_listed = code.is_in(wanted).fill_null(False)
        return pl.when(is_listed).then(pl.lit("unclassified_code"))
    ndcs = sorted({ndc for _, ndc in term.crosswalk_rows})
    pairs = sorted(f"{c} {n}" for c, n in term.crosswalk_rows)
    has_other = pl.col("ndc_code").is_in(ndcs) & ~pl.format("{} {}", code, "ndc_code").is_in(pairs)
    return pl.when(code.is_not_null() & has_other).then(pl.lit("ndc_of_another_code"))


def _with_modifiers(
    setting: Setting, lines: pl.DataFrame, asked: Modifiers
) -> tuple[pl.DataFrame, pl.Expr]:
    """Lines with `there`, the modifiers on the line or its date, and the reason."""
    there = pl.col("modifiers").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    if asked.on == "date":
        dates = _of_dates(setting, pl.col("modifiers").explode().drop_nulls().unique())
        lines = lines.join(dates, on="ask_no", how="left")
        there = pl.col("of_date").fill_null(pl.lit([], dtype=pl.List(pl.String)))
    lines = lines.with_columns(there=there)

    def number(words: tuple[str, ...]) -> pl.Expr:
        wanted = codes_meant(setting.ground.policy.declared, words, lines["there"].explode())
        return pl.col("there").list.set_intersection(wanted).list.len()

    missing = pl.lit(False)
    if asked.any_:
        missing = missing | (number(asked.any_) == 0)
    for word in asked.all_:
        missing = missing | (number((word,)) == 0)
    none = number(asked.none) > 0 if asked.none else pl.lit(False)
    two = number(asked.one_of) > 1 if asked.one_of else pl.lit(False)
    return lines, (
        pl.when(missing)
        .then(pl.lit("modifier_missing"))
        .when(none)
        .then(pl.lit("modifier_not_allowed"))
        .when(two)
        .then(pl.lit("modifiers_contradict"))
    )


def _of_dates(setting: Setting, found: pl.Expr) -> pl.DataFrame:
    """What the lines of the same person, payer and date hold: ask_no, of_date."""
    pools = setting.pools(own_payer=True)
    counted = pools.counted.filter(pl.col("claim_source") == MEDICAL)
    dates = counted.group_by(*POOL, "day").agg(of_date=found)
    return pools.of_asked.join(dates, on=[*POOL, "day"]).select("ask_no", "of_date")


def _vials(
    setting: Setting, lines: pl.DataFrame, asked: WholeVials
) -> tuple[pl.DataFrame, pl.Expr]:
    """Lines of dates with one of the modifiers, with the date's `total`, and the reason."""
    pools = setting.pools(own_payer=True)
    counted = pools.counted.filter(pl.col("claim_source") == MEDICAL, ~pl.col("is_repeat"))
    marks = codes_meant(
        setting.ground.policy.declared, asked.modifiers, counted["modifiers"].explode()
    )
    is_marked = pl.col("modifiers").list.set_intersection(marks).list.len() > 0
    dates = counted.group_by(*POOL, "day").agg(
        total=pl.col("quantity_milli").cast(pl.Int128).sum(),
        has_null=pl.col("quantity_milli").is_null().any(),
        is_marked=is_marked.fill_null(False).any(),
    )
    sizes = [size * SCALE for size in asked.sizes]
    whole = [_is_sum(int(total), sizes) for total in dates["total"].to_list()]
    dates = dates.with_columns(is_whole=pl.Series(whole, dtype=pl.Boolean))
    per_line = pools.of_asked.join(dates, on=[*POOL, "day"]).drop("day", "row_id", *POOL)
    lines = lines.join(per_line, on="ask_no", how="left")
    marked = pl.col("is_marked").fill_null(False)
    return lines, (
        pl.when(marked & pl.col("has_null"))
        .then(pl.lit("quantity_missing"))
        .when(marked & ~pl.col("is_whole"))
        .then(pl.lit("not_whole_vials"))
    )


def _is_sum(total: int, sizes: list[int]) -> bool:
    """Whether whole vials of these sizes add up to a number of thousandths."""
    step = gcd(*sizes)
    if total % step:
        return False
    if total // step >= (min(sizes) // step) * (max(sizes) // step):
        return True  # beyond that every multiple is a sum
    reached, edge = {0}, {0}
    while edge and total not in reached:
        edge = {s + size for s in edge for size in sizes if s + size <= total} - reached
        reached |= edge
    return total in reached
