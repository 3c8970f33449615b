"""What rules and documents answer on the lines of one claim, with the facts that they looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from audit_rules.counterfactuals.case import Row
from audit_rules.counterfactuals.search import judged
from audit_rules.engine.document_answers import with_not_applicable
from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.pieces import pieces
from audit_rules.engine.rule import ON, Described, PolicyBook
from audit_rules.kinds.judge import judge_documents, sets_of_lines
from audit_rules.kinds.registry import described
from audit_rules.rules import CATALOGUE, RULES
from flows.plan import Plan
from flows.replay.silent_terms import silent_terms
from schemas.results import EVIDENCE_FIELDS, EVIDENCE_ORDER

LineKey = tuple[str, str, str, int]
"""A line of the claim: claim_source, payer_id, person, claim_line_number."""


@dataclass(frozen=True)
class ClaimAnswers:
    """What the rules answered on the lines of a claim.

    lines     the judged line of each key, as the dossier has it.
    by_line   rule, answer and evidence, in the order of the rules.
    sets      the numbers of the sets in which a line is, by row_id and policy_id.
    """

    lines: dict[LineKey, Row]
    by_line: dict[LineKey, list[tuple[Described, Row, tuple[Row, ...]]]]
    sets: dict[tuple[int, str], list[int]]


def answers_on_claim(
    made: Plan, rows: list[Row], own: WarehouseFrames, book: PolicyBook
) -> ClaimAnswers:
    """Judge the persons of a claim and keep what was answered on its lines."""
    wanted = {line_key(r) for r in rows}
    found = ClaimAnswers({}, {}, {})
    persons = sorted({r["person"] for r in rows})
    of_the_claim = (pl.col("claim_id") == rows[0]["claim_id"]) & pl.col("person").is_in(persons)
    for module, settled, evidence in judged(
        own, book, RULES, made.default_supply_days, made.request.as_of
    ):
        mine = settled.filter(of_the_claim)
        seen = _seen(evidence, mine)
        for answer in mine.to_dicts():
            key = line_key(answer)
            if key in wanted:
                cited = seen.get((answer["row_id"], answer["policy_id"]), ())
                found.lines.setdefault(key, answer)
                found.by_line.setdefault(key, []).append((module, answer, cited))
    for kind, answer, cited in _of_documents(made, own, book, of_the_claim, found.sets):
        key = line_key(answer)
        if key in wanted:
            found.lines.setdefault(key, answer)
            found.by_line.setdefault(key, []).append((kind, answer, cited))
    return found


def _of_documents(
    made: Plan,
    own: WarehouseFrames,
    book: PolicyBook,
    of_the_claim: pl.Expr,
    sets: dict[tuple[int, str], list[int]],
) -> Iterator[tuple[Described, Row, tuple[Row, ...]]]:
    """What documents of the language answer on the lines of the claim, term by term; `sets` takes
    the sets of each line."""
    if not made.library.spoken():
        return
    days, as_of = made.default_supply_days, made.request.as_of
    dossier = compile_dossier(own, made.reference, days, as_of)
    governed = judge_documents(dossier, book, CATALOGUE)
    assert governed is not None
    key = [*ON, "rule_id", "term_id"]
    of_persons = pl.concat([dossier.fills, dossier.services]).collect()
    every = of_persons.filter(of_the_claim)
    asked = sets_of_lines(dossier, book).join(of_persons, on="row_id")
    for row_id, policy_id, number in asked.select("row_id", "policy_id", "set_no").iter_rows():
        sets.setdefault((row_id, policy_id), []).append(number)
    told = with_not_applicable(governed).drop("documents_needed")
    silent = pl.DataFrame(
        silent_terms(book, asked, sets, governed.answers), schema=told.schema, orient="row"
    )
    told = pl.concat([told, silent])
    answers = told.join(every, on="row_id").sort(key)
    shown = answers.select(key)
    frames = [e.join(shown, on=key, how="semi") for e in governed.evidence]
    lines = governed.lines.drop("policy_id").unique("row_id")
    facts: dict[tuple[object, ...], tuple[Row, ...]] = {}
    ordered = _in_order(pieces(frames, lines, key))
    for names, some in ordered.group_by(key, maintain_order=True):
        facts[names] = tuple(some.select(list(EVIDENCE_FIELDS)).to_dicts())
    for answer in answers.to_dicts():
        module = described(answer["rule_id"], answer["reason"], CATALOGUE)
        flags = {"text_is_missing": False, "review_has_passed": False}
        yield module, flags | answer, facts.get(tuple(answer[n] for n in key), ())


def line_key(row: Row) -> LineKey:
    """The line that a row or an answer is of."""
    return row["claim_source"], row["payer_id"], row["person"], row["claim_line_number"]


def _in_order(found: pl.DataFrame) -> pl.DataFrame:
    """Pieces of evidence in a stable order: those for the billing come first."""
    descending = [field == "side" for field in EVIDENCE_ORDER]
    return found.sort(EVIDENCE_ORDER, descending=descending, nulls_last=True)


def _seen(
    evidence: Sequence[pl.LazyFrame], lines: pl.DataFrame
) -> dict[tuple[int, str], tuple[Row, ...]]:
    """The facts that a rule looked at, by line and policy, in a stable order.

    Of a great many the nearest, as in the results of a run.
    """
    asked = lines.lazy().select(ON)
    frames = pl.collect_all([e.join(asked, on=list(ON), how="semi") for e in evidence])
    found: dict[tuple[int, str], tuple[Row, ...]] = {}
    if not frames:
        return found
    every = _in_order(pieces(frames, lines, ON))
    for key, facts in every.group_by(ON, maintain_order=True):
        found[int(str(key[0])), str(key[1])] = tuple(facts.select(list(EVIDENCE_FIELDS)).to_dicts())
    return found
