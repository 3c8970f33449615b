"""Tonight's answers, put together with those of the remembered night that still stand."""

from dataclasses import replace

import polars as pl

from audit_rules.judge import COUNTED, EXCEPTION_ORDER, Judgement
from flows.warehouse import Workbench, left, opened
from schemas.results import EXCEPTION, conform


def with_standing(bench: Workbench, judgement: Judgement) -> Judgement:
    """The judgement of everybody, from that of the touched persons; what was found tonight is left for the next night."""
    with opened(bench) as connection:
        left(connection, "judged_exception", judgement.exceptions)
        left(connection, "judged_coverage", judgement.counted)
        (builds,) = connection.execute("SELECT on_answers FROM run.builds_on").fetchall()[0]
        if not builds:
            return judgement
        untouched = "WHERE person_id NOT IN (SELECT person FROM run.touched_person)"
        exceptions = connection.sql(f"FROM kept.main.judged_exception {untouched}").pl()
        counted = connection.sql(f"FROM kept.main.judged_coverage {untouched}").pl()
    every = pl.concat([judgement.exceptions, conform(exceptions, EXCEPTION)]).sort(EXCEPTION_ORDER, nulls_last=True)
    return replace(judgement, exceptions=every, counted=pl.concat([judgement.counted, conform(counted, COUNTED)]))
