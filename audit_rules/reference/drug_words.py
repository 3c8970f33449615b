"""The words that senders use for a drug and a product of it in an authorization."""

import polars as pl

from audit_rules.reference.codes import Reference

PRODUCTS = {"b": "brand", "g": "generic"}
"""A product's first letter -> the product."""

_PARTS_OF_NDC = (5, 4, 2)


def with_known_words(decisions: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Authorizations under our names: the ingredient for a brand, a salt, an NDC or a HCPCS code;
    `brand` and `generic` for their first letters, and for the name or NDC of such a product. A word
    of no audited drug stays as it is.

    The NDC of one product names the drug alone: what was approved is in the column `product`.
    """
    word = pl.col("drug").str.to_lowercase().str.strip_chars()
    names = reference.drug_words
    by_word = word.replace_strict(names, default=None, return_dtype=pl.String)
    by_ndc = ndc11(word).replace_strict(names, default=None, return_dtype=pl.String)
    salts = [
        pl.when(word.str.starts_with(f"{drug} ")).then(pl.lit(drug))
        for drug in sorted(set(names.values()))
    ]
    named = decisions.with_columns(
        drug=pl.coalesce(by_word, by_ndc, *salts, "drug"), drug_word="drug"
    )
    if "product" not in decisions.columns:
        return named.drop("drug_word")
    product = pl.col("product").str.to_lowercase().str.strip_chars()
    products = PRODUCTS | reference.product_words
    by_ndc = ndc11(product).replace_strict(products, default=None, return_dtype=pl.String)
    return named.with_columns(
        product=pl.coalesce(by_ndc, product.replace(products)), product_word="product"
    )


def ndc11(word: pl.Expr) -> pl.Expr:
    """The 11 digits of an NDC with hyphens in a word; other words give no such NDC."""
    parts = word.str.split("-")
    filled = [
        parts.list.get(n, null_on_oob=True).str.zfill(length)
        for n, length in enumerate(_PARTS_OF_NDC)
    ]
    return pl.concat_str(filled)
