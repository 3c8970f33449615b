"""The queue: the lines of a run with what the ledger says of them now, and which are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from flows.ledger.exception_ids import SHORTEST
from flows.reports.page.figures import QUESTIONS
from flows.reports.page.filters import Filter, choices, words_of
from flows.results.totals import shown_totals, totals_as_text
from flows.review.ledger_now import LedgerNow, is_to_decide
from flows.review.published import PublishedRun
from schemas.decisions import DISMISSED, MEANINGS, STANDING
from schemas.outcomes import MEANING

PER_PAGE = 100
DECISION, TO_DECIDE, ALL = "decision", "to_decide", ""
_FINDING = ("exception_id", "rule_id", "reason", "outcome", "status", "decision")


@dataclass(frozen=True)
class Line:
    """A line of the queue.

    place      its number in the order of work, from 0.
    row        its columns of the worklist; status and outcome as they are now.
    findings   id, rule, reason, outcome, status and decision of each of its exceptions, as they are
               now, and `to_decide`: whether a person has yet to decide about it.
    words      name of each filter -> the line's words for it, apart by blanks.
    """

    place: int
    row: dict[str, Any]
    findings: tuple[dict[str, Any], ...]
    words: dict[str, str]

    @property
    def key(self) -> str:
        """The id of its leading exception, by which the app names it: no claim id is in a URL."""
        return str(self.row["exception_ids"][0])


@dataclass(frozen=True)
class Choice:
    """Which lines are shown: the word chosen of each filter, and the page of the list."""

    words: dict[str, str] = field(default_factory=lambda: {DECISION: TO_DECIDE})
    page: int = 1

    @classmethod
    def of_query(cls, query: Mapping[str, str], names: list[str]) -> "Choice":
        """The choice that a query says. One that names no decision means what is to decide."""
        words = {name: query[name] for name in names if query.get(name)}
        words[DECISION] = query.get(DECISION, TO_DECIDE)
        number = query.get("page", "")
        return cls(words, max(1, int(number)) if number.isascii() and number.isdigit() else 1)

    def query(self, page: int | None = None) -> str:
        """The query that says this choice, of this or another page; empty if it is the first."""
        said = {n: w for n, w in self.words.items() if w or n == DECISION}
        said |= {"page": str(page or self.page)} if (page or self.page) > 1 else {}
        return f"?{urlencode(said)}" if said != {DECISION: TO_DECIDE} else ""

    def has(self, line: Line) -> bool:
        """Whether a line is chosen."""
        return all(w in line.words[n].split(" ") for n, w in self.words.items() if w)


@dataclass(frozen=True)
class Queue:
    """The lines of a run in the order of work, as the ledger has them now.

    is_behind   whether a run holds the warehouse, so that this is what was read before.
    """

    run: PublishedRun
    ledger: LedgerNow
    lines: tuple[Line, ...]
    is_behind: bool = False

    @cached_property
    def by_exception(self) -> dict[str, Line]:
        """Id of each exception -> its line."""
        return {i: line for line in reversed(self.lines) for i in line.row["exception_ids"]}

    @cached_property
    def filters(self) -> list[Filter]:
        """Every filter with the words that occur."""
        every = [line.words for line in self.lines]
        of_decision = {word for words in every for word in words[DECISION].split(" ") if word}
        known = [(w, w.replace("_", " ")) for w in (TO_DECIDE, *MEANINGS) if w in of_decision]
        return [("Decision", DECISION, known), *choices(every, QUESTIONS, MEANING)]

    def chosen(self, choice: Choice) -> list[Line]:
        """The lines that are chosen, in the order of work."""
        return [line for line in self.lines if choice.has(line)]

    def with_id(self, wanted: str) -> list[Line]:
        """The lines of a claim, or with an exception whose id begins so."""
        is_long = len(wanted) >= SHORTEST
        return [
            line
            for line in self.lines
            if line.row["claim_id"] == wanted
            or (is_long and any(i.startswith(wanted.lower()) for i in line.row["exception_ids"]))
        ]

    def sums(self, lines: list[Line]) -> dict[str, Decimal]:
        """The amounts of some lines, as the run published them: those that are shown."""
        return shown_totals(totals_as_text(self.run.lines[[line.place for line in lines]]))


def make_queue(run: PublishedRun, ledger: LedgerNow, today: date) -> Queue:
    """Put together what a run found and what the ledger says."""
    found = {
        row["exception_id"]: row for row in run.exceptions.select(_FINDING).iter_rows(named=True)
    }
    lines = []
    for place, row in enumerate(run.lines.iter_rows(named=True)):
        findings, decided = [], set()
        for exception_id in row["exception_ids"]:
            known = ledger.known.get(exception_id)
            finding = found[exception_id]
            if known:
                finding = finding | {"status": known["status"], "decision": known["decision"]}
            finding = finding | {"to_decide": is_to_decide(known, today)}
            findings.append(finding)
            if finding["to_decide"]:
                decided.add(TO_DECIDE)
            if finding["decision"] in STANDING:
                decided.add(finding["decision"])
        live = [f["outcome"] for f in findings if f["status"] != DISMISSED]
        now = row | {
            "status": " ".join(sorted({f["status"] for f in findings})),
            "outcome": min(live, key=list(MEANING).index, default=None),
        }
        words = words_of(now) | {DECISION: " ".join(sorted(decided))}
        lines.append(Line(place, now, tuple(findings), words))
    return Queue(run, ledger, tuple(lines))
