"""Which claims name each other as the original, directly or by way of other claims."""

import polars as pl

_PLACE = ("claim_source", "person", "payer_id")


def claim_links(medical: pl.DataFrame, pharmacy: pl.DataFrame) -> pl.DataFrame:
    """One row per claim and claim that it names: columns of _PLACE, claim_id, named_claim_id.

    Every row counts, whatever final action made of it.
    """
    named = pl.concat(_named(source, rows) for source, rows in _sources(medical, pharmacy))
    steps = named.rename({"claim_id": "named_claim_id", "named_claim_id": "further"})
    found = named
    new = named
    while new.height:
        reached = new.join(steps, on=[*_PLACE, "named_claim_id"]).select(
            *_PLACE, "claim_id", named_claim_id="further"
        )
        new = reached.unique().join(found, on=found.columns, how="anti")
        found = pl.concat([found, new])
    return found.sort(found.columns)


def _sources(
    medical: pl.DataFrame, pharmacy: pl.DataFrame
) -> tuple[tuple[str, pl.DataFrame], tuple[str, pl.DataFrame]]:
    return ("medical", medical), ("pharmacy", pharmacy)


def _named(source: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The claims of one table that name another claim as their original."""
    other = pl.col("original_claim_id")
    return (
        rows.filter(other.is_not_null(), other != pl.col("claim_id"))
        .select(pl.lit(source).alias(_PLACE[0]), *_PLACE[1:], "claim_id", named_claim_id=other)
        .unique()
    )
