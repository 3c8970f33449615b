"""What a claim row is if it is looked at alone."""

from datetime import date

from flows.warehouse.sql import day


def plain_fate(as_of: date) -> str:
    """SQL of the fate of a claim row `t` that no other row changes: the one place that says so."""
    return (
        f"CASE WHEN t.service_date > {day(as_of)} THEN 'after_as_of' "
        "WHEN t.claim_status = 'denied' THEN 'denied' ELSE 'history' END"
    )
