"""Record people's decisions about exceptions. Decisions are added and never changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from flows import ending
from flows.clock import now, today
from flows.errors import UsageError
from flows.ledger.exception_ids import ExceptionIds
from flows.ledger.money_back import IS_TAKEN_BACK, too_much_back
from flows.ledger.seen import Seen, refuse_unless_seen
from flows.ledger.written_decisions import Decision
from flows.process import system_user
from flows.warehouse.connection import refuse_missing
from flows.warehouse.decision_chain import ABOUT, append
from flows.warehouse.journal import DECISION, differences, seal, subject
from flows.warehouse.layout import create_ledger_view
from flows.warehouse.lock import hold
from flows.warehouse.upgrade import opened_up_to_date
from schemas.decisions import (
    DISMISSED,
    MAY_END,
    MEANINGS,
    NEED_REASON,
    RECOVERED,
    REQUEST_RECORDS,
)

_MOST_PROBLEMS = 20
_SAID = ("action", "amount", "reason", "decided_by", "decided_on", "until")
"""The columns of a decision that are its content."""
_About = Mapping[str, Sequence[object]]
"""Exception id -> the columns ABOUT of a decision about it."""


class DecisionCounts(NamedTuple):
    """How many decisions were recorded, and how many the ledger had already.

    by_action   action -> how many were recorded.
    in_vain     requests for records among them about what is set aside and stays so.
    """

    decisions: int
    known: int
    by_action: dict[str, int]
    in_vain: int


def decide(
    warehouse: Path,
    decisions: Iterable[Decision],
    action: str | None = None,
    by: str | None = None,
    until: date | None = None,
    problems: Sequence[str] = (),
    seen: Seen | None = None,
) -> DecisionCounts:
    """Record decisions about exceptions, as the next run will show: all of them or none.

    action, by, until   what holds for decisions that leave it out.
    problems            what is wrong with them already, reported with what is found here.
    seen                what whoever decides has seen of the ledger, if it must not say more by now.

    Raises UsageError with a sentence for each that cannot be recorded, Unseen, and
    WarehouseBusy if a run holds the warehouse.
    """
    refuse_missing(warehouse)
    for_all = {"action": action, "decided_by": by, "until": until, "decided_on": today()}
    wanted = [filled(decision, for_all) for decision in decisions]
    found = [*problems, *(p for decision in wanted for p in _wrong(decision))]
    if not wanted:
        _refuse(
            found
            or ["No exception is named. Give exception ids, or a CSV with a column exception_id."]
        )
    with hold(warehouse), opened_up_to_date(warehouse) as connection:
        if seen is not None:
            refuse_unless_seen(connection, seen)
        wanted = _resolved(connection, wanted, found)
        wanted = _one_each(wanted, found)
        about = _about(connection, [decision.exception_id for decision in wanted])
        new = _new(connection, wanted, about)
        found += too_much_back(connection, new)
        _refuse(found)
        _record(connection, new, about)
        in_vain = _in_vain(connection, new)
    by_action = Counter(str(decision.action) for decision in new)
    known = len(wanted) - len(new)
    return DecisionCounts(len(new), known, dict(sorted(by_action.items())), in_vain)


def filled(decision: Decision, for_all: Mapping[str, Any]) -> Decision:
    """A decision with what it leaves out taken from what is said once for all; texts trimmed."""
    said = {name: getattr(decision, name) for name in _SAID}
    said = {n: for_all.get(n) if value is None else value for n, value in said.items()}
    texts = {name: (said[name] or "").strip() or None for name in ("reason", "decided_by")}
    return replace(decision, **said | texts)


def _wrong(decision: Decision) -> Iterator[str]:
    """A sentence for each thing that a decision lacks, or says too much."""
    action, place = decision.action, f"{decision.place}: " if decision.place else ""
    if action is None:
        yield f"{place}no action. Give one of {', '.join(MEANINGS)}."
        return
    if decision.decided_by is None:
        yield f"{place}it is not said who decides. Give --by, or decided_by in a CSV."
    if decision.reason is None and action in NEED_REASON:
        yield f"{place}{action} without a reason. Give --reason, or a reason in the row."
    if decision.amount is None and action == RECOVERED:
        yield f"{place}{RECOVERED} without an amount. Say how much came back."
    if decision.amount is not None and action != RECOVERED:
        yield f"{place}an amount with {action}. Only {RECOVERED} has one: correct the row."
    if decision.decided_on and decision.decided_on > today():
        yield f"{place}it was decided on a day after today. Correct the day."
    if decision.until and action not in MAY_END:
        yield f"{place}{action} has no last day. Only {' and '.join(MAY_END)} may have `until`."
    if decision.until and decision.until < today():
        yield f"{place}`until` is in the past. Give the last day on which the decision holds."


def _resolved(
    connection: duckdb.DuckDBPyConnection, decisions: list[Decision], problems: list[str]
) -> list[Decision]:
    """The decisions with whole ids; those whose exception is not found are problems."""
    rows = connection.execute("SELECT DISTINCT exception_id FROM main.ledger_event").fetchall()
    ids = ExceptionIds((row[0] for row in rows), "the ledger")
    resolved = []
    for decision in decisions:
        exception_id, why_not = ids.find(decision.exception_id)
        if exception_id:
            resolved.append(replace(decision, exception_id=exception_id))
        else:
            place = f"{decision.place}: " if decision.place else ""
            sentence = why_not if place else f"{why_not[0].upper()}{why_not[1:]}"
            problems.append(f"{place}{sentence}")
    return resolved


def _one_each(decisions: list[Decision], problems: list[str]) -> list[Decision]:
    """The decisions, each exception once; those that differ on one exception are problems."""
    firsts: dict[str, Decision] = {}
    for decision in decisions:
        first = firsts.setdefault(decision.exception_id, decision)
        if first is decision:
            continue
        both = " and ".join(d.place for d in (first, decision) if d.place) or "Two decisions"
        if _said(first) != _said(decision):
            problems.append(
                f"{both}: two decisions on one exception that differ. Keep one of them."
            )
        elif decision.action == RECOVERED:
            problems.append(
                f"{both}: the same sum twice for one exception. Keep one, or add them up."
            )
    return list(firsts.values())


def _said(decision: Decision) -> tuple[object, ...]:
    return tuple(getattr(decision, name) for name in _SAID)


def _new(
    connection: duckdb.DuckDBPyConnection, decisions: list[Decision], about: _About
) -> list[Decision]:
    """The decisions that the ledger lacks, so that a list which is given twice counts once.

    It has one if that is the latest on its exception since the last night, and about what it says
    now. Money that came back is known if the same was said of it at any time.
    """
    rows = connection.execute(
        f"""SELECT exception_id,
                   after_night IS NOT DISTINCT FROM (SELECT max(as_of) FROM main.night),
                   {", ".join((*ABOUT, *_SAID))}, {IS_TAKEN_BACK}
            FROM main.decision ORDER BY decision_no"""
    ).fetchall()
    said = 2 + len(ABOUT)
    money = {(row[0], *row[said:-1]) for row in rows if row[said] == RECOVERED and not row[-1]}
    latest = {row[0]: row[1:-1] for row in rows}
    return [
        d
        for d in decisions
        if (d.exception_id, *_said(d)) not in money
        and latest.get(d.exception_id) != (True, *about.get(d.exception_id, ()), *_said(d))
    ]


def _refuse(problems: list[str]) -> None:
    """Raise UsageError if there is a problem, with every sentence that fits a screen."""
    if not problems:
        return
    shown = problems[:_MOST_PROBLEMS]
    more = len(problems) - len(shown)
    rest = [f"And {more} more of such problems."] if more else []
    raise UsageError("\n".join([*shown, *rest, "Nothing was recorded."]))


def _record(
    connection: duckdb.DuckDBPyConnection, decisions: list[Decision], about: _About
) -> None:
    """Add the decisions to the chain and seal them, in one transaction."""
    if not decisions:
        return
    last = connection.execute("SELECT max(as_of) FROM main.night").fetchall()[0][0]
    made = {"after_night": last, "decided_at": now(), "system_user": system_user()}
    columns = ("exception_id", *ABOUT, *_SAID)
    rows = [
        dict(zip(columns, (d.exception_id, *about[d.exception_id], *_said(d)), strict=True)) | made
        for d in decisions
    ]
    connection.execute("BEGIN")
    first = append(connection, rows)
    numbers = range(first, first + len(rows))
    seal(connection, "decide", [subject(DECISION, number) for number in numbers])
    ending.commits()
    connection.execute("COMMIT")


def _about(connection: duckdb.DuckDBPyConnection, exception_ids: list[str]) -> _About:
    """What each exception says now: a decision is about that, whatever a later run finds."""
    rows = connection.execute(
        """SELECT exception_id, outcome, reason, amount_at_risk FROM main.ledger_event
           WHERE exception_id IN (SELECT unnest(?::VARCHAR[]))
           QUALIFY row_number() OVER (PARTITION BY exception_id ORDER BY night DESC) = 1""",
        [exception_ids],
    ).fetchall()
    return {exception_id: said for exception_id, *said in rows}


def _in_vain(connection: duckdb.DuckDBPyConnection, decisions: list[Decision]) -> int:
    """How many requests for records are about an exception that is set aside."""
    requests = [d.exception_id for d in decisions if d.action == REQUEST_RECORDS]
    if not requests:
        return 0
    create_ledger_view(connection)
    count: int
    ((count,),) = connection.execute(
        "SELECT count(*) FROM main.ledger WHERE status = ? AND list_contains(?, exception_id)",
        [DISMISSED, requests],
    ).fetchall()
    return count


def warn_of_foreign_decisions(
    connection: duckdb.DuckDBPyConnection, warehouse: Path
) -> tuple[str, ...]:
    """What the user of a run must know if another program wrote decisions into its warehouse."""
    if not warehouse.exists():
        return ()
    found = differences(connection, "kept.main", [DECISION])
    foreign = [*found.changed, *found.added, *found.removed]
    if not foreign:
        return ()
    return (
        f"Decisions in the warehouse that are not as they were made: {len(foreign)}. Another "
        "program changed, added or removed them; claims-audit verify --ledger says which.",
    )
