"""Conditions of lines: what is asked of the line itself, and groups of conditions."""

from collections.abc import Callable
from decimal import Decimal

import polars as pl

from audit_rules.engine.arithmetic import thousandths
from audit_rules.kinds.asking import Asking
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.observed import MEDICAL
from audit_rules.kinds.things import thing_truth
from audit_rules.kinds.truth import NamedEvidence, Truth, all_of, any_of, known, none_of
from audit_rules.kinds.windows import completed_on
from audit_rules.policy.language.conditions import COUNTS, LineKey, Node, Range, Thing
from audit_rules.policy.language.spans import Span
from schemas.days import LAST_DAY
from schemas.results import EVIDENCE_FIELDS

_NUMBERS = {"dose": "dose", "day": "number", "course": "course"}


def truth_of(ground: Ground, node: Node, asking: Asking) -> Truth:
    """The answer to a condition for every row of `asked`."""
    if isinstance(node, Thing):
        return thing_truth(ground, node, asking)
    if isinstance(node, LineKey):
        return _line_truth(ground, node, asking)
    turned = asking._replace(strict=not asking.strict) if node.how == "none_of" else asking
    parts = [truth_of(ground, part, turned) for part in node.parts]
    return {"all_of": all_of, "any_of": any_of, "none_of": none_of}[node.how](parts)


def _line_truth(ground: Ground, key: LineKey, asking: Asking) -> Truth:
    memo = (key, asking.pools.counting if key.key in COUNTS else None)
    if memo not in ground.memo:
        ground.memo[memo] = _answered(ground, key, asking)
    return ground.memo[memo]  # type: ignore[no-any-return]


def _answered(ground: Ground, key: LineKey, asking: Asking) -> Truth:
    if key.key in COUNTS:
        return _number_truth(ground, key, asking)
    asks: dict[str, Callable[[Ground, LineKey], Truth]] = {
        "plan": _enrollment_truth,
        "payer_type": _enrollment_truth,
        "sex": lambda g, k: sex_truth(g, k.words),
        "age": lambda g, k: age_truth(g, k.range),
        "ndc": _ndc_truth,
        "modifiers": lambda g, k: known(has_modifiers(g, k.words)),
    }
    ask = asks.get(key.key)
    return ask(ground, key) if ask else _code_truth(ground, key)


def _ndc_truth(ground: Ground, key: LineKey) -> Truth:
    ndcs = {n for s in ground.sets if s.name in key.words for n in s.ndcs}
    return known(ground.asked["ndc_code"].is_in(list(ndcs)), "ndc_missing")


def _code_truth(ground: Ground, key: LineKey) -> Truth:
    """Whether a code, word or number of the line is as asked."""
    lines = ground.asked
    is_medical = pl.col("claim_source") == MEDICAL
    if key.key == "place":
        wanted = codes_meant(ground.policy.declared, key.words, lines["place_of_service_code"])
        fits = pl.col("place_of_service_code").is_in(wanted)
        return known(_on(lines, is_medical, fits), "place_missing")
    if key.key == "channel":
        fits = pl.col("channel").is_in(list(key.words))
        return known(_on(lines, ~is_medical, fits), "channel_unknown")
    if key.key == "hcpcs":
        wanted = codes_meant(ground.policy.declared, key.words, lines["hcpcs_code"])
        return known(lines.select(pl.col("hcpcs_code").is_in(wanted).fill_null(False)).to_series())
    return known(
        lines.select(_between(key.range, "quantity_milli")).to_series(), "quantity_missing"
    )


def has_modifiers(ground: Ground, words: tuple[str, ...]) -> pl.Series:
    """Whether one of the modifiers is on the line."""
    every = ground.asked["modifiers"].explode()
    wanted = codes_meant(ground.policy.declared, words, every)
    has = pl.col("modifiers").list.set_intersection(wanted).list.len() > 0
    return ground.asked.select(has.fill_null(False)).to_series()


def _on(lines: pl.DataFrame, is_own: pl.Expr, fits: pl.Expr) -> pl.Series:
    """Whether it fits; false on lines of the other benefit, null if the value is."""
    return lines.select(pl.when(is_own).then(fits).otherwise(False)).to_series()


def _between(limits: Range, column: str) -> pl.Expr:
    value, fits = pl.col(column), pl.lit(True)
    low, high = limits.low, limits.high
    if isinstance(low, Decimal):
        fits = fits & (value >= thousandths(pl.lit(float(low))))
    if isinstance(high, Decimal):
        fits = fits & (value <= thousandths(pl.lit(float(high))))
    return pl.when(value.is_not_null()).then(fits)


def age_truth(ground: Ground, limits: Range) -> Truth:
    """Whether the person's age is in a range, as spans completed on the service date."""
    birth, day = pl.col("birth_date"), pl.col("day")
    fits = pl.lit(True)
    if isinstance(limits.low, Span):
        fits = fits & (completed_on(birth, limits.low) <= day)
    if isinstance(limits.high, Span):
        fits = fits & (day < completed_on(birth, limits.high))
    value = ground.asked.select(pl.when(birth.is_not_null()).then(fits)).to_series()
    return known(value, "birth_date_missing", (_births(ground),))


def _births(ground: Ground) -> NamedEvidence:
    """The birth dates that are known, as evidence."""
    if "births" not in ground.memo:
        said = {
            "kind": pl.lit("eligibility"),
            "code": pl.lit("birth_date"),
            "date": pl.col("birth_date"),
        }
        fields = {n: said.get(n, pl.lit(None, t)) for n, t in EVIDENCE_FIELDS.items()}
        born = ground.asked.filter(pl.col("birth_date").is_not_null())
        ground.memo["births"] = born.select("ask_no", **fields).drop("side")
    return NamedEvidence(ground.memo["births"], "")


def sexes(ground: Ground) -> pl.Series:
    """The sex of the person of every row of `asked`; null if none or several are on file."""
    if "sex" not in ground.memo:
        every = pl.col("gender").drop_nulls().unique()
        people = (
            ground.dossier.enrollment.group_by("person")
            .agg(every)
            .with_columns(
                sex=pl.when(pl.col("gender").list.len() == 1).then(pl.col("gender").list.first())
            )
            .select("person", "sex")
            .collect()
        )
        ground.memo["sex"] = ground.asked.select("person").join(
            people, on="person", how="left", maintain_order="left"
        )["sex"]
    return ground.memo["sex"]  # type: ignore[no-any-return]


def sex_truth(ground: Ground, words: tuple[str, ...]) -> Truth:
    """Whether the person is of one of the sexes."""
    return known(sexes(ground).is_in(list(words)), "sex_unknown")


def _enrollment_truth(ground: Ground, key: LineKey) -> Truth:
    """Whether a span of the payer that covers the day has one of the words."""
    spans = ground.dossier.enrollment.select(
        "person", "payer_id", "enrollment_start_date", "enrollment_end_date", word=key.key
    ).collect()
    wanted = [w.lower() for w in key.words]
    day = pl.col("day")
    covering = (
        ground.asked.select("ask_no", "person", "payer_id", "day")
        .join(spans, on=["person", "payer_id"])
        .filter(
            pl.col("enrollment_start_date") <= day,
            day <= pl.col("enrollment_end_date").fill_null(LAST_DAY),
        )
        .with_columns(fits=pl.col("word").str.to_lowercase().is_in(wanted))
    )
    judged = covering.group_by("ask_no").agg(
        value=pl.when(pl.col("fits").any().fill_null(False))
        .then(True)
        .when(pl.col("fits").is_null().any())
        .then(None)
        .otherwise(False)
    )
    return known(ground.aligned(judged, "value"), "plan_unknown")


def _number_truth(ground: Ground, key: LineKey, asking: Asking) -> Truth:
    """Whether the dose, day or course number is in a range.

    If a course's start is not certain the true numbers may be higher.
    """
    column = _NUMBERS[key.key]
    certain = "is_course_certain" if key.key == "course" else "is_certain"
    numbers = asking.pools.numbers.select("ask_no", column, certain)
    lines = ground.asked.select("ask_no").join(
        numbers, on="ask_no", how="left", maintain_order="left"
    )
    value, is_certain = pl.col(column), pl.col(certain)
    low, high = key.range.low, key.range.high
    fits = pl.lit(True)
    if isinstance(low, Decimal):
        reached = value >= float(low)
        fits = fits & pl.when(reached).then(True).when(is_certain).then(False)
    if isinstance(high, Decimal):
        beyond = value > float(high)
        fits = fits & pl.when(beyond).then(False).when(is_certain).then(True)
    truth = pl.when(value.is_null()).then(False).otherwise(fits)
    return known(lines.select(truth).to_series(), "history_too_short")
