"""The search: make every change to a copy of its person, judge all copies, find the nearest change.

What is nearest: one change before two; a change of what the rule asks about before one of anything
else; then the kinds in the order of FAMILIES; then fewer rows; then the smaller step.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from audit_rules.counterfactuals.case import FRAMES, Case, Change, Row, completed
from audit_rules.counterfactuals.families import FAMILIES, follows
from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import run_rules
from audit_rules.engine.rule import PolicyBook, RuleModule
from audit_rules.policy.terms.base import Term
from schemas.frames import PAYER_LINE
from schemas.outcomes import EXCEPTIONS

BATCH_ROWS = 50_000  # rows of copies that are in memory at a time

RuleOnLine = tuple[int, str, str]
"""A rule on a line under a policy: row_id, rule_id, policy_id."""


@dataclass(frozen=True)
class Firing:
    """A change, its kind, and what the rule would answer."""

    change: Change
    kind: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class _Trial:
    """A change on trial, its place in the order of nearness, and the kinds of term it is about."""

    case: Case
    change: Change
    about: tuple[type[Term], ...]
    family: int
    opening: float | None = None  # the step of the change before it, if there is one

    def distance(self, asks: tuple[type[Term], ...]) -> tuple[float, ...]:
        """How near the change is for a rule that asks for these terms: smaller is nearer."""
        relation = 0 if asks[0] in self.about else 1 if set(asks) & set(self.about) else 2
        steps = (
            self.opening is not None,
            relation,
            self.family,
            len(self.change.edits),
            self.opening or 0,
            self.change.step,
        )
        return tuple(float(s) for s in steps)


def judged(
    warehouse_frames: WarehouseFrames,
    book: PolicyBook,
    modules: Sequence[RuleModule],
    supply_days: int,
    as_of: date,
) -> Iterator[tuple[RuleModule, pl.DataFrame, Sequence[pl.LazyFrame]]]:
    """Each rule that has lines in scope, with its settled answers and the evidence it looked at."""
    dossier = compile_dossier(warehouse_frames, book.reference, supply_days, as_of)
    for module, scope, settled, found in run_rules(dossier, book, modules):
        if not scope.is_empty():
            yield module, settled.collect(), found.evidence


def nearest(
    cases: Sequence[Case],
    silent: set[RuleOnLine],
    warehouse_frames: WarehouseFrames,
    modules: Sequence[RuleModule],
    supply_days: int,
) -> dict[RuleOnLine, Firing]:
    """The nearest change that makes each silent rule fire; rules without one are left out.

    Every change is made to a copy of its person under a number in place of the name; a judgement of
    many copies at a time says which fire.
    """
    tried = [t for case in cases for t in _changes(case)]
    if not tried:
        return {}
    book, as_of = cases[0].book, cases[0].as_of
    wanted = [m for m in modules if any(rule_id == m.RULE.id for _, rule_id, _ in silent)]
    fired: dict[RuleOnLine, list[tuple[tuple[float, ...], int, Firing]]] = defaultdict(list)
    for first, batch in _batches(tried):
        copies = _copies(warehouse_frames, batch)
        for module, answers, _ in judged(copies, book, wanted, supply_days, as_of):
            exceptions = answers.filter(pl.col("outcome").is_in(EXCEPTIONS)).select(
                "person", *PAYER_LINE, "policy_id", "outcome", "reason"
            )
            for number, *line, policy_id, outcome, reason in exceptions.iter_rows():
                one = batch[int(number)]
                asked = (one.case.line["row_id"], module.RULE.id, policy_id)
                if line == [one.case.line[c] for c in PAYER_LINE] and asked in silent:
                    kind = FAMILIES[one.family][0].__name__
                    firing = Firing(one.change, kind, outcome, reason)
                    distance = one.distance(module.RULE.asks)
                    fired[asked].append((distance, first + int(number), firing))
    return {asked: min(found, key=lambda f: f[:2])[2] for asked, found in fired.items()}


def _batches(tried: Sequence[_Trial]) -> Iterator[tuple[int, Sequence[_Trial]]]:
    """The trials in groups whose copies have BATCH_ROWS rows at most, with each group's first
    number; a single trial may have more."""
    first = rows = 0
    for number, one in enumerate(tried):
        own = sum(map(len, one.case.rows.values()))
        if number > first and rows + own > BATCH_ROWS:
            yield first, tried[first:number]
            first, rows = number, 0
        rows += own
    yield first, tried[first:]


def _changes(case: Case) -> Iterator[_Trial]:
    """Every single change of a case, and second changes on top of those that make other clauses
    apply."""
    for number, (family, about) in enumerate(FAMILIES):
        for change in family(case):
            yield _Trial(case, change, about, number)
            for follower, (second, second_about) in enumerate(FAMILIES):
                if follows(case, family, second):
                    for following in second(case.after(change)):
                        yield _Trial(
                            case, _both(change, following), second_about, follower, change.step
                        )


def _both(first: Change, second: Change) -> Change:
    """Two changes as one; `on_file` is the first one's, because the second assumes the first."""
    return replace(
        second,
        on_file=first.on_file,
        condition=f"{first.condition}, and {second.condition}",
        edits=(*first.edits, *second.edits),
    )


def _copies(warehouse_frames: WarehouseFrames, tried: Sequence[_Trial]) -> WarehouseFrames:
    """The rows of each change's person, changed, under the number of the change; nobody else's."""
    frames: dict[str, Any] = {
        frame: _copied(getattr(warehouse_frames, frame), table, tried)
        for table, frame in FRAMES.items()
    }
    return replace(warehouse_frames, **frames)


def _copied(frame: pl.DataFrame, table: str, tried: Sequence[_Trial]) -> pl.DataFrame:
    """One table of `_copies`: unchanged rows are taken from the frame, the others are made."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, person in enumerate(frame["person"].to_list()):
        places[person].append(i)
    numbers: list[str] = []
    kept: list[int] = []
    made: list[Row] = []
    for number, one in enumerate(tried):
        edited, added = _edited(one, table)
        untouched = [p for i, p in enumerate(places[one.case.line["person"]]) if i not in edited]
        kept += untouched
        numbers += [str(number)] * len(untouched)
        made += [
            completed(table, row) | {"person": str(number)}
            for row in (*edited.values(), *added)
            if row is not None
        ]
    same = frame[kept].with_columns(person=pl.Series(numbers, dtype=pl.String))
    columns = {name: [row.get(name) for row in made] for name in same.columns}
    return pl.concat([same, pl.DataFrame(columns, schema=same.schema)])


def _edited(one: _Trial, table: str) -> tuple[dict[int, Row | None], list[Row]]:
    """The rows of a table that a change edits, by position (None: removed), and those that it
    adds."""
    rows: dict[int, Row | None] = {}
    added: list[Row] = []
    for edit in one.change.edits:
        if edit.table == table and edit.row is None:
            added.append(dict(edit.values or {}))
        elif edit.table == table and edit.row is not None:
            before = rows.get(edit.row, one.case.rows[table][edit.row])
            rows[edit.row] = (
                None if before is None or edit.values is None else {**before, **edit.values}
            )
    return rows, added
