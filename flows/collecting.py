"""What law and config say of the exceptions of a run: what may still be collected, until when."""

import polars as pl

from audit_rules.engine.worklist import Worklists
from audit_rules.law.collectable import collectability
from audit_rules.law.grounds import with_grounds
from audit_rules.law.notices import answer_by
from audit_rules.rules import RULES
from flows.plan import Plan


def with_collectability(exceptions: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Exceptions with COLLECTABILITY, as of the run's date."""
    grounded = with_grounds(exceptions, RULES, plan.library)
    known = collectability(grounded, plan.law, plan.places, plan.request.as_of)
    return exceptions.with_columns(known.get_columns())


def with_answer_by(lines: Worklists, plan: Plan) -> Worklists:
    """Lines with the last day on which the provider may answer a letter of the as-of date."""
    law, places, as_of = plan.law, plan.places, plan.request.as_of
    return Worklists(
        *(some.with_columns(answer_by(some, law, places, as_of)["answer_by"]) for some in lines)
    )
