"""Which clauses bind which lines: yes, no, or unknown if the config says too little."""

from collections.abc import Sequence
from enum import Enum

import polars as pl

from audit_rules.law.clauses import GOVERNMENT, OF_GOVERNMENT, OTHER_BUSINESS, Clause
from audit_rules.law.places import Place, Places
from audit_rules.policy.terms.base import FAR_FUTURE


class Binding(Enum):
    """Whether a clause binds."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


LINE = ("payer", "plan", "claim_source")
"""What decides, besides the service date, which clauses bind a line."""
BINDING = {
    "payer": pl.String,
    "plan": pl.String,
    "claim_source": pl.String,
    "clause": pl.Int64,
    "in_force_from": pl.Date,
    "in_force_to": pl.Date,
    "is_certain": pl.Boolean,
}


def binding(lines: pl.DataFrame, clauses: Sequence[Clause], places: Places) -> pl.DataFrame:
    """One row per clause and per payer, plan and benefit that it may bind: BINDING.

    clause       its number in the list.
    is_certain   false: what the config leaves out decides whether it binds.
    """
    kinds = lines.select(LINE).unique(maintain_order=True)
    rows = [
        (*kind, number, clause.effective_from, clause.effective_to or FAR_FUTURE, answer)
        for kind in kinds.iter_rows()
        for number, clause in enumerate(clauses)
        if (answer := _may_bind(clause, kind, places)) is not None
    ]
    return pl.DataFrame(rows, schema=BINDING, orient="row")


def bound_rows(rows: pl.DataFrame, clauses: Sequence[Clause], places: Places) -> pl.DataFrame:
    """One row per row and clause in force on its service date that may bind it, with BINDING."""
    found = rows.join(binding(rows, clauses, places), on=list(LINE), how="inner", nulls_equal=True)
    day = pl.col("service_date")
    return found.filter(pl.col("in_force_from") <= day, day < pl.col("in_force_to"))


def _may_bind(clause: Clause, kind: tuple[str, str | None, str], places: Places) -> bool | None:
    """Whether it certainly binds; None: it does not."""
    payer, plan, claim_source = kind
    bound = binds(clause, payer, places.of(payer, plan), places)
    if bound is Binding.NO or claim_source not in clause.claims:
        return None
    return bound is Binding.YES


def binds(clause: Clause, payer: str, place: Place, places: Places) -> Binding:
    """Whether a clause binds a payer in a place, whatever the benefit and the date."""
    if clause.payers and places.payer_id(payer) not in map(places.payer_id, clause.payers):
        return Binding.NO
    answers = [
        _is_of_jurisdiction(clause, place.jurisdiction),
        _is_of_business(clause, place.line_of_business),
        _is_not_lifted(clause, place.line_of_business),
    ]
    if Binding.NO in answers:
        return Binding.NO
    return Binding.UNKNOWN if Binding.UNKNOWN in answers else Binding.YES


def _is_of_jurisdiction(clause: Clause, jurisdiction: str | None) -> Binding:
    if not clause.jurisdictions:
        return Binding.YES
    if jurisdiction is None:
        return Binding.UNKNOWN
    country, _, state = jurisdiction.partition("-")
    if jurisdiction in clause.jurisdictions or country in clause.jurisdictions:
        return Binding.YES
    is_of_some_state = any(j.startswith(f"{country}-") for j in clause.jurisdictions)
    return Binding.UNKNOWN if not state and is_of_some_state else Binding.NO


def _is_of_business(clause: Clause, business: str | None) -> Binding:
    if not clause.lines_of_business:
        return Binding.YES
    if business is None:
        return Binding.UNKNOWN
    return Binding.YES if business in clause.lines_of_business else Binding.NO


def _is_not_lifted(clause: Clause, business: str | None) -> Binding:
    """Whether no government program lifts it."""
    if OF_GOVERNMENT not in getattr(clause, "unless", ()):
        return Binding.YES
    if business in (None, OTHER_BUSINESS):
        return Binding.UNKNOWN
    return Binding.NO if business in GOVERNMENT else Binding.YES
