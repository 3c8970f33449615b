"""History lines of both claim tables, and the drug of each."""

import polars as pl

from audit_rules.reference.codes import Reference
from schemas.formats import modifiers
from schemas.frames import DENIED_SERVICE, HISTORY_LINE

_UNCLASSIFIED = "unclassified"


def infused_drugs(reference: Reference) -> pl.Series:
    """Drugs that are billed on medical lines: an NDC of one names it if the code does not."""
    unclassified = reference.hcpcs.filter(pl.col("role") == _UNCLASSIFIED)
    return unclassified["drug"].unique().sort()


def denied_services(medical: pl.DataFrame) -> pl.DataFrame:
    """The denied medical lines."""
    return medical.filter(pl.col("fate") == "denied").select(
        pl.lit("medical").alias("claim_source"), *DENIED_SERVICE[1:]
    )


def priced_lines(lines: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Everybody's lines with the drug of each; lines that are of no audited drug fall away."""
    named = with_drug(lines, reference).filter(pl.col("drug").is_not_null())
    return named.drop("substance", strict=False)


def named_fills(fills: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Fills with the ingredient, product, strength_mg and form of their NDC."""
    return fills.join(
        reference.ndc, left_on="ndc_code", right_on="ndc11", how="left", maintain_order="left"
    )


def history_lines(medical: pl.DataFrame, pharmacy: pl.DataFrame) -> pl.DataFrame:
    """The history lines of both claim tables under one set of names, numbered in a total order."""
    services = medical.filter(pl.col("fate") == "history").select(
        pl.lit("medical").alias("claim_source"),
        "person",
        "payer_id",
        "payer",
        "plan",
        "member_id",
        "claim_id",
        "claim_line_number",
        "shares_key",
        "service_date",
        "paid_date",
        pl.col("rendering_npi").alias("provider_npi"),
        "billing_npi",
        "quantity",
        "quantity_milli",
        "paid_amount",
        "paid_cents",
        "hcpcs_code",
        "place_of_service_code",
        "is_netted",
        "ndc_code",
        modifiers([f"hcpcs_modifier_{n}" for n in range(1, 6)]).alias("modifiers"),
    )
    fills = pharmacy.filter(pl.col("fate") == "history").select(
        pl.lit("pharmacy").alias("claim_source"),
        "person",
        "payer_id",
        "payer",
        "plan",
        "member_id",
        "claim_id",
        "claim_line_number",
        "shares_key",
        "service_date",
        "paid_date",
        pl.col("prescribing_provider_npi").alias("provider_npi"),
        pl.col("dispensing_provider_npi").alias("billing_npi"),
        "quantity",
        "quantity_milli",
        "paid_amount",
        "paid_cents",
        "is_netted",
        "ndc_code",
        "days_supply",
        "fee_cents",
        pl.col("dispensing_channel").alias("channel"),
        "daw_code",
    )
    return pl.concat([services, fills], how="diagonal").sort(HISTORY_LINE).with_row_index("row_id")


def with_drug(lines: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Lines with their drug, HCPCS first; the product, strength and form from the NDC."""
    lines = named_fills(lines, reference).join(
        reference.hcpcs.rename({"drug": "hcpcs_drug", "role": "hcpcs_role"}),
        left_on="hcpcs_code",
        right_on="hcpcs",
        how="left",
        maintain_order="left",
    )
    role = pl.col("hcpcs_role").fill_null("")
    is_infused = pl.col("ingredient").is_in(infused_drugs(reference).implode())
    has_no_code = (pl.col("claim_source") == "medical") & pl.col("hcpcs_code").is_null()
    drug = (
        pl.when(role == "drug")
        .then("hcpcs_drug")
        .when((role == _UNCLASSIFIED) & (pl.col("ingredient") == pl.col("hcpcs_drug")))
        .then("hcpcs_drug")
        .when(has_no_code & is_infused)
        .then("ingredient")
        .when((role != "never") & pl.col("audited").fill_null(False))
        .then("ingredient")
    )
    of_this_drug = pl.col("ingredient") == pl.col("drug")
    is_other_drug = pl.col("drug").is_not_null() & ~of_this_drug.fill_null(False)
    return (
        lines.with_columns(drug=drug)
        .with_columns(
            pl.when(is_other_drug).then(None).otherwise(pl.col(c)).alias(c)
            for c in ("product", "strength_mg", "form")
        )
        .with_columns(product_code=pl.coalesce("hcpcs_code", "ndc_code"))
        .drop("hcpcs_drug", "hcpcs_role", "audited")
    )
