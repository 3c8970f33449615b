"""WHO10 -- Is the person, the place, the channel and the prescriber as the policy asks?

What is given for the line's benefit must hold; the first that fails answers.
recover           as the policy says: another age (`age_outside`), sex (`sex_outside`), place
                  (`place_not_allowed`), channel (`channel_not_allowed`) or prescriber
                  (`no_specialist`).
pass              all of it holds, or excused.
not_evaluable     a fact is missing: the reason says which.
not_applicable    nothing is asked of this benefit, or not the clause's case.
Cannot see        who gave the drug, other than by its NPIs.
"""

from typing import NamedTuple

import polars as pl

from audit_rules.engine.rule import Rule
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.conditions import age_truth, sex_truth
from audit_rules.kinds.observed import MEDICAL, PHARMACY
from audit_rules.kinds.setting import FAILS, PASSES, UNKNOWN, KindResult, Setting, as_result
from audit_rules.kinds.things import thing_truth
from audit_rules.kinds.truth import NamedEvidence, Truth, known
from audit_rules.policy.language.kinds import Who
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="WHO10",
    name="who.and_where",
    asks=(Who,),
    basis=FULL_PAID,
    says={
        "age_outside": "The patient was {age} on {service_date}; the policy covers another age.",
        "sex_outside": "The patient's sex on file is {sex}; the policy covers the other.",
        "place_not_allowed": "Place of service {place} is not one that the policy covers.",
        "channel_not_allowed": "The channel {channel} is not one that the policy covers.",
        "no_specialist": "The prescriber {npi} is no specialist that the policy asks for.",
    },
)

_AGE = "age_outside"


class _Part(NamedTuple):
    """One of the questions: its reason if it fails, the benefit it asks (None: both), the truth."""

    reason: str
    benefit: str | None
    truth: Truth


def test(setting: Setting) -> KindResult:
    """Judge every line with the questions of its benefit."""
    term = setting.term
    assert isinstance(term, Who)
    parts = _parts(setting, term)
    lines = setting.ground.asked
    frame = lines.select(
        "ask_no",
        "set_no",
        "claim_source",
    ).with_columns(
        *(p.truth.value.alias(f"v{i}") for i, p in enumerate(parts)),
        *(p.truth.reason.alias(f"r{i}") for i, p in enumerate(parts)),
    )
    frame = frame.with_columns(is_asked=pl.any_horizontal(_is_of(p.benefit) for p in parts)).filter(
        "is_asked"
    )
    fails = [
        pl.when(_is_of(p.benefit) & ~pl.col(f"v{i}")).then(pl.lit(p.reason))
        for i, p in enumerate(parts)
    ]
    unknown = [
        pl.when(_is_of(p.benefit) & pl.col(f"v{i}").is_null()).then(f"r{i}")
        for i, p in enumerate(parts)
    ]
    failed, why = pl.coalesce(fails), pl.coalesce(unknown)
    result = as_result(
        frame.join(setting.sets, on="set_no"),
        state=pl.when(failed.is_not_null())
        .then(pl.lit(FAILS))
        .when(why.is_not_null())
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.lit(PASSES)),
        reason=pl.coalesce(failed, why),
    )
    return KindResult(
        result,
        against=[f for p in parts if p.reason == _AGE for f in p.truth.found],
        in_favour=[f for p in parts if p.reason != _AGE for f in p.truth.found],
    )


def _is_of(benefit: str | None) -> pl.Expr:
    return pl.lit(True) if benefit is None else pl.col("claim_source") == benefit


def _parts(setting: Setting, term: Who) -> list[_Part]:
    """The questions of the term, in the order in which they answer."""
    ground = setting.ground
    parts = []
    if term.age is not None:
        parts.append(_Part(_AGE, None, age_truth(ground, term.age)))
    if term.sex:
        parts.append(_Part("sex_outside", None, sex_truth(ground, term.sex)))
    for words, wanted in ((term.places, True), (term.not_places, False)):
        if words:
            place = ground.asked["place_of_service_code"]
            fits = place.is_in(codes_meant(ground.policy.declared, words, place)) == wanted
            parts.append(_Part("place_not_allowed", MEDICAL, known(fits, "place_missing")))
    if term.channels:
        fits = ground.asked["channel"].is_in(list(term.channels))
        parts.append(_Part("channel_not_allowed", PHARMACY, known(fits, "channel_unknown")))
    if term.taxonomies or term.consultation:
        parts.append(_Part("no_specialist", None, _specialist(setting, term)))
    return parts


def _specialist(setting: Setting, term: Who) -> Truth:
    """Whether the prescriber has a taxonomy, or a consultation is on file."""
    ground = setting.ground
    if "provider" not in ground.dossier.supplied:
        return known(ground.filled(None, pl.Boolean), "provider_extract_missing")
    consulted = (
        thing_truth(ground, term.consultation, setting.asking) if term.consultation else None
    )
    found: tuple[NamedEvidence, ...] = tuple(consulted.found) if consulted else ()
    if not term.taxonomies:
        assert consulted is not None
        return consulted
    taxonomies = ground.dossier.taxonomies.collect()
    wanted = codes_meant(ground.policy.declared, term.taxonomies, taxonomies["taxonomy_code"])
    fitting = taxonomies.filter(pl.col("taxonomy_code").is_in(wanted))["npi"].implode()
    is_medical = pl.col("claim_source") == MEDICAL
    npi = (
        pl.when(is_medical)
        .then(pl.coalesce("provider_npi", "billing_npi"))
        .otherwise("provider_npi")
    )
    is_known = npi.is_in(taxonomies["npi"].implode()).fill_null(False)
    own = pl.when(is_known).then(npi.is_in(fitting))
    frame = ground.asked.select(value=own).with_columns(
        consulted=consulted.value if consulted else pl.lit(False),
        why=consulted.reason if consulted else pl.lit(None, dtype=pl.String),
    )
    told = frame.select(
        value=pl.col("value") | pl.col("consulted"),
        reason=pl.when(pl.col("value").is_null())
        .then(pl.lit("prescriber_unknown"))
        .otherwise("why"),
    )
    reason = told["reason"].set(told["value"].is_not_null(), None)
    return Truth(told["value"], reason, found)
