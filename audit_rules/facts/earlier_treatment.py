"""Whether anything shows that a course was not the first treatment of the disease."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON
from audit_rules.facts.diagnosis_places import dated_codes
from audit_rules.facts.windows import first_in, of_terms
from schemas.days import FIRST_DAY, LAST_DAY, days_after, days_before


def treated_before(dossier: Dossier, asked: pl.LazyFrame, terms: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of whose person a cancer drug, an infusion, a fill or a stay is on file in the
    lookback_days before the course: row_id, policy_id."""
    start = pl.col("course_start")
    windows = asked.with_columns(
        opens=days_before(start, "lookback_days"), closes=days_before(start, pl.lit(1))
    )
    bounds = terms.select(
        "policy_id",
        first=pl.col("chemotherapy").list.first(),
        last=pl.col("chemotherapy").list.last(),
    )
    drugs = terms.select("policy_id").join(
        asked.select("policy_id", audited="drug").unique(), on="policy_id"
    )
    chemotherapy = (
        dossier.services.join(bounds, how="cross")
        .filter(pl.col("hcpcs_code").is_between(pl.col("first"), pl.col("last")))
        .join(drugs, on="policy_id")
        .filter(pl.col("drug").ne_missing(pl.col("audited")))
    )
    found = [
        chemotherapy,
        of_terms(dossier.services, terms, "administration", "hcpcs_code"),
        of_terms(dossier.services, terms, "stay_places", "place_of_service_code"),
        of_terms(dossier.fills, terms, "ingredients", "ingredient"),
    ]
    facts = pl.concat([f.select("person", "policy_id", "service_date") for f in found])
    return first_in(windows, facts, by=("policy_id",))


def diseased_before(dossier: Dossier, asked: pl.LazyFrame) -> list[pl.LazyFrame]:
    """The diagnoses of a relapse near the course, and of the disease before the window."""
    early = days_before(pl.col("course_start"), "lookback_days")
    return [
        dated_codes(
            dossier, asked, "relapse_codes", early, days_after(pl.col("day"), "lookahead_days")
        ),
        dated_codes(
            dossier, asked, "earlier_codes", pl.lit(FIRST_DAY), days_before(early, pl.lit(1))
        ),
    ]


def observed_throughout(dossier: Dossier, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Lines of whose person some payer's spans cover the whole window before the course, and that
    payer's medical lines and fills are known from its beginning: row_id, policy_id."""
    start = pl.col("course_start")
    windows = asked.select(*ON, "person", start, opens=days_before(start, "lookback_days"))
    first, last = pl.col("enrollment_start_date"), pl.col("until")
    payer = ["person", "payer_id"]
    spans = (
        dossier.enrollment.select(
            *payer,
            first,
            until=pl.col("enrollment_end_date").fill_null(LAST_DAY),
        )
        .sort(*payer, first, last)
        .with_columns(reached=last.cum_max().shift(1).over(payer))
        .with_columns(
            stretch=(first > days_after(pl.col("reached"), pl.lit(1)))
            .fill_null(True)
            .cum_sum()
            .over(payer)
        )
        .group_by(*payer, "stretch")
        .agg(first.min(), last.max())
        .join(dossier.payer_start, on="payer_id")
    )
    known = ("first_dispensing_date", "first_service_date")
    seen = (
        spans.drop_nulls(known)
        .select("person", last, seen_from=pl.max_horizontal(first, *known))
        .sort("seen_from", last)
        .with_columns(seen_until=last.cum_max().over("person"))
    )
    return (
        windows.sort("opens")
        .join_asof(
            seen,
            left_on="opens",
            right_on="seen_from",
            by="person",
            strategy="backward",
            check_sortedness=False,
        )
        .filter(pl.col("seen_until") >= start)
        .select(ON)
        .unique()
    )
