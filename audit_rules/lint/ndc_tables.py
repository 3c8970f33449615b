"""Checks of the NDC tables next to policy files: rows that no set finds, or that say two things."""

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from audit_rules.lint.defect import Defect

_OF_ANY_DRUG = ("brand", "generic")


def ndc_table_defects(
    tables: Mapping[str, pl.DataFrame], products: Collection[str]
) -> Iterator[Defect]:
    """The defects of NDC tables, file by file.

    tables     file name -> its rows, as text.
    products   the product words by which sets choose NDCs.
    """
    known = sorted({word.lower() for word in (*_OF_ANY_DRUG, *products)})
    product = pl.col("product").str.to_lowercase()
    checks = {
        "ndc_with_hyphens": (
            pl.col("ndc11").str.contains("-"),
            "An NDC has hyphens",
            "Write its 11 digits, with zeros in front of the short parts.",
        ),
        "ndc_twice": (
            pl.col("ndc11").is_duplicated(),
            "An NDC has two rows",
            "Keep one of them.",
        ),
        "audited_unclear": (
            ~pl.col("audited").is_in(["true", "false"]).fill_null(False),
            "audited is neither true nor false",
            "Write true if fills of the NDC are audited, else false.",
        ),
        "product_of_no_set": (
            ~product.is_in(known).fill_null(True),
            f"No set asks for such a product; known are {', '.join(known)}",
            "Correct the word, or name it in the ndc_of of a set.",
        ),
    }
    for name, table in tables.items():
        rows = table.with_row_index("line", 2)
        for check, (is_wrong, what, remedy) in checks.items():
            wrong = rows.filter(is_wrong.fill_null(False))
            if wrong.height:
                lines = f"line {wrong['line'][0]}" + (
                    f" and {wrong.height - 1} more" if wrong.height > 1 else ""
                )
                code = wrong["ndc11"][0] or ""
                yield Defect(name, "", lines, check, "error", code, f"{what}.", remedy)
