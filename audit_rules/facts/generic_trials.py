"""What is on file about a trial of the generic before a brand fill."""

from typing import NamedTuple

import polars as pl

from audit_rules.engine.authorizations import APPROVED, covering
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import (
    authorization_evidence,
    clinical_evidence,
    eligibility_evidence,
    fill_evidence,
)
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON
from audit_rules.engine.scope import with_flag
from audit_rules.facts.clinical import facts_on_file
from audit_rules.facts.generic_prices import are_tablets
from audit_rules.facts.observation import observed_from
from audit_rules.facts.windows import first_in
from schemas.days import FIRST_DAY, days_before
from schemas.results import FOR

TRIAL, INTOLERANCE = "generic_trial", "formulation_intolerance"


class TrialFacts(NamedTuple):
    """The facts around brand fills; one row per fill, policy and fact."""

    fills: pl.LazyFrame
    trials: pl.LazyFrame
    attested: pl.LazyFrame
    intolerances: pl.LazyFrame
    approvals: pl.LazyFrame
    observed: pl.LazyFrame

    def evidence(self) -> list[pl.LazyFrame]:
        """The facts as evidence for the provider."""
        seen = self.observed.drop_nulls("observed_from")
        since = pl.col("observed_from")
        return [
            fill_evidence(self.fills, FOR),
            clinical_evidence(self.trials, FOR),
            clinical_evidence(self.attested, FOR),
            clinical_evidence(self.intolerances, FOR),
            authorization_evidence(self.approvals, FOR),
            eligibility_evidence(seen, FOR, "observed_from", pl.lit(None), since),
        ]


def trial_facts(dossier: Dossier, brand: pl.LazyFrame) -> TrialFacts:
    """Look up what counts; `brand` are fills with their generic_trial term."""
    return TrialFacts(
        _earlier_generic_fills(dossier, brand),
        _accepted(dossier, brand, TRIAL, "trial_evidence"),
        _accepted(dossier, brand, TRIAL, "attested_evidence"),
        _accepted(dossier, brand, INTOLERANCE, "intolerance_evidence"),
        covering(dossier, brand, pl.col("status") == APPROVED),
        observed_from(dossier, brand),
    )


def with_what_is_on_file(dossier: Dossier, brand: pl.LazyFrame, found: TrialFacts) -> pl.LazyFrame:
    """Brand fills with a flag for each kind of fact.

    has_trial, has_attested_trial, has_intolerance, has_approval, has_unknown_fill (an earlier fill
    of the person that is in no table of drugs), was_observed (long enough for a trial to
    show), and is_complete (what could show one was supplied).
    """
    trials = pl.concat([found.fills.select(ON), found.trials.select(ON)])
    first_day, day = pl.lit(FIRST_DAY), pl.col("service_date")
    before = brand.with_columns(opens=first_day, closes=days_before(day, pl.lit(1)))
    unknown = first_in(before, dossier.fills.filter(pl.col("ingredient").is_null()))
    observed_days = (day - pl.col("observed_from")).dt.total_days()
    some_evidence = bool({f"evidence:{TRIAL}", f"evidence:{INTOLERANCE}"} & dossier.supplied)
    has_authorizations = (pl.col("first_start_date") <= day).fill_null(False)
    return (
        brand.join(found.observed, on=list(ON), how="left")
        .join(dossier.authorization_start, on=["payer_id", "drug"], how="left")
        .pipe(with_flag, "has_trial", trials)
        .pipe(with_flag, "has_attested_trial", found.attested)
        .pipe(with_flag, "has_intolerance", found.intolerances)
        .pipe(with_flag, "has_approval", found.approvals)
        .pipe(with_flag, "has_unknown_fill", unknown)
        .with_columns(
            was_observed=(observed_days >= pl.col("observed_days")).fill_null(False),
            is_complete=has_authorizations & pl.lit(some_evidence),
        )
    )


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
