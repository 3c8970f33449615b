"""A state machine over nights: random operations on one warehouse, each followed by a plain model.

Several senders share a warehouse: each is a seed of its own, and their members never meet.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from audit_rules.errors import AuditError
from flows.errors import TooManyBadRows
from flows.ledger.decisions import decide
from flows.ledger.written_decisions import Decision
from flows.verify.verify import Evidence, verify
from flows.warehouse.forget import forget_night
from flows.warehouse.purge import purge
from schemas.decisions import DISMISS, REOPEN, REQUEST_RECORDS
from schemas.tables import CLAIM_TABLES
from tests.support.asked_again import check_questions
from tests.support.extracts import Row, good
from tests.support.night_model import Model
from tests.support.night_operations import Decide, Extract, Operation, Place, Purge, Run
from tests.support.nights import content, members, published, purged_files, remove_failed_checks
from tests.support.senders import Sender

FIRST = date(2026, 1, 15)
_ASKED_EVERY = 4
"""After every so many runs, questions are asked about the warehouse."""
_LATER = timedelta(days=40)
_BEFORE_ANY = FIRST - timedelta(days=60)
_OF_ONE_RUN = (
    *("changes.parquet", "manifest.json"),
    *("exceptions.parquet", "exceptions.csv", "worklist.parquet", "advisories.parquet"),
)
"""What says what the ledger knows."""


@dataclass
class Machine:
    """A warehouse, its model, and the operations that still count.

    results, of_id      the published bytes of each run by its number, and of each run id.
    first               the run that made the warehouse.
    sent                every file that was ever delivered, and may come again.
    log                 what was done, for finding a defect.
    ledger_waited       whether an earlier night was run before the last one was forgotten: the
                        ledger does not catch up with it, so that a rebuilt one differs.
    is_rebuildable      whether forgotten nights are as if they had never been: no purge came
                        between one and its being forgotten (it would remove others in a rebuilt
                        warehouse), and none has read known files again (they stay so).
    """

    place: Place
    chance: random.Random
    senders: list[Sender]
    model: Model = field(default_factory=Model)
    history: list[Operation] = field(default_factory=list)
    results: dict[int, dict[str, bytes]] = field(default_factory=dict)
    of_id: dict[str, dict[str, bytes]] = field(default_factory=dict)
    first: Run | None = None
    sent: list[Extract] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    runs: int = 0
    ledger_waited: bool = False
    is_rebuildable: bool = True

    @classmethod
    def of(cls, base: Path, seeds: list[int]) -> "Machine":
        """The machine of some seeds; the first also chooses the operations."""
        place = Place(base / "nights")
        place.base.mkdir()
        place.prepare()
        return cls(place, random.Random(seeds[0]), [Sender(seed) for seed in seeds])

    def play(self, operations: int) -> None:
        """Do random operations, then rebuild the warehouse from scratch."""
        self.forward()
        kinds, weights = zip(*_OPERATIONS, strict=True)
        for kind in self.chance.choices(kinds, weights, k=operations):
            kind(self)
        self.model.check_warehouse(self.place.warehouse)
        assert verify(Evidence(warehouse=self.place.warehouse)).failed == []
        if self.is_rebuildable:
            self.rebuild()

    # ---------------------------------------------------------------- runs

    def forward(self) -> None:
        """A run of a later night, or of the last one again."""
        last = self.model.last_night or FIRST
        self._run(last + timedelta(days=self.chance.choice((0, 1, 1, 2, 10, 40))))

    def back(self) -> None:
        """A run of an earlier night, or of a date between nights or before all of them."""
        known = sorted({*self.model.ledger.nights, _BEFORE_ANY})
        day = self.chance.choice(known) + timedelta(days=self.chance.choice((0, 0, 3)))
        self._run(min(day, self.model.last_night or day))

    def repeat(self) -> None:
        """The last run again, which must give the same results, unless more than it was undone."""
        last = next((op for op in reversed(self.history) if isinstance(op, Run)), None)
        if last is None or last is not self.history[-1] or not self.is_rebuildable:
            return
        before = self.results[last.number]
        whole, in_lake = (self.chance.random() < 0.5 for _ in range(2))
        run = self._do(replace(last, whole=whole, in_lake=in_lake))
        assert self.results[run.number] == before, "the same run again gives the same bytes"

    def _run(self, as_of: date) -> None:
        chance, landing = self.chance, tuple(self._landing(as_of))
        given = landing if landing or chance.random() < 0.5 else None
        config = chance.choice(("plain", "plain", "plain", "aliased", "dated"))
        other, whole = chance.random() < 0.15, chance.random() < 0.15
        in_lake = chance.random() < 0.4
        self._do(Run(self.runs, as_of, given, config, other, whole, in_lake))

    def _landing(self, today: date) -> list[Extract]:
        """New files, and perhaps some that were given before."""
        rows: dict[str, list[Row]] = {}
        is_quiet = self.chance.random() < 0.25  # a date without new files may see all there are
        for sender in self.senders:
            if not self.sent or (self.chance.random() < 0.7 and not is_quiet):
                for table, row in sender.delivery(today):
                    rows.setdefault(table, []).append(row)
        new = [
            Extract(f"{table}_{self.chance.randrange(90)}_{self.runs}.csv", table, tuple(of_table))
            for table, of_table in rows.items()
        ]
        again = self.chance.sample(self.sent, min(len(self.sent), self.chance.choice((0, 1, 2, 3))))
        self.sent += new
        other_names = (f"{e.table}_again_{self.runs}_{n}.csv" for n, e in enumerate(again))
        renamed = zip(again, other_names, strict=True)
        again = [replace(e, name=n) if self.chance.random() < 0.3 else e for e, n in renamed]
        return [*new, *again]

    def _do(self, run: Run) -> Run:
        run = replace(run, number=self.runs)
        self.first = self.first or run
        self.runs += 1
        files = len(run.landing or ())
        where = "in the lake" if run.in_lake else "in the warehouse"
        self.log.append(f"{run.as_of} run {run.number} {run.config}, {files} files {where}")
        summary = self.place.run(run)
        self.model.check(run, summary)
        self.model.check_warehouse(self.place.warehouse)
        if self.chance.random() < 0.2:
            evidence = Evidence(run=summary.folder, warehouse=self.place.warehouse)
            assert verify(evidence).failed == [] or run.other_policies
        if run.number % _ASKED_EVERY == 0:
            last = self.model.last_night or run.as_of
            check_questions(self.place.request(run), (last, last + _LATER))
        self.results[run.number] = found = published(summary.folder)
        assert self.of_id.setdefault(summary.run_id, found) == found, "an id names its bytes"
        self.history.append(run)
        return run

    # ---------------------------------------------------------------- what persons do between

    def decide(self) -> None:
        """Decide about some exceptions, but overturn none: that would demote terms."""
        known = sorted(self.model.ledger.statuses())
        last = self.model.ledger.last_night
        if not known or last is None:
            return
        ids = tuple(self.chance.sample(known, 1 + len(known) // 3))
        action = self.chance.choice((DISMISS, DISMISS, REOPEN, REQUEST_RECORDS))
        until = last + timedelta(days=self.chance.choice((0, 1, 5, 30)))
        chosen = self.chance.choice((None, until))
        decided = Decide(last, ids, action, chosen if action == DISMISS else None)
        decided.do(self.place)
        self.model.ledger.decide(ids, action, decided.until)
        self.history.append(decided)
        self.log.append(f"{last} {action} {len(ids)}")
        self.model.check_warehouse(self.place.warehouse)

    def purge(self) -> None:
        """Purge; what it removes must be old."""
        last = self.model.ledger.last_night
        if last is None:
            return
        purged = Purge(last - timedelta(days=self.chance.choice((0, 30, 100, 400))))
        self._unchanged(lambda: purge(self.place.warehouse, purged.before, dry_run=True))
        before = members(self.place.warehouse)
        purged.do(self.place)
        gone = before - members(self.place.warehouse)
        self.model.purge(purged.before, gone, purged_files(self.place.warehouse))
        self.history.append(purged)
        self.log.append(f"{last} purge before {purged.before}: {len(gone)}")
        self.model.check_warehouse(self.place.warehouse)

    def forget(self) -> None:
        """Forget the last night."""
        last = self.model.last_night
        if last is None:
            return
        self._unchanged(lambda: forget_night(self.place.warehouse, last))
        forget_night(self.place.warehouse, last, dry_run=False)
        self._drop(last)
        self.log.append(f"{last} forgotten")
        self.model.check_warehouse(self.place.warehouse)

    def _drop(self, day: date) -> None:
        """Drop from the history whatever a forgotten night and the decisions after it did."""
        starts = [i for i, op in enumerate(self.history) if _is_of(op, day)]
        since = [op for op in self.history[min(starts, default=0) :] if not _is_of(op, day)]
        self.ledger_waited |= bool(since)
        self.is_rebuildable &= day not in self.model.read_again
        self.is_rebuildable &= not any(isinstance(op, Purge) for op in since)
        self.history = [op for op in self.history if not _is_of(op, day)]
        self.model.forget(day)

    # ---------------------------------------------------------------- what must change nothing

    def fail(self) -> None:
        """Something that is refused, or breaks."""
        last = self.model.last_night
        if last is None:
            return
        bad = tuple(good("pharmacy_claim", claim_id=f"x{n}", quantity="many") for n in range(2))
        refused = Extract("pharmacy_claim_x.csv", "pharmacy_claim", bad)
        unknown = Extract("claims.csv", "pharmacy_claim", (good("pharmacy_claim"),))
        of_next, number = last + timedelta(days=1), self.runs
        self.runs += 1
        failing: list[Callable[[], object]] = [
            lambda: self.place.run(Run(number, of_next, (refused,), "strict")),
            lambda: self.place.run(Run(number, of_next, (unknown,))),
            lambda: self.place.run(Run(number, date(2100, 1, 1), ())),
            lambda: purge(self.place.warehouse, of_next),
            lambda: forget_night(self.place.warehouse, of_next, dry_run=False),
            lambda: decide(self.place.warehouse, [Decision("0" * 32, "x")], DISMISS, "me"),
            lambda: self._broken(number, of_next),
        ]

        def fails() -> None:
            with pytest.raises((AuditError, OSError)) as failed:
                self.chance.choice(failing)()
            if failed.type is TooManyBadRows:  # which leaves the rows, to be looked at
                remove_failed_checks(self.place.base / "out")

        self._unchanged(fails)
        self.log.append("failed")

    def _broken(self, number: int, as_of: date) -> None:
        """A run in which a late step breaks."""
        late = ("write_manifest", "make_private", "keep")
        step = self.chance.choice(
            ("stages.judge_parts", *(f"report_steps.{name}" for name in late))
        )

        def broken(*_given: object) -> None:
            raise OSError("broken on purpose")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"flows.{step}", broken)
            in_lake = self.chance.random() < 0.5
            self.place.run(Run(number, as_of, tuple(self._landing(as_of)), in_lake=in_lake))

    def _unchanged(self, work: Callable[[], object]) -> None:
        before = content(self.place.warehouse), published(self.place.base / "out")
        work()
        assert content(self.place.warehouse) == before[0], "the warehouse is as it was"
        assert published(self.place.base / "out") == before[1], "what is published stays"

    # ---------------------------------------------------------------- from scratch

    def rebuild(self) -> None:
        """Do everything that counts once more from scratch, looking at everyone each time."""
        fresh = Place(self.place.base.parent / "rebuilt")
        fresh.base.mkdir()
        fresh.prepare()
        if self.first and not _has_claims(self.history):  # no warehouse begins with such a night
            fresh.run(self.first)
            forget_night(fresh.warehouse, self.first.as_of, dry_run=False)
        for operation in self.history:
            if not isinstance(operation, Run):
                operation.do(fresh)
                continue
            other = replace(operation, whole=True, in_lake=not operation.in_lake)
            again = published(fresh.run(other).folder)
            before = self.results[operation.number]
            for name in before.keys() | again.keys():
                if not (self.ledger_waited and name in _OF_ONE_RUN):
                    assert again.get(name) == before.get(name), f"{name} of run {operation.number}"


_OPERATIONS: tuple[tuple[Callable[[Machine], None], int], ...] = (
    (Machine.forward, 7),
    (Machine.back, 6),
    (Machine.repeat, 2),
    (Machine.decide, 4),
    (Machine.purge, 1),
    (Machine.forget, 1),
    (Machine.fail, 2),
)


def _has_claims(history: list[Operation]) -> bool:
    """Whether the first run brings a claim table, without which no warehouse is made."""
    first = next((op for op in history if isinstance(op, Run)), None)
    return first is None or any(e.table in CLAIM_TABLES for e in first.landing or ())


def _is_of(operation: Operation, day: date) -> bool:
    match operation:
        case Run(as_of=night) | Decide(after_night=night):
            return night == day
    return False
