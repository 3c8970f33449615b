"""Claims whose lines repeat the claim's amount: some extracts put the total on every line.

Such a claim is recognised by its lines alone: two or more history lines that bill different things
(another code, or other units) and yet are all paid the same. Lines that bill the same thing cost
the same, and make no such claim.
"""

import polars as pl

from audit_rules.engine.dossier import Dossier
from schemas.folding import folded_names
from schemas.results import REPEATED, conform

REPEATED_ORDER = ("payer", "claim_id", "person")


def repeated_amounts(dossier: Dossier) -> pl.DataFrame:
    """One row per medical claim whose lines all carry one amount, sorted; columns `REPEATED`."""
    billed = pl.struct("hcpcs_code", "quantity_milli")
    return conform(
        dossier.services.group_by(
            "person", "claim_id", folded_names(pl.col("payer")).alias("payer_name")
        )
        .agg(
            pl.col("payer", "member_id").min(),
            lines=pl.len(),
            amount=pl.col("paid_amount").first(),
            amounts=pl.col("paid_cents").n_unique(),
            things_billed=billed.n_unique(),
        )
        .filter(
            pl.col("lines") > 1,
            pl.col("amounts") == 1,
            pl.col("amount") > 0,
            pl.col("things_billed") > 1,
        )
        .sort(REPEATED_ORDER)
        .collect(),
        REPEATED,
    )
