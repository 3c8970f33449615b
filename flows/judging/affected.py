"""Who must be judged again: those whom anything touched since the night that the warehouse remembers.

Mostly it is their own rows (sql/judging/touched_persons.sql). What one person's answers take from others is looked at here: what
generics cost and since when a payer's fills are known. And what was open may have ended for anybody.
"""

from collections.abc import Iterable
from datetime import date

import duckdb
import polars as pl

from audit_rules.engine.dossier import named_fills
from audit_rules.engine.rule import PolicyBook, RuleModule
from audit_rules.facts.generic_prices import ASKED_BY, are_tablets, dearest_generics
from audit_rules.policy.terms.fills import GenericTrial
from flows.judging.frames import PopulationFacts, supplied
from flows.warehouse.connection import left
from flows.warehouse.memory import after, builds_on_answers
from flows.warehouse.sql import day, run


def touched_persons(
    connection: duckdb.DuckDBPyConnection,
    book: PolicyBook,
    rules: Iterable[RuleModule],
    others: PopulationFacts,
    as_of: date,
    texts: str,
) -> date | None:
    """Leave in run.touched_person who must be judged again; returns the night whose answers stand, None where all must be.

    `texts` stands for everything beside the rows that answers depend on. What others' answers are taken from is left for the
    next night: run.generic_price and run.payer_start.
    """
    fills = named_fills(others.priced_fills, book.reference)
    brand = _asked(fills, book)
    prices = dearest_generics(brand.select(ASKED_BY).unique().lazy(), fills.lazy()).collect()
    left(connection, "generic_price", prices.sort(ASKED_BY))
    left(connection, "payer_start", others.payer_start)
    before = builds_on_answers(connection, texts, supplied(connection))
    if before is None:
        return None
    _find_moved_providers(connection)
    run(connection, "judging/touched_persons", as_of=day(as_of), after=after(before))
    moved_prices = _moved(connection, "generic_price").select(ASKED_BY).unique()
    touched = brand.join(moved_prices, on=ASKED_BY, how="semi", nulls_equal=True)["person"]
    if _moved(connection, "payer_start").height:
        touched = brand["person"]
    left(connection, "of_others", touched.unique().to_frame())
    passing = [reason for module in rules for reason in module.RULE.passing if before < as_of]
    connection.execute(
        """INSERT INTO run.touched_person
           FROM run.of_others UNION SELECT person_id FROM kept.main.judged_coverage WHERE list_contains(?, reason)""",
        [passing],
    )
    return before


def _asked(fills: pl.DataFrame, book: PolicyBook) -> pl.DataFrame:
    """One row per brand fill and number of days in which some policy looks for a price: the person and what is asked for."""
    days = book.terms(GenericTrial).select("price_days").unique().collect()
    return fills.filter(are_tablets("brand")).join(days, how="cross").select("person", *ASKED_BY)


def _find_moved_providers(connection: duckdb.DuckDBPyConnection) -> None:
    """run.moved_npi: providers of whom a specialty became known."""
    connection.execute(
        """CREATE OR REPLACE TABLE run.moved_npi AS
           SELECT DISTINCT npi FROM (
               SELECT npi, taxonomy_code FROM every_provider WHERE file_no IN (FROM run.new_file)
               EXCEPT SELECT npi, taxonomy_code FROM every_provider WHERE file_no NOT IN (FROM run.new_file))"""
    )


def _moved(connection: duckdb.DuckDBPyConnection, name: str) -> pl.DataFrame:
    """Rows of a remembered table that are no longer so, and rows that were not."""
    now, before = f"FROM run.{name}", f"FROM kept.main.{name}"
    frame: pl.DataFrame = connection.sql(
        f"({now} EXCEPT {before}) UNION ALL ({before} EXCEPT {now})"
    ).pl()
    return frame
