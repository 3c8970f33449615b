"""Since when a person's fills are known: only then does the absence of a fill mean anything."""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON


def observed_from(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """One row per line and policy: since when the person's fills are known, and that in words.

    The earliest day over the payers that enrol the person and send fills. For a person who is not
    in the eligibility table, the line's own payer counts.

    observed_from   null if no fills are known.
    history         how the rationale says it.
    """
    asked = lines.select(*ON, "person", "payer_id")
    spans = dossier.enrollment.group_by("person", "payer_id").agg(
        enrolled_from=pl.col("enrollment_start_date").min()
    )
    unknown = asked.select("person", "payer_id").unique().join(spans, on="person", how="anti")
    sending = dossier.payer_start.drop_nulls("first_dispensing_date")
    since = pl.max_horizontal("enrolled_from", "first_dispensing_date")
    enrolled = (  # whichever line it is
        spans.join(sending, on="payer_id").group_by("person").agg(enrolled_since=since.min())
    )
    alone = unknown.join(sending, on="payer_id").select(
        "person", "payer_id", alone_since="first_dispensing_date"
    )
    observed = (
        asked.join(enrolled, on="person", how="left")
        .join(alone, on=["person", "payer_id"], how="left")
        .select(*ON, observed_from=pl.coalesce("enrolled_since", "alone_since"))
    )
    since_when = pl.format("known from {}", "observed_from").fill_null(
        "not on file from any payer that enrolls the patient"
    )
    return observed.with_columns(history=since_when)
