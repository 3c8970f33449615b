"""Tonight's answers, put together with those of the remembered night that still stand."""

from dataclasses import replace

import duckdb
import polars as pl

from audit_rules.engine.judge import COUNTED, EXCEPTION_ORDER, Judgement
from audit_rules.engine.repeated_amounts import REPEATED_ORDER
from flows.warehouse.connection import left
from schemas.results import EXCEPTION, REPEATED, Schema, conform


def with_standing(connection: duckdb.DuckDBPyConnection, judgement: Judgement) -> Judgement:
    """The judgement of everybody, from that of the touched persons; what was found tonight is left for the next night."""
    left(connection, "judged_exception", judgement.exceptions)
    left(connection, "judged_coverage", judgement.counted)
    left(connection, "judged_repeat", judgement.repeated)
    (builds,) = connection.execute("SELECT on_answers FROM run.builds_on").fetchall()[0]
    if not builds:
        return judgement

    def standing(what: str, columns: Schema, person: str = "person_id") -> pl.DataFrame:
        untouched = f"{person} NOT IN (SELECT person FROM run.touched_person)"
        return conform(
            connection.sql(f"FROM kept.main.judged_{what} WHERE {untouched}").pl(), columns
        )

    return replace(
        judgement,
        exceptions=pl.concat([judgement.exceptions, standing("exception", EXCEPTION)]).sort(
            EXCEPTION_ORDER, nulls_last=True
        ),
        counted=pl.concat([judgement.counted, standing("coverage", COUNTED)]),
        repeated=pl.concat([judgement.repeated, standing("repeat", REPEATED, "person")]).sort(
            REPEATED_ORDER
        ),
    )
