"""Diagnosis evidence: which codes support a line, and how a policy's code list treats them."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, crowded_keys
from audit_rules.engine.rule import ON, PolicyBook
from audit_rules.engine.scope import in_force
from audit_rules.facts.diagnosis_places import LINE, PLACE, each_code
from audit_rules.facts.windows import is_near
from audit_rules.policy.terms.persons import DiagnosisCoverage
from schemas.results import MOST_EVIDENCE

_COVERED = ("listed", "criteria")


def around_the_line(
    dossier: Dossier, diagnoses: pl.LazyFrame, lines: pl.LazyFrame, codes: pl.DataFrame
) -> pl.LazyFrame:
    """Diagnoses on the same claim, and the person's within [d - lookback_days, d + lookahead_days].

    `diagnoses` are those of the dossier, or some of them; `lines` carry lookback_days and
    lookahead_days; `codes` are the policies' lists. One row per line, policy and diagnosis;
    `is_same_claim` says which. Of a person with a great many, one row per line, policy and code.
    """
    asked = lines.select(*ON, *LINE, "service_date", "lookback_days", "lookahead_days")
    crowded = crowded_keys(dossier, asked, Facts(diagnoses, ("person",)))
    if crowded is None:
        return _every_one(asked, diagnoses).collect().lazy()  # it is read several times
    keys, asked = crowded.lazy(), asked.collect().lazy()
    few = _every_one(asked.join(keys, on="person", how="anti"), diagnoses).collect().lazy()
    many = each_code(
        dossier,
        asked.join(keys, on="person", how="semi"),
        diagnoses.join(keys, on="person", how="semi"),
        _standings(diagnoses, codes),
    )
    return pl.concat([few, many], how="diagonal")


def _every_one(asked: pl.LazyFrame, diagnoses: pl.LazyFrame) -> pl.LazyFrame:
    day = pl.col("service_date")
    found = asked.join(diagnoses, on="person", suffix="_found")
    same_place = pl.col("claim_source_found").is_null() | (
        (pl.col("claim_source_found") == pl.col("claim_source"))
        & (pl.col("payer_id_found") == pl.col("payer_id"))
    )
    is_same_claim = (same_place & (pl.col("claim_id_found") == pl.col("claim_id"))).fill_null(False)
    return (
        found.with_columns(is_same_claim=is_same_claim)
        .filter(is_same_claim | is_near(pl.col("date"), day))
        .select(
            "row_id",
            "policy_id",
            day,
            "code",
            "date",
            "place",
            "is_same_claim",
            "claim_line_number",
            pl.col("claim_source_found").alias("claim_source"),
            pl.col("claim_id_found").alias("claim_id"),
        )
    )


def with_standing(found: pl.LazyFrame, codes: pl.DataFrame) -> pl.LazyFrame:
    """Each diagnosis found, with every standing of its code in the policy's lists on the service
    date.

    `standing` and `indication` are null for a code on no list. A code matches as written; if a
    list says with_children, also each of its headers matches (C83.390 under C83.39).
    """
    listed = _listed(found, _standings(found, codes))
    unlisted = found.join(listed, on=["row_id", "policy_id", "code"], how="anti")
    return pl.concat([listed, unlisted], how="diagonal")


def covered_diagnoses(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> pl.LazyFrame:
    """The diagnoses in DX01's window around each line that its policy lists or names in its
    criteria.

    One row per line, policy, diagnosis and indication.
    """
    asked = in_force(lines, book.terms(DiagnosisCoverage))
    standings = _standings(dossier.diagnoses, book.reference.codes).filter(
        pl.col("standing").is_in(_COVERED)
    )
    some_policys = dossier.diagnoses.join(
        standings, on="code", how="semi"
    )  # few of a person's many
    found = around_the_line(dossier, some_policys, asked, book.reference.codes)
    return _listed(found, standings)


def _standings(found: pl.LazyFrame, codes: pl.DataFrame) -> pl.LazyFrame:
    """One row per code found, policy, standing and indication, with the dates on which it
    counts."""
    distinct = found.select("code").unique()
    headers = [
        distinct.select(
            "code", pl.col("code").str.head(n).str.strip_suffix(".").alias("header")
        ).filter(pl.col("code").str.len_chars() > n)
        for n in (3, 5, 6, 7)
    ]
    return (
        pl.concat(
            [
                distinct.join(codes.lazy(), on="code"),
                pl.concat(headers)
                .unique()
                .join(codes.lazy().filter("with_children"), left_on="header", right_on="code")
                .drop("header"),
            ],
            how="diagonal",
        )
        .select("code", "policy_id", "standing", "indication", "code_from", "code_to")
        .unique()
    )


def _listed(found: pl.LazyFrame, standings: pl.LazyFrame) -> pl.LazyFrame:
    """The found diagnoses that have a standing on the service date, with each of them."""
    day = pl.col("service_date")
    is_in_force = (pl.col("code_from") <= day) & (day < pl.col("code_to")).fill_null(True)
    return (
        found.join(standings, on=["policy_id", "code"])
        .filter(is_in_force)
        .drop("code_from", "code_to")
    )


def codes_in_words(shown: pl.LazyFrame) -> pl.LazyFrame:
    """The codes found for each line and policy, in one text: row_id, policy_id, codes.

    `shown` has one row per line, policy and code. Of a great many codes those with a standing are
    named first, then those on the claim, then those nearest in time.
    """
    distance = (pl.col("date") - pl.col("service_date")).dt.total_days().abs()
    ordered = shown.with_columns(is_unlisted=pl.col("standing").is_null(), distance=distance).sort(
        "is_unlisted",
        "is_same_claim",
        "distance",
        "date",
        *PLACE,
        "code",
        descending=[False, True, *[False] * 7],
        nulls_last=True,
    )
    counted = ordered.group_by(*ON, maintain_order=True).agg(
        codes=pl.col("code").head(MOST_EVIDENCE).sort().str.join(", "),
        unnamed=(pl.len().cast(pl.Int64) - MOST_EVIDENCE).clip(0),
    )
    if "more" in shown.collect_schema().names():
        hidden = shown.unique([*ON, "asked_no"]).group_by(*ON).agg(hidden=pl.col("more").sum())
        counted = counted.join(hidden, on=list(ON)).with_columns(
            unnamed=pl.col("unnamed") + pl.col("hidden")
        )
    and_more = pl.format("{} and {} more", "codes", "unnamed")
    return counted.select(
        *ON, codes=pl.when(pl.col("unnamed") > 0).then(and_more).otherwise("codes")
    )
