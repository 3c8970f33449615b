"""What the app works with: the results of the last run and the ledger, read when they changed.

The warehouse is opened for each look and closed at once, by one thread at a time, and never while
a run holds it: so a night can run while the app is up.
"""

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from audit_rules.policy.library import load_policies
from flows.clock import today
from flows.errors import WarehouseBusy
from flows.intake.config import read_config
from flows.ledger.decisions import DecisionCounts, decide
from flows.ledger.seen import Seen
from flows.ledger.written_decisions import Decision
from flows.plan import payer_names
from flows.replay.explain import explain
from flows.replay.explain_text import RowText, row_text
from flows.request import RunRequest
from flows.review.ledger_now import read_ledger_now
from flows.review.published import PublishedRun, folder_of, read_published_run
from flows.review.queue import Line, Queue, make_queue
from flows.warehouse.connection import refuse_missing
from flows.warehouse.files import log_of, real_path
from flows.warehouse.lock import is_held


class Desk:
    """A warehouse, and the results of a run on it.

    run       the folder of a run; None for that of the last night, wherever it is then.
    options   config, policies, law and NDC directory, for explanations and names of payers.
    """

    def __init__(self, warehouse: Path, run: Path | None, options: dict[str, Any]) -> None:
        """Look at the warehouse for the first time. Raises AuditError if that cannot be done."""
        self.warehouse = warehouse
        self._run = run
        self._options = options
        library, config = load_policies(options.get("policies")), read_config(options.get("config"))
        self._payer_names = payer_names(library, config)
        self._alone = threading.Lock()
        self._published: PublishedRun | None = None
        self._last: tuple[object, Queue] | None = None
        self._explained: tuple[object, list[RowText]] | None = None
        refuse_missing(warehouse)
        self.queue()

    def queue(self) -> Queue:
        """The queue as it is now, or as it was before a run took hold of the warehouse.

        Raises WarehouseBusy if it was never read, and what reading it raises.
        """
        known = self._last
        if known and known[0] == self._state():
            return known[1]  # without waiting for an explanation, which takes long
        with self._alone:
            state = self._state()
            if self._last and self._last[0] == state:
                return self._last[1]
            try:
                if is_held(self.warehouse):
                    raise _busy(self.warehouse)
                ledger = read_ledger_now(self.warehouse)
                queue = make_queue(self._published_run(ledger.run_id), ledger, today())
            except WarehouseBusy:
                if self._last is None:
                    raise
                return replace(self._last[1], is_behind=True)
            self._last = state, queue
            return queue

    def explanation(self, line: Line, queue: Queue) -> list[RowText]:
        """What `explain` says of a line: of each of its rows.

        Raises WarehouseBusy if a run holds the warehouse.
        """
        row = line.row
        request = RunRequest(
            output=self.warehouse.parent,
            warehouse=self.warehouse,
            as_of=queue.run.as_of,
            **self._options,
        )
        with self._alone:
            asked = self._state(), line.key
            if self._explained and self._explained[0] == asked:
                return self._explained[1]
            if is_held(self.warehouse):
                raise _busy(self.warehouse)
            found = explain(request, row["claim_id"], row["claim_line_number"])
        own = [
            claim_row
            for claim_row in found.rows
            if claim_row.source == row["claim_source"]
            and claim_row.values["member_id"] == row["member_id"]
        ]
        texts = [row_text(claim_row, found) for claim_row in own or found.rows]
        self._explained = asked, texts
        return texts

    def decide(self, decisions: Sequence[Decision], seen: Seen) -> DecisionCounts:
        """Record decisions of a person, who has seen so much of the ledger.

        Raises UsageError, Unseen, and WarehouseBusy.
        """
        with self._alone:
            return decide(self.warehouse, decisions, seen=seen)

    def _published_run(self, last: str) -> PublishedRun:
        """The results that are shown: those of --run, else those of the last night."""
        known = self._published
        if known is None or (self._run is None and known.run_id != last):
            folder = self._run or folder_of(self.warehouse, last)
            self._published = known = read_published_run(folder, self.warehouse, self._payer_names)
        return known

    def _state(self) -> object:
        """What differs as soon as somebody has written into the warehouse, or a day has passed."""
        real = real_path(self.warehouse)
        files = (real, log_of(real))
        stats = [file.stat() if file.exists() else None for file in files]
        return today(), [s and (s.st_ino, s.st_size, s.st_mtime_ns) for s in stats]


def _busy(warehouse: Path) -> WarehouseBusy:
    return WarehouseBusy(f"A run holds the warehouse {warehouse.name}. Wait for it to end.")
