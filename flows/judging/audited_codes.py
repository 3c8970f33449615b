"""The codes of audited drugs and of sets of documents, as tables of a run."""

from collections.abc import Set

import duckdb
import polars as pl

from audit_rules.engine.history import infused_drugs
from audit_rules.reference.codes import Reference
from flows.warehouse.run_table import RunTable

AUDITED_NDC = RunTable(
    "audited_ndc", grain="NDC of an audited drug or of a set", columns={"code": "VARCHAR"}
)
AUDITED_HCPCS = RunTable(
    "audited_hcpcs", grain="HCPCS code that may be of an audited drug", columns={"code": "VARCHAR"}
)
GOVERNED_HCPCS = RunTable(
    "governed_hcpcs",
    grain="HCPCS code of a set of a document of the language",
    columns={"code": "VARCHAR"},
)
TABLES = (AUDITED_NDC, AUDITED_HCPCS, GOVERNED_HCPCS)


def list_audited_codes(connection: duckdb.DuckDBPyConnection, reference: Reference) -> None:
    """Make the tables of codes."""
    governed = reference.governed
    is_asked = pl.col("audited") | pl.col("ingredient").is_in(infused_drugs(reference).implode())
    ndcs = reference.ndc.filter(is_asked)["ndc11"]
    hcpcs = reference.hcpcs.filter(pl.col("role") != "never")["hcpcs"]
    for table, codes in (
        (AUDITED_NDC, {*ndcs, *governed.ndcs}),
        (AUDITED_HCPCS, {*hcpcs, *governed.hcpcs}),
        (GOVERNED_HCPCS, governed.hcpcs),
    ):
        table.store_frame(connection, _code_frame(codes))


def _code_frame(codes: Set[str]) -> pl.DataFrame:
    """Codes as rows of a run table, sorted."""
    return pl.DataFrame({"code": sorted(codes)}, {"code": pl.String})
