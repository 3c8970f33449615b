"""The dossier: what is known about the persons with audited drug lines, as frames that rules read.

`schemas/frames.py` declares every frame: columns, units and grain. All are small (affected persons
only) and keyed by `person`. Money is in cents and quantities in thousandths, as integers, so that
products stay exact.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from audit_rules.engine.claim_links import named_claims
from audit_rules.engine.history import (
    denied_services,
    history_lines,
    infused_drugs,
    priced_lines,
    with_drug,
)
from audit_rules.engine.neighbours import is_as_before
from audit_rules.reference.codes import Reference
from schemas.days import days_after
from schemas.formats import ICD9_TYPE, well_formed
from schemas.frame import check_frame
from schemas.frames import WAREHOUSE_FRAMES
from schemas.paid import is_paid
from schemas.table import Kind

MOST_PAIRS = 100_000
"""The most pairs of a line and a fact of one key that are made: they cost less than a sort."""
_TIMES_ASKED = 2
"""How often a line is asked about, or a fact there, for several policies and terms."""


@dataclass(frozen=True)
class WarehouseFrames:
    """What the warehouse hands over, as `schemas.frames.WAREHOUSE_FRAMES` declares it.

    supplied      names of the tables that were supplied, `any_diagnosis` if a diagnosis source was,
                  and `evidence:CODE` for every code of clinical evidence that anyone has.
    only_prices   whether nothing changed for these persons but what others' lines cost: only rules
                  that look at prices are asked about them.

    Raises FrameError if a frame does not have the declared columns.
    """

    medical: pl.DataFrame
    pharmacy: pl.DataFrame
    diagnosis: pl.DataFrame
    eligibility: pl.DataFrame
    authorization: pl.DataFrame
    clinical_evidence: pl.DataFrame
    priced_lines: pl.DataFrame
    authorization_start: pl.DataFrame
    provider: pl.DataFrame
    payer_start: pl.DataFrame
    supplied: frozenset[str]
    only_prices: bool = False

    def __post_init__(self) -> None:
        """Check every frame on its way out of SQL."""
        for name, frame in WAREHOUSE_FRAMES.items():
            check_frame(frame, getattr(self, name))


@dataclass(frozen=True)
class Dossier:
    """What rules read, as `schemas.frames.DOSSIER_FRAMES` declares it, and as of which day.

    supplied          names of the tables that were supplied, `any_diagnosis` if a diagnosis source
                      was, and `evidence:CODE` for every code of clinical evidence that anyone has.
    crowded_persons   persons with so many rows that some key of theirs may have more than
                      MOST_PAIRS pairs of a line and a fact.
    """

    lines: pl.LazyFrame
    fills: pl.LazyFrame
    services: pl.LazyFrame
    miscoded: pl.LazyFrame
    denied_services: pl.LazyFrame
    claim_links: pl.LazyFrame
    repeats: pl.LazyFrame
    diagnoses: pl.LazyFrame
    enrollment: pl.LazyFrame
    authorizations: pl.LazyFrame
    evidence: pl.LazyFrame
    taxonomies: pl.LazyFrame
    payer_start: pl.LazyFrame
    authorization_start: pl.LazyFrame
    priced_lines: pl.LazyFrame
    supplied: frozenset[str]
    as_of: date
    crowded_persons: frozenset[str] = frozenset()
    found: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What several rules find alike, by a name; a copy of the dossier begins without it."""

    def once(self, name: str, book: object, find: Callable[[], pl.DataFrame]) -> pl.LazyFrame:
        """What `find` gives, computed for the first rule that asks for it under this name and
        book."""
        if name not in self.found or self.found[name][0] is not book:
            self.found[name] = book, find()
        found: pl.DataFrame = self.found[name][1]
        return found.lazy()


def compile_dossier(
    frames: WarehouseFrames, reference: Reference, default_supply_days: int, as_of: date
) -> Dossier:
    """Name the drugs, number the lines, and gather diagnoses from wherever they are."""
    births = _births_and_deaths(frames.eligibility)
    lines = history_lines(frames.medical, frames.pharmacy)
    lines = lines.join(births, on="person", how="left", maintain_order="left")
    is_born = pl.col("birth_date") <= pl.col("service_date")
    lines = with_drug(lines, reference).with_columns(birth_date=pl.when(is_born).then("birth_date"))
    lines = lines.with_columns(age=_age(pl.col("service_date"), pl.col("birth_date")))
    supply_days = (
        pl.when(pl.col("days_supply") > 0)
        .then(pl.col("days_supply"))
        .otherwise(default_supply_days)
    )
    lines = lines.with_columns(
        supply_end=days_after(
            pl.col("service_date"), supply_days.cast(pl.Float64).ceil().cast(pl.Int64)
        )
    )
    diagnoses = _diagnoses(frames, as_of)
    # SQL says the same in is_paid_history, for the ledger; here it holds for counterfactuals too.
    paid = is_paid(pl.col("paid_cents"))
    is_judged = pl.col("drug").is_not_null() & paid
    is_medical = pl.col("claim_source") == "medical"
    is_infused = pl.col("ingredient").is_in(infused_drugs(reference).implode())
    is_miscoded = pl.col("drug").is_null() & is_infused & pl.col("hcpcs_code").is_not_null()
    return Dossier(
        lines=lines.filter(is_judged).lazy(),
        fills=lines.filter(pl.col("claim_source") == "pharmacy").lazy(),
        services=lines.filter(is_medical).lazy(),
        miscoded=lines.filter(is_medical, is_miscoded, paid).with_columns(drug="ingredient").lazy(),
        denied_services=denied_services(frames.medical).lazy(),
        repeats=pl.LazyFrame(schema={"row_id": pl.UInt32}),
        claim_links=named_claims(frames.medical, frames.pharmacy).lazy(),
        diagnoses=diagnoses.lazy(),
        enrollment=frames.eligibility.lazy(),
        authorizations=frames.authorization.with_row_index("authorization_no").lazy(),
        evidence=frames.clinical_evidence.filter(pl.col("evidence_date") <= as_of).lazy(),
        taxonomies=frames.provider.filter(well_formed(pl.col("npi"), Kind.NPI))
        .unique(maintain_order=True)
        .lazy(),
        payer_start=frames.payer_start.lazy(),
        authorization_start=frames.authorization_start.lazy(),
        priced_lines=priced_lines(frames.priced_lines, reference).lazy(),
        supplied=frames.supplied,
        as_of=as_of,
        crowded_persons=_crowded_persons(lines, diagnoses, frames),
    )


def _crowded_persons(
    lines: pl.DataFrame, diagnoses: pl.DataFrame, frames: WarehouseFrames
) -> frozenset[str]:
    """The persons whose lines, times their rows in some frame, may be too many pairs."""
    others = (diagnoses, frames.eligibility, frames.authorization, frames.clinical_evidence)
    of_persons = [f.lazy().group_by("person").agg(rows=pl.len()) for f in (lines, *others)]
    most = pl.concat(of_persons).group_by("person").agg(pl.col("rows").max().cast(pl.Int64))
    pairs = pl.col("rows") * pl.col("rows_most") * _TIMES_ASKED
    many = of_persons[0].join(most, on="person", suffix="_most").filter(pairs > MOST_PAIRS)
    return frozenset(many.collect()["person"])


def _births_and_deaths(eligibility: pl.DataFrame) -> pl.DataFrame:
    """One row per person: birth_date (null if the dates differ) and the latest death_date."""
    birth = pl.when(pl.col("birth_date").drop_nulls().n_unique() == 1).then(
        pl.col("birth_date").drop_nulls().first()
    )
    return eligibility.group_by("person").agg(
        birth_date=birth, death_date=pl.col("death_date").max()
    )


def _age(day: pl.Expr, birth: pl.Expr) -> pl.Expr:
    """Completed years; born on 29 February: completed on 1 March."""
    before_birthday = (day.dt.month() < birth.dt.month()) | (
        (day.dt.month() == birth.dt.month()) & (day.dt.day() < birth.dt.day())
    )
    return day.dt.year() - birth.dt.year() - before_birthday.cast(pl.Int32)


def _diagnoses(frames: WarehouseFrames, as_of: date) -> pl.DataFrame:
    """One row per code and place: the diagnosis table, and the diagnosis columns of every claim
    row."""
    claim = ["person", "payer_id", "claim_id", "claim_line_number", "service_date"]
    columns = [
        c
        for c in frames.medical.columns
        if c.startswith("diagnosis_code_")
        and c != "diagnosis_code_type"
        and frames.medical[c].null_count() < frames.medical.height
    ]
    medical = [
        frames.medical.lazy().select(
            pl.lit("medical").alias("claim_source"),
            *claim,
            "diagnosis_code_type",
            pl.lit(column).alias("place"),
            pl.col(column).alias("code"),
        )
        for column in columns
    ]
    pharmacy = frames.pharmacy.lazy().select(
        pl.lit("pharmacy").alias("claim_source"),
        *claim,
        pl.lit("diagnosis_code").alias("place"),
        pl.col("diagnosis_code").alias("code"),
    )
    table = frames.diagnosis.lazy().select(
        "person",
        "claim_id",
        "diagnosis_code_type",
        pl.lit("diagnosis").alias("place"),
        pl.col("diagnosis_code").alias("code"),
        pl.col("diagnosis_date").alias("service_date"),
    )
    is_icd9 = pl.col("diagnosis_code_type").str.contains(ICD9_TYPE).fill_null(False)
    return (
        pl.concat([*medical, pharmacy, table], how="diagonal")
        .filter(pl.col("code").is_not_null(), pl.col("service_date") <= as_of)
        .filter(well_formed(pl.col("code"), Kind.ICD10CM), ~is_icd9)
        .drop("diagnosis_code_type")
        .rename({"service_date": "date"})
        .sort(
            "person",
            "date",
            "code",
            "claim_source",
            "claim_id",
            "claim_line_number",
            "place",
            "payer_id",
            nulls_last=True,
        )
        .filter(~is_as_before(pl.all()))
        .collect(engine="in-memory")
    )
