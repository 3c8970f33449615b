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

from audit_rules.counterfactuals.case import FRAMES, Case, Change, Row, RuleOnLine, completed
from audit_rules.counterfactuals.changes.boundaries import boundaries, failures, openings
from audit_rules.counterfactuals.families import FAMILIES, follows, is_tried
from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.judge import run_rules
from audit_rules.engine.rule import Described, PolicyBook, RuleModule
from audit_rules.kinds.judge import judge_documents
from audit_rules.kinds.registry import described
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.base import Term
from schemas.frames import PAYER_LINE
from schemas.outcomes import EXCEPTIONS

BATCH_ROWS = 50_000  # rows of copies that are in memory at a time

_WHO_ANSWERS = ("rule_id", "policy_id", "counted_term")
_FINDING = ("person", *PAYER_LINE, "policy_id", "outcome", "reason")


@dataclass(frozen=True)
class Firing:
    """A change, its kind, and what the rule would answer."""

    change: Change
    kind: str
    outcome: str
    reason: str


@dataclass(frozen=True)
class _Trial:
    """A change on trial, and its kind's place in the order of nearness."""

    case: Case
    change: Change
    family: int
    opening: float | None = None  # the step of the change before it, if there is one

    def distance(self, asks: tuple[type[Term], ...], term_id: str | None) -> tuple[float, ...]:
        """How near the change is for a rule that asks for these terms, or for that one term:
        smaller is nearer."""
        kind = FAMILIES[self.family].__name__
        about = [kind in term.turns_on for term in asks]
        relation = 0 if about[0] else 1 if any(about) else 2
        steps = (
            self.opening is not None,
            relation,
            self.change.term_id != term_id,
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
    rules: Sequence[Described],
    supply_days: int,
) -> dict[RuleOnLine, Firing]:
    """The nearest change that makes each silent rule fire; rules without one are left out.

    Every change is made to a copy of its person under a number in place of the name; a judgement of
    many copies at a time says which fire.
    """
    fired = _fired(
        cases,
        [t for case in cases for t in _changes(case)],
        silent,
        warehouse_frames,
        rules,
        supply_days,
    )
    left = silent - fired.keys()
    twice = [t for case in cases for t in _pairs(case, left)]
    return fired | _fired(cases, twice, left, warehouse_frames, rules, supply_days)


def _fired(
    cases: Sequence[Case],
    tried: Sequence[_Trial],
    silent: set[RuleOnLine],
    warehouse_frames: WarehouseFrames,
    rules: Sequence[Described],
    supply_days: int,
) -> dict[RuleOnLine, Firing]:
    """The nearest of these changes that makes each silent rule fire."""
    fired: dict[RuleOnLine, list[tuple[tuple[float, ...], int, Firing]]] = defaultdict(list)
    for first, batch in _batches(tried):
        copies = _copies(warehouse_frames, batch)
        for row in _exceptions(cases, copies, silent, rules, supply_days).iter_rows(named=True):
            one = batch[int(row["person"])]
            asked = (one.case.line["row_id"], *(row[name] for name in _WHO_ANSWERS))
            if asked in silent and all(row[c] == one.case.line[c] for c in PAYER_LINE):
                kind = FAMILIES[one.family].__name__
                firing = Firing(one.change, kind, row["outcome"], row["reason"])
                asks = described(row["rule_id"], row["reason"], rules).RULE.asks
                distance = one.distance(asks, row["counted_term"])
                fired[asked].append((distance, first + int(row["person"]), firing))
    return {asked: min(found, key=lambda f: f[:2])[2] for asked, found in fired.items()}


def _exceptions(
    cases: Sequence[Case],
    copies: WarehouseFrames,
    silent: set[RuleOnLine],
    rules: Sequence[Described],
    supply_days: int,
) -> pl.DataFrame:
    """What the silent rules and documents find on the copies; one row per line and finding."""
    book, as_of = cases[0].book, cases[0].as_of
    dossier = compile_dossier(copies, book.reference, supply_days, as_of)
    is_exception = pl.col("outcome").is_in(EXCEPTIONS)
    own_term = pl.lit(None, dtype=pl.String)
    ids = {rule_id for _, rule_id, *_ in silent}
    found = [
        settled.filter(is_exception)
        .select(*_FINDING, rule_id=pl.lit(module.RULE.id), counted_term=own_term)
        .collect()
        for module, scope, settled, _ in run_rules(
            dossier, book, [m for m in rules if m.RULE.id in ids and isinstance(m, RuleModule)]
        )
        if not scope.is_empty()
    ]
    asked = {one.policy.document.id: one.policy for case in cases for one in case.asked}
    library = PolicyLibrary(tuple(asked.values()))
    governed = judge_documents(dossier, PolicyBook(library, book.reference, book.demoted), rules)
    if governed is not None:
        lines = governed.lines.select("row_id", "person", *PAYER_LINE).unique("row_id")
        answers = governed.answers.filter(is_exception).join(lines, on="row_id")
        found.append(answers.select(*_FINDING, "rule_id", "counted_term"))
    return pl.concat(found) if found else pl.DataFrame(schema={"person": pl.String})


def _batches(tried: Sequence[_Trial]) -> Iterator[tuple[int, Sequence[_Trial]]]:
    """The trials in groups whose copies have BATCH_ROWS rows at most, with each group's first
    number; a single trial may have more."""
    if not tried:
        return
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
    for number, family in enumerate(FAMILIES):
        for change in family(case) if is_tried(case, family) else ():
            yield _Trial(case, change, number)
            for follower, second in enumerate(FAMILIES):
                if follows(case, family, second):
                    for following in second(case.after(change)):
                        yield _Trial(case, _both(change, following), follower, change.step)


def _pairs(case: Case, silent: set[RuleOnLine]) -> Iterator[_Trial]:
    """For each silent term: a change of its case, and on top of it one of what it tests."""
    number = FAMILIES.index(boundaries)
    for asked in case.asked:
        if asked.key(case) in silent:
            for opening in openings(case, asked):
                for following in failures(case.after(opening), asked):
                    yield _Trial(case, _both(opening, following), number, opening.step)


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
