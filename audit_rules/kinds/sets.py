"""The lines that are of each product set."""

import polars as pl

from audit_rules.reference.product_sets import LineSet


def set_members(
    history: pl.DataFrame, sets: list[LineSet], unclassified: frozenset[str]
) -> pl.DataFrame:
    """The lines of each set: row_id, set_no.

    A fill is of a set by its NDC, and so is a medical line with an unclassified code or none. Any
    other medical line is by its HCPCS code; but if its NDC is of a set with that code, it is of
    none whose NDCs leave it out.
    """
    codes = _pairs(sets, "hcpcs_code", [s.hcpcs for s in sets])
    ndcs = _pairs(sets, "ndc_code", [s.ndcs for s in sets])
    is_by_ndc = (
        (pl.col("claim_source") == "pharmacy")
        | pl.col("hcpcs_code").is_null()
        | pl.col("hcpcs_code").is_in(list(unclassified))
    )
    lines = history.select("row_id", "claim_source", "hcpcs_code", "ndc_code", "drug")
    by_ndc = lines.filter(is_by_ndc).join(ndcs, on="ndc_code")
    by_code = lines.filter(~is_by_ndc).join(codes, on="hcpcs_code")
    told = codes.join(ndcs, on="set_no").select("hcpcs_code", "ndc_code").unique()
    with_ndcs = ndcs.select("set_no").unique()
    left_out = (
        by_code.join(told, on=["hcpcs_code", "ndc_code"], how="semi")
        .join(with_ndcs, on="set_no", how="semi")
        .join(ndcs, on=["ndc_code", "set_no"], how="anti")
    )
    by_code = by_code.join(left_out, on=["row_id", "set_no"], how="anti")
    by_drug = [
        lines.filter(pl.col("drug") == s.name).with_columns(set_no=pl.lit(s.number, pl.Int64))
        for s in sets
        if s.of_drug
    ]
    found = [f.select("row_id", "set_no") for f in (by_ndc, by_code, *by_drug)]
    return pl.concat(found).unique().sort("row_id", "set_no")


def _pairs(sets: list[LineSet], name: str, codes: list[frozenset[str]]) -> pl.DataFrame:
    rows = [(code, s.number) for s, found in zip(sets, codes, strict=True) for code in found]
    return pl.DataFrame(rows, schema={name: pl.String, "set_no": pl.Int64}, orient="row")
