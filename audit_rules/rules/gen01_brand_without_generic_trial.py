"""GEN01 -- Was the brand paid without a trial of the generic?

pass              a trial of generic tablets, and a documented intolerance or an approval for the
                  brand.
records_request   a trial, but nothing on why the generic cannot be taken
                  (`intolerance_not_documented`); the member was not observed long enough to miss a
                  trial (`history_too_short`); or no trial, while authorizations or clinical
                  evidence were not supplied (`no_generic_trial`).
advisory          the plan itself approved the brand without a trial (`authorized_without_trial`).
recover           no trial, no approval, and everything that could show one was supplied
                  (`no_generic_trial`).
Cannot see        a trial paid in cash, by samples, or by a payer whose claims are not here.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import (
    authorization_evidence,
    clinical_evidence,
    daw_evidence,
    eligibility_evidence,
    fill_evidence,
)
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force, with_flag
from audit_rules.facts.authorizations import APPROVED, covering
from audit_rules.facts.clinical import facts_on_file
from audit_rules.facts.generic_prices import are_tablets, with_generic_price
from audit_rules.facts.observation import observed_from
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import GenericTrial
from schemas.days import days_before
from schemas.outcomes import ADVISORY, PASS, PRICE_DIFFERENCE, RECORDS_REQUEST, RECOVER
from schemas.results import FOR

_TRIAL = ("pharmacy or chart record of a trial of generic tablets",)
_INTOLERANCE = (
    "prescriber's statement of the inactive ingredient that the patient cannot take, "
    "and the reaction",
)

RULE = Rule(
    id="GEN01",
    name="brand.without_generic_trial",
    asks=(GenericTrial,),
    basis=PRICE_DIFFERENCE,
    says={
        "intolerance_not_documented": (
            "The brand was paid on {service_date}. A trial of the generic is on file, but nothing "
            "that says why the generic's inactive ingredients cannot be taken."
        ),
        "authorized_without_trial": (
            "The plan approved the brand for {service_date} although no trial of the generic is on"
            " file."
        ),
        "history_too_short": (
            "The brand was paid on {service_date} and no trial of the generic is on file. The"
            " member's fills are {history}, so a trial may lie before."
        ),
        "no_generic_trial": (
            "The brand was paid on {service_date}. No trial of the generic tablets is on file; the"
            " member's fills are {history}."
        ),
    },
    needs={
        "intolerance_not_documented": _INTOLERANCE,
        "history_too_short": _TRIAL + _INTOLERANCE,
        "no_generic_trial": _TRIAL + _INTOLERANCE,
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of brand tablets; one answer per fill and policy."""
    brand = in_force(
        tablet_fills(lines).filter(pl.col("product") == "brand"), book.terms(GenericTrial)
    )
    trial_fills = _earlier_generic_fills(dossier, brand)
    trials = _accepted(dossier, brand, "generic_trial", "trial_evidence")
    intolerances = _accepted(dossier, brand, "formulation_intolerance", "intolerance_evidence")
    approvals = covering(dossier, brand, pl.col("status") == APPROVED)
    observed = observed_from(dossier, brand)

    answers = (
        brand.join(observed, on=list(ON), how="left")
        .pipe(with_flag, "has_trial", pl.concat([trial_fills.select(*ON), trials.select(*ON)]))
        .pipe(with_flag, "has_intolerance", intolerances)
        .pipe(with_flag, "has_approval", approvals)
    )
    observed_days = (pl.col("service_date") - pl.col("observed_from")).dt.total_days()
    observed_enough = (observed_days >= pl.col("observed_days")).fill_null(False)
    all_supplied = pl.lit({"authorization", "clinical_evidence"} <= dossier.supplied)
    answers = answers.pipe(with_generic_price, dossier).pipe(
        answer,
        [
            Answer(
                pl.col("has_trial") & (pl.col("has_intolerance") | pl.col("has_approval")), PASS
            ),
            Answer(pl.col("has_trial"), RECORDS_REQUEST, "intolerance_not_documented"),
            Answer(pl.col("has_approval"), ADVISORY, "authorized_without_trial"),
            Answer(~observed_enough, RECORDS_REQUEST, "history_too_short"),
            Answer(all_supplied, RECOVER, "no_generic_trial"),
            Answer(pl.lit(True), RECORDS_REQUEST, "no_generic_trial"),
        ],
    )
    evidence = [
        daw_evidence(answers),
        fill_evidence(trial_fills, FOR),
        clinical_evidence(trials, FOR),
        clinical_evidence(intolerances, FOR),
        authorization_evidence(approvals, FOR),
        eligibility_evidence(
            observed.drop_nulls("observed_from"),
            FOR,
            "observed_from",
            pl.lit(None),
            pl.col("observed_from"),
        ),
    ]
    return RuleAnswers(answers, evidence)


def _earlier_generic_fills(dossier: Dossier, brand: pl.LazyFrame) -> pl.LazyFrame:
    """The person's fills of the generic dispensed before the brand fill, at any payer."""
    asked = brand.select(*ON, "person", "ingredient", day="service_date")
    generics = dossier.fills.filter(are_tablets("generic")).drop("row_id")
    before = Window(closes=days_before(pl.col("day"), pl.lit(1)))
    return around(dossier, asked, Facts(generics, ("person", "ingredient")), before)


def _accepted(dossier: Dossier, brand: pl.LazyFrame, code: str, values: str) -> pl.LazyFrame:
    """Facts of that code on file whose value is among those that the term accepts."""
    is_accepted = pl.col("evidence_value").is_in(pl.col(values))
    return facts_on_file(dossier, brand, code, fits=is_accepted)
