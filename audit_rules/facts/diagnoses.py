"""Diagnosis evidence: which codes support a line, and how a policy's code list treats them."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook
from audit_rules.engine.scope import in_force
from audit_rules.facts.windows import is_near
from audit_rules.policy.terms.persons import DiagnosisCoverage

_COVERED = ("listed", "criteria")


def around_the_line(diagnoses: pl.LazyFrame, lines: pl.LazyFrame) -> pl.LazyFrame:
    """Diagnoses on the same claim, and the person's within [d - lookback_days, d + lookahead_days].

    `diagnoses` are those of the dossier, or some of them; `lines` carry lookback_days and
    lookahead_days. One row per line, policy and diagnosis; `is_same_claim` tells which.
    """
    day = pl.col("service_date")
    asked = lines.select(
        "row_id",
        "policy_id",
        "person",
        "payer_id",
        "claim_source",
        "claim_id",
        day,
        "lookback_days",
        "lookahead_days",
    )
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
    return around_the_line(some_policys, asked).pipe(_listed, standings)


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


def latest_of_each_code(found: pl.LazyFrame) -> pl.LazyFrame:
    """One row per line, policy and code: the same claim first, then the latest place."""
    return found.sort(
        "row_id",
        "policy_id",
        "code",
        "is_same_claim",
        "date",
        "claim_source",
        "claim_id",
        "claim_line_number",
        "place",
        descending=[False, False, False, True, True, False, False, False, False],
        nulls_last=True,
    ).unique(["row_id", "policy_id", "code"], keep="first", maintain_order=True)
