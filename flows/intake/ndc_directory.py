"""The FDA NDC directory (product.txt, package.txt): what more NDCs are.

Source of the file layout: FDA NDC database file definitions. A product's ingredient is found by
matching each element of SUBSTANCENAME against code_sets/ingredients.csv. Any other product is held
under the names of its substances: its NDC is known, and of none of those ingredients.
"""

import hashlib
import re
from pathlib import Path

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.given_files import read_file
from audit_rules.reference.code_sets import SHIPPED_CODE_SETS

_PRODUCT = (
    "PRODUCTID",
    "PROPRIETARYNAME",
    "DOSAGEFORMNAME",
    "ROUTENAME",
    "MARKETINGCATEGORYNAME",
    "SUBSTANCENAME",
    "ACTIVE_NUMERATOR_STRENGTH",
    "ACTIVE_INGRED_UNIT",
)
_PACKAGE = ("PRODUCTID", "NDCPACKAGECODE")
_MG_PER_UNIT = re.compile(r"(?i)mg(/1)?")


def read_ndc_directory(folder: Path) -> pl.DataFrame:
    """One row per package: the columns of code_sets/ndc.csv, all text, and `is_named`.

    is_named   whether the product is of an ingredient in code_sets/ingredients.csv.

    Raises PolicyRefused if a file is missing or is not one of the directory's.
    """
    products = _read(folder / "product.txt", _PRODUCT)
    packages = _read(folder / "package.txt", _PACKAGE)
    known = pl.read_csv(SHIPPED_CODE_SETS / "ingredients.csv", infer_schema=False)
    rows = [
        row
        for product in products.iter_rows(named=True)
        for ingredient in known.iter_rows(named=True)
        if (row := _as_ingredient(product, ingredient))
    ]
    found = pl.DataFrame(
        rows, schema=["PRODUCTID", "ingredient", "product", "strength_mg", "form"], orient="row"
    ).cast(pl.String)
    named = found.with_columns(is_named=pl.lit(True))
    others = _others(products.join(found, on="PRODUCTID", how="anti"), known["ingredient"])
    joined = (
        pl.concat([named, others], how="diagonal")
        .unique("PRODUCTID", keep="first", maintain_order=True)
        .join(packages, on="PRODUCTID")
    )
    return (
        joined.select(
            pl.col("NDCPACKAGECODE").map_elements(_ndc11, return_dtype=pl.String).alias("ndc11"),
            "ingredient",
            "product",
            "strength_mg",
            "form",
            "is_named",
            audited=_is_audited() & pl.col("is_named"),
        )
        .with_columns(pl.col("audited").replace_strict({True: "true", False: "false"}))
        .drop_nulls("ndc11")
        .sort("ndc11")
    )


def directory_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of both files, by file name."""
    return {
        n: hashlib.sha256(read_file(folder / n)).hexdigest() for n in ("product.txt", "package.txt")
    }


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    try:
        text = read_file(path).decode("utf-8", errors="replace")
        frame = pl.read_csv(text.encode(), separator="\t", quote_char=None, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise PolicyRefused(
            f"{path.name}: missing or not tab-separated. Unpack the FDA NDC directory there."
        ) from None
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise PolicyRefused(
            f"{path.name}: no column {missing[0]}. Use the FDA NDC directory files unchanged."
        )
    return frame.select(columns)


def _as_ingredient(
    product: dict[str, str | None], ingredient: dict[str, str | None]
) -> tuple[str | None, ...] | None:
    """The row of a product that contains the ingredient, or None if it does not."""
    substances = [s.strip() for s in (product["SUBSTANCENAME"] or "").split(";")]
    pattern = ingredient["substance_regex"] or ""
    matching = [i for i, s in enumerate(substances) if re.search(pattern, s, re.I)]
    route, category = product["ROUTENAME"] or "", product["MARKETINGCATEGORYNAME"] or ""
    excluded = ingredient["excluded_marketing_regex"]
    if (
        not matching
        or (ingredient["route_contains"] or "") not in route
        or (excluded and re.search(excluded, category, re.I))
    ):
        return None
    brand = ingredient["brand_name_regex"]
    is_brand = bool(brand and re.search(brand, product["PROPRIETARYNAME"] or "", re.I))
    strengths = [s.strip() for s in (product["ACTIVE_NUMERATOR_STRENGTH"] or "").split(";")]
    units = [u.strip() for u in (product["ACTIVE_INGRED_UNIT"] or "").split(";")]
    i = matching[0]
    is_mg = (
        len(strengths) == len(units) == len(substances)
        and _MG_PER_UNIT.fullmatch(units[i]) is not None
    )
    form = re.split(r"[ ,]", (product["DOSAGEFORMNAME"] or "").lower())[0] or None
    return (
        product["PRODUCTID"],
        ingredient["ingredient"],
        "brand" if is_brand else "generic",
        strengths[i] if is_mg else None,
        form,
    )


def _is_audited() -> pl.Expr:
    """Whether fills are audited: of an ingredient and form that are in ndc.csv."""
    shipped = pl.read_csv(SHIPPED_CODE_SETS / "ndc.csv", infer_schema=False).filter(
        pl.col("audited") == "true"
    )
    pairs = {f"{i} {f}" for i, f in shipped.select("ingredient", "form").unique().rows()}
    return pl.concat_str("ingredient", pl.lit(" "), "form").is_in(pairs).fill_null(False)


def _others(products: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """Products of no known ingredient, under their substances; a route that sets one apart."""
    substances = pl.col("SUBSTANCENAME").str.to_lowercase().fill_null("substance not named")
    route = pl.col("ROUTENAME").str.to_lowercase().fill_null("route not named")
    return products.select(
        "PRODUCTID",
        ingredient=pl.when(substances.is_in(known.implode()))
        .then(pl.format("{} ({})", substances, route))
        .otherwise(substances),
        form=pl.col("DOSAGEFORMNAME").str.to_lowercase().str.extract(r"^([^ ,]+)"),
        is_named=pl.lit(False),
    )


def _ndc11(code: str) -> str | None:
    parts = code.strip().split("-")
    widths = tuple(len(p) for p in parts)
    if widths not in ((4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)):
        return None
    return parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2)
