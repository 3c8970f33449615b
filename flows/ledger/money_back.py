"""Money that came back for a line: when a sum counts no more, and when it is too much."""

from collections import defaultdict
from collections.abc import Iterator

import duckdb

from flows.ledger.written_decisions import Decision
from schemas.decisions import RECOVERED, REOPEN

IS_TAKEN_BACK = f"""
    coalesce(lead(action) OVER (PARTITION BY exception_id ORDER BY decision_no) = '{REOPEN}',
             false)"""
"""SQL: whether the next decision on the exception takes this one back."""

_LINE_OF = f"""
    WITH last_event AS (
        FROM main.ledger_event
        QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1),
    line AS (
        SELECT exception_id, claim_source, lower(payer) AS payer, member_id, claim_id,
               claim_line_number, paid_amount
        FROM last_event WHERE exception_id IN (SELECT unnest($exception_ids::VARCHAR[])))
    SELECT l.exception_id,
           CAST(to_json({{'s': l.claim_source, 'p': l.payer, 'm': l.member_id, 'c': l.claim_id,
                          'n': l.claim_line_number}}) AS VARCHAR),
           any_value(l.paid_amount),
           coalesce(sum(d.amount), 0)
    FROM line l
    LEFT JOIN last_event e
      ON e.claim_source = l.claim_source AND lower(e.payer) = l.payer
     AND e.member_id = l.member_id AND e.claim_id = l.claim_id
     AND e.claim_line_number = l.claim_line_number
    LEFT JOIN (SELECT exception_id, action, amount, {IS_TAKEN_BACK} AS is_back
               FROM main.decision) d
      ON d.exception_id = e.exception_id AND d.action = '{RECOVERED}' AND NOT d.is_back
    GROUP BY ALL"""
"""Exceptions with their line, what was paid for it, and what came back for all its exceptions."""


def too_much_back(
    connection: duckdb.DuckDBPyConnection, decisions: list[Decision]
) -> Iterator[str]:
    """A sentence for each line of which more came back than was paid, over all its exceptions."""
    back: dict[str, list[Decision]] = defaultdict(list)
    recovered = [decision for decision in decisions if decision.action == RECOVERED]
    rows = connection.execute(
        _LINE_OF, {"exception_ids": [decision.exception_id for decision in recovered]}
    ).fetchall()
    line_of = {exception_id: line for exception_id, line, *_ in rows}
    of_line = {line: (paid, before) for _, line, paid, before in rows}
    for decision in recovered:
        back[line_of[decision.exception_id]].append(decision)
    for line, made in back.items():
        paid, before = of_line[line]
        new = [d.amount for d in made if d.amount is not None]
        if paid is not None and sum(new, before) > paid:
            places = ", ".join(d.place for d in made if d.place)
            earlier = ", with what came back before," if before else ""
            yield (
                f"{places}: " if places else ""
            ) + f"more came back{earlier} than was paid for the line. Correct the amount."
