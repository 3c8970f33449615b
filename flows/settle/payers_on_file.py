"""The payer names that a warehouse has lines of."""

from collections.abc import Mapping
from pathlib import Path

from flows.warehouse.connection import read_only, refuse_missing
from flows.warehouse.lake import all_rows
from schemas.folding import folded
from schemas.tables import CLAIM_TABLES


def payers_on_file(warehouse: Path, aliases: Mapping[str, str]) -> frozenset[str]:
    """The payer names of claim lines in a warehouse, and of aliases, folded.

    aliases   their name -> ours. Raises UsageError if there is no such warehouse.
    """
    refuse_missing(warehouse)
    with read_only(warehouse) as connection:
        rows = (all_rows(connection, "kept.main", table) for table in CLAIM_TABLES)
        every = " UNION ".join(f"SELECT payer FROM {claims}" for claims in rows)
        found = [name for (name,) in connection.execute(every).fetchall() if name is not None]
    return frozenset(map(folded, (*found, *aliases, *aliases.values())))
