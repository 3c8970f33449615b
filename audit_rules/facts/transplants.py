"""Transplants: given before or after a dose, or planned at the time. A donor's does not count."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON
from audit_rules.facts.clinical import facts_on_file, latest
from audit_rules.facts.diagnosis_places import with_any_of
from schemas.days import days_after, days_before


def transplants(dossier: Dossier, terms: pl.LazyFrame) -> pl.LazyFrame:
    """The services of the terms' `hcpcs` codes, without those on whose claim a donor is named."""
    codes = terms.select(hcpcs_code="hcpcs").explode("hcpcs_code").unique()
    given = dossier.services.join(codes, on="hcpcs_code", how="semi").collect().lazy()
    source, claim = pl.col("claim_source"), ["person", "claim_id"]
    on_their_claims = dossier.diagnoses.join(given, on=claim, how="semi")
    donors = with_any_of(on_their_claims, terms, "donor_codes").collect().lazy()
    by_table = donors.filter(source.is_null())
    found = given.join(by_table, on=claim, how="anti").join(
        donors.filter(source == "medical"), on=[*claim, "payer_id"], how="anti"
    )
    return found.collect().lazy()  # it is read several times


def transplants_ahead(dossier: Dossier, dosed: pl.LazyFrame, given: pl.LazyFrame) -> pl.LazyFrame:
    """The person's transplants, of those given, within days_ahead after each dose.

    The term's `hcpcs` says which codes. One row per line, policy and service.
    """
    asked = dosed.select(
        *ON, "person", "days_ahead", hcpcs_code="hcpcs", day="service_date"
    ).explode("hcpcs_code")
    services = Facts(given.drop("row_id"), ("person", "hcpcs_code"))
    day = pl.col("day")
    ahead = Window(days_after(day, pl.lit(1)), days_after(day, "days_ahead"))
    return around(dossier, asked, services, ahead)


def plans(dossier: Dossier, dosed: pl.LazyFrame) -> pl.LazyFrame:
    """The latest fact about a planned transplant since plan_lookback_days before the course, if
    `yes`.

    At most one row per line and policy; of two words on one date no counts.
    """
    since = days_before(pl.col("course_start"), "plan_lookback_days")
    is_planned = pl.col("evidence_value") == "yes"
    return latest(
        facts_on_file(dossier, dosed, "hsct_planned", since), kindness=~is_planned
    ).filter(is_planned)
