"""Words of authorizations that nothing answers to: such a decision covers no line."""

from collections.abc import Collection

import duckdb
import polars as pl

from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.fills import Inducer
from audit_rules.reference.codes import Reference
from audit_rules.reference.drug_words import PRODUCTS, ndc11, with_known_words
from flows.settle.persons import PERSON_WARNING
from flows.warehouse.run_table import RunTable
from flows.warehouse.sql import fetched
from schemas.row_warnings import COLUMN_OF, UNKNOWN_DRUG, UNKNOWN_OVERRIDE, UNKNOWN_PRODUCT

WORD_WARNING = RunTable(
    "word_warning",
    grain="file and kind of word that nothing in the file's rows answers to; first_position: of "
    "the first such row",
    columns=PERSON_WARNING.columns,
)


def warn_of_unknown_words(
    connection: duckdb.DuckDBPyConnection, reference: Reference, library: PolicyLibrary
) -> None:
    """Count the authorizations of each file whose drug, product or override is unknown."""
    words = fetched(
        connection,
        """SELECT file_no, drug, product, override, count(*) AS rows,
                  min(row_number) AS first_position
           FROM every_authorization GROUP BY ALL""",
    )
    named = with_known_words(words, reference)
    overrides = {t.override for _, t in library.of_kind(Inducer) if isinstance(t, Inducer)}
    known: dict[str, Collection[str]] = {
        UNKNOWN_DRUG: {*reference.drug_words.values()},
        UNKNOWN_PRODUCT: {*PRODUCTS.values()},
        UNKNOWN_OVERRIDE: {*overrides, *reference.governed.overrides},
    }
    drug, product = (
        pl.col(sent).str.to_lowercase().str.strip_chars() for sent in ("drug_word", "product_word")
    )
    governed = reference.governed
    of_a_set = {
        UNKNOWN_DRUG: drug.is_in(list(governed.drugs)) | ndc11(drug).is_in(list(governed.drugs)),
        UNKNOWN_PRODUCT: product.is_in(list(governed.products)),
        UNKNOWN_OVERRIDE: pl.lit(False),
    }
    found = [
        named.filter(
            ~pl.col(COLUMN_OF[check]).is_in(list(words)), ~of_a_set[check].fill_null(False)
        )
        .group_by("file_no")
        .agg(pl.lit(check).alias("check_name"), pl.col("rows").sum(), pl.min("first_position"))
        for check, words in known.items()
    ]
    counted = pl.concat(found).select("file_no", "check_name", "rows", "first_position")
    WORD_WARNING.store_frame(connection, counted.sort("file_no", "check_name"))
