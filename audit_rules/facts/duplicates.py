"""Duplicates: lines of different claims that bill the same service, paired one to one.

Lines are alike that agree in person, payer, service date, drug, product code, quantity and, on
medical lines, the set of modifiers; a null agrees with nothing. The first of the alike lines of one
claim pairs with the first of every other claim, the second with the second, in line order.
"""

import polars as pl

from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import ON
from schemas.formats import well_formed
from schemas.tables import Kind

_ALIKE = (
    "claim_source",
    "person",
    "payer_id",
    "service_date",
    "drug",
    "product_code",
    "quantity_milli",
    "modifier_set",
)


def earlier_twins(dossier: Dossier, lines: pl.LazyFrame) -> pl.LazyFrame:
    """The earlier lines that a line repeats or may repeat; one row per line, policy and earlier
    line.

    Columns are those of the earlier line, and `is_certain`: false if the dispenser of one of two
    fills is unknown. Fills of two different dispensers are left out; who dispensed is asked only
    after lines are paired.
    """
    alike = _with_place(dossier.lines)
    repeated = alike.select(*_ALIKE, "place", "row_id", "claim_id", "paid_date", "dispenser")
    later = lines.select(*ON).join(repeated, on="row_id")
    pairs = (
        alike.drop("row_id")
        .join(later, on=[*_ALIKE, "place"], suffix="_later")
        .filter(_is_earlier())
    )
    is_medical, same_dispenser = (
        pl.col("claim_source") == "medical",
        pl.col("dispenser") == pl.col("dispenser_later"),
    )
    return pairs.with_columns(is_certain=(is_medical | same_dispenser).fill_null(False)).filter(
        (is_medical | same_dispenser).fill_null(True)
    )


def _with_place(lines: pl.LazyFrame) -> pl.LazyFrame:
    """Lines with their place among the alike lines of their claim, from 1, and the dispenser if
    known."""
    modifier_set = pl.col("modifiers").list.unique().list.sort().list.join(",").fill_null("")
    is_known_fill = (pl.col("claim_source") == "pharmacy") & well_formed(
        pl.col("billing_npi"), Kind.NPI
    )
    place = pl.col("claim_line_number").rank("ordinal").over(*_ALIKE, "claim_id")
    known_dispenser = pl.when(is_known_fill).then("billing_npi")
    return lines.with_columns(modifier_set=modifier_set, dispenser=known_dispenser).with_columns(
        place=place
    )


def _is_earlier() -> pl.Expr:
    """Whether a line precedes its `_later` partner: by paid_date (nulls first), then claim_id as
    text."""
    paid, paid_later = pl.col("paid_date"), pl.col("paid_date_later")
    is_first_by_id = pl.col("claim_id") < pl.col("claim_id_later")
    return (
        pl.when(paid.eq_missing(paid_later))
        .then(is_first_by_id)
        .otherwise(paid.is_null() | (paid < paid_later).fill_null(False))
    )
