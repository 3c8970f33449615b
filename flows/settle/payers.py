"""Which payer each name in the warehouse means."""

import duckdb
import polars as pl

from flows.warehouse.run_table import RunTable
from schemas.folding import folded
from schemas.table import Kind
from schemas.tables import TABLES as INPUT

PAYER = RunTable(
    "payer",
    grain="payer name of any row, in the engine's lower case; payer_id: the policy's payer, else "
    "the folded name",
    columns={"name": "VARCHAR", "payer_id": "VARCHAR"},
)
PAYER_JOIN = f"JOIN {PAYER} p ON p.name = lower(t.payer)"
"""SQL that gives the rows of `t` their payer: p.payer_id."""
TABLES = (PAYER,)


def name_payers(connection: duckdb.DuckDBPyConnection, payer_names: dict[str, str]) -> None:
    """Say which payer each name in the warehouse means.

    payer_names   folded spelling -> payer id, for the payers of policies.
    """
    spelled = " UNION ".join(
        f"SELECT lower(payer) AS name FROM every_{table.name}"
        for table in INPUT.values()
        if table.of_kind(Kind.PAYER)
    )
    names = [name for (name,) in connection.execute(spelled).fetchall() if name is not None]
    rows = [(name, payer_names.get(folded(name), folded(name))) for name in sorted(names)]
    schema = {"name": pl.String, "payer_id": pl.String}
    PAYER.store_frame(connection, pl.DataFrame(rows, schema=schema, orient="row"))
