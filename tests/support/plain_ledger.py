"""The exception ledger a second time, in plain Python: dictionaries instead of SQL.

It shares no code with the program. The state machine over nights compares the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

LONGEST_CHAIN = 20
_NO_VERDICT = ("recovered", "request_records")
_SETS_ASIDE = ("dismiss", "overturned")
_STRENGTH = ("recover", "records_request", "review", "advisory")
ClaimKey = tuple[str, str, str]
"""Source, payer in lower case and id of a claim."""


@dataclass(frozen=True)
class PlainException:
    """An exception as a run found it: columns of exceptions.parquet."""

    exception_id: str
    rule_id: str
    policy_id: str
    claim_source: str
    payer: str
    member_id: str
    claim_id: str
    claim_line_number: int
    outcome: str
    reason: str | None
    amount_at_risk: object

    @property
    def claim(self) -> ClaimKey:
        return self.claim_source, self.payer.lower(), self.claim_id

    @property
    def figures(self) -> tuple[object, ...]:
        return self.outcome, self.reason, self.amount_at_risk


@dataclass(frozen=True)
class Event:
    """What happened to an exception on a night; `found`: as it was last found.

    is_undone   whether only an earlier run of that night found it, before a person decided.
    """

    night: date
    status: str
    first_seen: date
    found: PlainException
    continues: str | None = None
    is_undone: bool = False


@dataclass(frozen=True)
class PlainDecision:
    """A decision of a person; `about`: what the exception said then."""

    after_night: date
    exception_id: str
    action: str
    until: date | None
    about: tuple[object, ...]


@dataclass
class PlainLedger:
    """Events by night, and decisions in their order. `nights`: the as-of dates with an entry."""

    nights: dict[date, dict[str, Event]] = field(default_factory=dict)
    decisions: list[PlainDecision] = field(default_factory=list)

    @property
    def last_night(self) -> date | None:
        return max(self.nights, default=None)

    def run(
        self, night: date, found: Iterable[PlainException], originals: Mapping[ClaimKey, set[str]]
    ) -> dict[str, Event]:
        """The events of a run; recorded, with those undone, unless there is a later night.

        originals   the ids that each known claim names as its original.
        """
        now = {x.exception_id: x for x in found}
        before = self._last_events(night)
        events = {
            i: Event(night, "resolved", b.first_seen, b.found, b.continues)
            for i, b in before.items()
            if b.status != "resolved" and i not in now
        }
        for i, x in now.items():
            b = before.get(i)
            continues = None if b else _continued(x, before, now, originals)
            status = self._status(x, b, continues, night)
            if status:
                earlier = b or (before[continues] if continues else None)
                first = earlier.first_seen if earlier else night
                continues = continues or (b.continues if b else None)
                events[i] = Event(night, status, first, x, continues)
        if self.last_night is None or night >= self.last_night:
            decided = {d.exception_id for d in self.decisions}
            undone = {
                i: replace(event, status="resolved", is_undone=True)
                for i, event in self.nights.get(night, {}).items()
                if i in decided and i not in before and i not in now
            }
            self.nights[night] = events | undone
        return events

    def statuses(self) -> dict[str, tuple[str, date, date]]:
        """Exception id -> status, first and last as-of date seen, as the view `ledger` shows it."""
        last = self.last_night
        if last is None:
            return {}
        shown = {}
        for i, event in self._last_events(date.max).items():
            seen = last
            if event.is_undone:
                seen = event.night
            elif event.status == "resolved":
                seen = max(n for n in self.nights if n < event.night)
            shown[i] = (self._shown(event, last), event.first_seen, seen)
        return shown

    def decide(self, exception_ids: Iterable[str], action: str, until: date | None) -> None:
        assert self.last_night is not None
        known = self._last_events(date.max)
        self.decisions += [
            PlainDecision(self.last_night, i, action, until, known[i].found.figures)
            for i in exception_ids
        ]

    def forget(self, night: date) -> None:
        self.nights.pop(night, None)
        self.decisions = [d for d in self.decisions if d.after_night != night]

    def purge(self, members: set[str]) -> None:
        gone = {
            i
            for events in self.nights.values()
            for i, event in events.items()
            if event.found.member_id in members
        }
        self.nights = {
            night: {i: e for i, e in events.items() if e.found.member_id not in members}
            for night, events in self.nights.items()
        }
        self.decisions = [d for d in self.decisions if d.exception_id not in gone]

    def _last_events(self, before: date) -> dict[str, Event]:
        last: dict[str, Event] = {}
        for night in sorted(self.nights):
            if night < before:
                last |= self.nights[night]
        return last

    def _verdict(self, exception_id: str, before: date) -> PlainDecision | None:
        """The last decision that says whether it is set aside; what is taken back is none."""
        made = [
            d for d in self.decisions if d.exception_id == exception_id and d.after_night < before
        ]
        verdict, last = None, None
        for decision in made:
            is_other = decision.action in _NO_VERDICT
            takes_other_back = decision.action == "reopen" and last in _NO_VERDICT
            if not is_other and not takes_other_back:
                verdict = decision
            last = decision.action
        return verdict

    def _status(
        self, x: PlainException, before: Event | None, continues: str | None, night: date
    ) -> str | None:
        """What happened to an exception that was found; None if it is as it was."""
        if before is None:
            return "changed" if continues else "new"
        moved = x.figures != before.found.figures
        if _is_aside(self._verdict(x.exception_id, night), x.figures, night):
            return "dismissed" if before.status != "dismissed" or moved else None
        if before.status == "resolved":
            return "reopened"
        if moved:
            return "changed"
        return "reopened" if before.status == "dismissed" else None

    def _shown(self, event: Event, last_night: date) -> str:
        verdict = self._verdict(event.found.exception_id, date.max)
        if event.status == "resolved":
            return "resolved"
        if verdict and verdict.after_night >= last_night:
            if _is_aside(verdict, event.found.figures, last_night):
                return "dismissed"
            if event.status == "dismissed" and verdict.action not in _SETS_ASIDE:
                return "reopened"
        return event.status if event.status == "dismissed" or event.night == last_night else "open"


def _is_aside(verdict: PlainDecision | None, figures: tuple[object, ...], night: date) -> bool:
    """Whether a verdict sets aside what an exception says on a night: no more than it was about."""
    if verdict is None or verdict.action not in _SETS_ASIDE:
        return False
    (outcome, *rest), (outcome_then, *rest_then) = figures, verdict.about
    is_stronger = _STRENGTH.index(str(outcome)) < _STRENGTH.index(str(outcome_then))
    return rest == rest_then and not is_stronger and (verdict.until or night) >= night


def _continued(
    x: PlainException,
    before: Mapping[str, Event],
    now: Mapping[str, PlainException],
    originals: Mapping[ClaimKey, set[str]],
) -> str | None:
    """The exception of a replaced claim that a new exception continues: the nearest one."""
    claims = {x.claim}
    for _ in range(LONGEST_CHAIN):
        claims = {
            (source, payer, original)
            for source, payer, claim_id in claims
            for original in originals.get((source, payer, claim_id), ())
            if original != claim_id
        }
        same = sorted(
            i
            for i, event in before.items()
            if event.found.claim in claims
            and i not in now
            and (event.found.claim_line_number, event.found.rule_id, event.found.policy_id)
            == (x.claim_line_number, x.rule_id, x.policy_id)
        )
        if same:
            return same[0]
        if not claims:
            break
    return None
