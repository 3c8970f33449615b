"""What has happened to the findings of a run since: no letter asks for what no longer stands."""

from pathlib import Path

from flows.ledger.read import opened_ledger
from flows.letters.run import LetterRun
from flows.warehouse.sql import day, fetched
from schemas.decisions import DISMISSED, RECOVERED, RESOLVED
from schemas.results import EXCEPTION, conform

_STANDING = """
    WITH paid_since AS (
        SELECT DISTINCT l.claim_source, lower(l.payer) AS payer, l.member_id, l.claim_id
        FROM main.ledger l JOIN main.decision d USING (exception_id)
        WHERE d.action = '{recovered}' AND d.after_night >= {night})
    SELECT l.exception_id, l.outcome, l.amount_at_risk
    FROM main.ledger l
    LEFT JOIN paid_since p
      ON p.claim_source = l.claim_source AND p.payer = lower(l.payer)
     AND p.member_id = l.member_id AND p.claim_id = l.claim_id
    WHERE l.status NOT IN ('{dismissed}', '{resolved}') AND p.claim_id IS NULL"""


def no_longer_standing(run: LetterRun, warehouse: Path) -> frozenset[str]:
    """The ids of exceptions of a run that are not by now as the run published them.

    They were set aside since, money came back for their claim, or a later night found them with
    another outcome or amount, or not at all. Raises WarehouseBusy.
    """
    words = {"recovered": RECOVERED, "dismissed": DISMISSED, "resolved": RESOLVED}
    with opened_ledger(warehouse) as connection:
        found = fetched(connection, _STANDING.format(night=day(run.as_of), **words))
    same = ("exception_id", "outcome", "amount_at_risk")
    standing = conform(found, {name: EXCEPTION[name] for name in same})
    gone = run.exceptions.select(same).join(standing, on=same, how="anti", nulls_equal=True)
    return frozenset(gone["exception_id"])
