"""One name for each payer, however the extracts spell it."""

import polars as pl

from schemas.folding import folded_names


def one_name_per_payer(lines: pl.DataFrame, payer_names: dict[str, str]) -> pl.Expr:
    """The column `payer` with the most frequent spelling of each payer in these lines.

    payer_names: folded spelling -> payer id.
    """
    spellings = (
        lines.group_by("payer")
        .len()
        .with_columns(id=folded_names(pl.col("payer")).replace(payer_names))
        .sort("len", "payer", descending=[True, False])
        .with_columns(name=pl.col("payer").first().over("id"))
    )
    return pl.col("payer").replace(dict(spellings.select("payer", "name").iter_rows()))
