"""What law and config say of the exceptions of a run: what may still be collected, until when."""

from collections.abc import Mapping
from typing import Any

import duckdb
import polars as pl

from audit_rules.engine.worklist import NO_FEES, Worklists
from audit_rules.law.collectable import collectability
from audit_rules.law.fees import lines_without_fee
from audit_rules.law.grounds import with_grounds
from audit_rules.law.library import LawLibrary
from audit_rules.law.notices import answer_by
from audit_rules.rules import CATALOGUE
from flows.errors import UsageError
from flows.plan import Plan
from flows.settle.claims import SETTLED
from schemas.results import BARRED_FEE, conform


def with_collectability(exceptions: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Exceptions with COLLECTABILITY, as of the run's date."""
    grounded = with_grounds(exceptions, CATALOGUE, plan.library)
    known = collectability(grounded, plan.law, plan.places, plan.request.as_of)
    return exceptions.with_columns(known.get_columns())


def barred_fees(
    connection: duckdb.DuckDBPyConnection, exceptions: pl.DataFrame, plan: Plan
) -> pl.DataFrame:
    """The known fee of each line that law bars from being asked for: BARRED_FEE."""
    barred = lines_without_fee(exceptions, plan.law, plan.places)
    if barred.is_empty():
        return NO_FEES
    connection.register("barred", barred)
    fees = connection.sql(
        f"""SELECT b.*, s.netted_fee AS barred_fee
            FROM {SETTLED["pharmacy_claim"]} s JOIN barred b
              ON b.payer = s.payer AND b.member_id = s.member_id AND b.person_id = s.person
             AND b.claim_id = s.claim_id AND b.claim_line_number = s.claim_line_number
            WHERE s.is_paid_history AND s.netted_fee > 0"""
    ).pl()
    connection.unregister("barred")
    return conform(fees, BARRED_FEE)


def with_answer_by(lines: Worklists, plan: Plan) -> Worklists:
    """Lines with the last day on which the provider may answer a letter of the as-of date."""
    law, places, as_of = plan.law, plan.places, plan.request.as_of
    return Worklists(
        *(some.with_columns(answer_by(some, law, places, as_of)["answer_by"]) for some in lines)
    )


def refuse_other_law(manifest: Mapping[str, Any], law: LawLibrary) -> None:
    """Raise UsageError unless the law files are those of the run with this manifest."""
    then = {name: file["sha256"] for name, file in manifest.get("law", {}).items()}
    if then != {file.law.id: file.sha256 for file in law.laws}:
        raise UsageError(
            "The law files are not those of the run. Give its folder with --law, or run again."
        )
