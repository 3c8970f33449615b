"""Explain: every rule on every line of one claim, as a run with the same as-of date would answer.

The warehouse is only read; the workbench is temporary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import polars as pl

from audit_rules.counterfactuals.case import FRAMES, AskedTerm, Case, Row, rows_of
from audit_rules.counterfactuals.search import Firing, RuleOnLine, judged, nearest
from audit_rules.engine.document_answers import with_not_applicable
from audit_rules.engine.dossier import WarehouseFrames, compile_dossier
from audit_rules.engine.exceptions import exception_id
from audit_rules.engine.pieces import pieces
from audit_rules.engine.rule import ON, Described, PolicyBook
from audit_rules.kinds.judge import judge_documents
from audit_rules.kinds.registry import described
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.reference.product_sets import line_sets
from audit_rules.rules import CATALOGUE, RULES
from flows.errors import UsageError
from flows.judging.frames import read_frames
from flows.ledger.precision import read_demotions
from flows.plan import Plan
from flows.replay.as_of import settled_as_of
from flows.replay.collecting import collecting_texts
from flows.replay.explanation import ClaimRow, Explanation, RuleExplanation
from flows.replay.ledger_entries import LedgerEntry, read_ledger_entries
from flows.request import RunRequest
from flows.settle.claims import SETTLED
from flows.settle.final_action import FILE_ORDER
from schemas.formats import well_formed
from schemas.outcomes import EXCEPTIONS, NOT_EVALUABLE, PASS
from schemas.results import EVIDENCE_FIELDS, EVIDENCE_ORDER
from schemas.table import Kind
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

MOST_ROWS_TRIED, LEAST_LINES_TRIED = 2500, 10
"""On so many lines of a claim changes are tried: every change on each takes a copy of all rows of
its person."""
LineKey = tuple[str, str, str, int]
"""A line of the claim: claim_source, payer_id, person, claim_line_number."""


@dataclass(frozen=True)
class _Answers:
    """What the rules answered on the lines of a claim.

    lines     the judged line of each key, as the dossier has it.
    by_line   rule, answer and evidence, in the order of the rules.
    """

    lines: dict[LineKey, Row]
    by_line: dict[LineKey, list[tuple[Described, Row, tuple[Row, ...]]]]


def explain(request: RunRequest, claim_id: str, line: int | None = None) -> Explanation:
    """Explain a claim in the request's warehouse, or one line of it; input and output are ignored.

    Raises UsageError if there is no such warehouse, claim or line, without repeating the request.
    """
    with settled_as_of(request) as (made, connection):
        rows = claim_rows(connection, claim_id, line)
        ledger = read_ledger_entries(connection, rows[0]["claim_id"], request.as_of)
        demoted = frozenset(
            one.term_id for one in read_demotions(connection, made.library, request.as_of)
        )
        frames = read_frames(connection, made.reference, request.as_of)
        return explain_rows(made, rows, frames, ledger, demoted)


def claim_rows(
    connection: duckdb.DuckDBPyConnection, claim_id: str, line: int | None = None
) -> list[Row]:
    """Read every row of a claim, or of one line of it, by table, payer, line and file order.

    Raises UsageError if there is none.
    """
    found: list[Row] = []
    for table in CLAIM_TABLES:
        query = f"""
            SELECT '{table.removesuffix("_claim")}' AS claim_source,
                   t.* EXCLUDE (member_hash, row_hash, notes, raw_record, place),
                   e.name AS file, t.{INPUT[table].quantity} AS billed
            FROM {SETTLED[table]} t
            JOIN every_file e USING (file_no)
            JOIN {FILE_ORDER} o USING (file_no)
            WHERE t.claim_id = $claim_id
            ORDER BY t.payer_id, t.claim_line_number, o.file_rank, t.row_number"""
        found += connection.sql(query, params={"claim_id": claim_id.strip()}).pl().to_dicts()
    if not found:
        remedy = "Check the id, --as-of, and the quarantine of the run."
        if claim_id.startswith("-"):
            remedy += " If an option is meant: it begins with two hyphens, such as --line."
        raise UsageError(f"The warehouse has no claim with that id as of that day. {remedy}")
    found = [row for row in found if line is None or row["claim_line_number"] == line]
    if not found:
        raise UsageError(
            "The claim has no line with that number. Leave --line out to see every line."
        )
    return found


def explain_rows(
    made: Plan,
    rows: list[Row],
    frames: WarehouseFrames,
    ledger: Mapping[str, LedgerEntry] | None = None,
    demoted: frozenset[str] = frozenset(),
) -> Explanation:
    """Explain rows of one claim with what the warehouse holds about everybody.

    ledger    id of each exception that a run has found -> what the ledger knows of it.
    demoted   ids of terms whose findings were overturned too often.
    """
    as_of, book = made.request.as_of, PolicyBook(made.library, made.reference, demoted)
    own = _rows_of_persons(frames, sorted({r["person"] for r in rows}))
    with pl.Config(engine_affinity="in-memory"):
        answers = _answers(made, rows, own, book)
        cases = _cases(own, answers, book, as_of)
        tried = _tried(list(cases.values()))
        firings = _firings(answers, tried, own, made.default_supply_days)

    def claim_row(row: Row) -> ClaimRow:
        case = cases.get(_key(row)) if row["fate"] == "history" else None
        found = answers.by_line[_key(row)] if case else []
        texts = collecting_texts(made, [(module, answer) for module, answer, _ in found])
        ids = [_exception_id(module, answer) for module, answer, _ in found]
        rules = tuple(
            RuleExplanation(
                *(module, answer, cited, firings.get(_asked(module, answer))),
                exception_id=of_exception,
                ledger=(ledger or {}).get(of_exception or ""),
                collecting=text if of_exception else "",
            )
            for (module, answer, cited), text, of_exception in zip(found, texts, ids, strict=True)
        )
        return ClaimRow(row["claim_source"], row, row["fate"], case, rules)

    claim_id = rows[0]["claim_id"]
    shown = tuple(claim_row(r) for r in rows)
    return Explanation(claim_id, as_of, shown, made.library, len(cases) - len(tried))


def _rows_of_persons(frames: WarehouseFrames, persons: list[str]) -> WarehouseFrames:
    of_them = pl.col("person").is_in(persons)
    return replace(frames, **{f: getattr(frames, f).filter(of_them) for f in FRAMES.values()})


def _answers(made: Plan, rows: list[Row], own: WarehouseFrames, book: PolicyBook) -> _Answers:
    """Judge the persons of a claim and keep what was answered on its lines."""
    wanted = {_key(r) for r in rows}
    found = _Answers({}, {})
    persons = sorted({r["person"] for r in rows})
    of_the_claim = (pl.col("claim_id") == rows[0]["claim_id"]) & pl.col("person").is_in(persons)
    for module, settled, evidence in judged(
        own, book, RULES, made.default_supply_days, made.request.as_of
    ):
        mine = settled.filter(of_the_claim)
        seen = _seen(evidence, mine)
        for answer in mine.to_dicts():
            key = _key(answer)
            if key in wanted:
                cited = seen.get((answer["row_id"], answer["policy_id"]), ())
                found.lines.setdefault(key, answer)
                found.by_line.setdefault(key, []).append((module, answer, cited))
    for kind, answer, cited in _of_documents(made, own, book, of_the_claim):
        key = _key(answer)
        if key in wanted:
            found.lines.setdefault(key, answer)
            found.by_line.setdefault(key, []).append((kind, answer, cited))
    return found


def _of_documents(
    made: Plan, own: WarehouseFrames, book: PolicyBook, of_the_claim: pl.Expr
) -> Iterator[tuple[Described, Row, tuple[Row, ...]]]:
    """What documents of the language answer on the lines of the claim, term by term."""
    if not made.library.spoken():
        return
    days, as_of = made.default_supply_days, made.request.as_of
    dossier = compile_dossier(own, made.reference, days, as_of)
    governed = judge_documents(dossier, book, RULES)
    assert governed is not None
    key = [*ON, "rule_id", "term_id"]
    every = pl.concat([dossier.fills, dossier.services]).filter(of_the_claim).collect()
    told = with_not_applicable(governed).drop("documents_needed")
    answers = told.join(every, on="row_id").sort(key)
    shown = answers.select(key)
    frames = [e.join(shown, on=key, how="semi") for e in governed.evidence]
    lines = governed.lines.drop("policy_id").unique("row_id")
    facts: dict[tuple[object, ...], tuple[Row, ...]] = {}
    descending = [field == "side" for field in EVIDENCE_ORDER]
    ordered = pieces(frames, lines, key).sort(
        EVIDENCE_ORDER, descending=descending, nulls_last=True
    )
    for names, some in ordered.group_by(key, maintain_order=True):
        facts[names] = tuple(some.select(list(EVIDENCE_FIELDS)).to_dicts())
    for answer in answers.to_dicts():
        module = described(answer["rule_id"], answer["reason"], CATALOGUE)
        flags = {"text_is_missing": False, "review_has_passed": False}
        yield module, flags | answer, facts.get(tuple(answer[n] for n in key), ())


def _tried(cases: list[Case]) -> list[Case]:
    """The first lines of a claim, on which changes are tried: all, unless they are a great many."""
    rows = max((sum(map(len, case.rows.values())) for case in cases), default=1)
    return cases[: max(LEAST_LINES_TRIED, MOST_ROWS_TRIED // rows)]


def _firings(
    answers: _Answers, cases: list[Case], own: WarehouseFrames, supply_days: int
) -> dict[RuleOnLine, Firing]:
    """The nearest change that would make each rule fire, for every rule that did not."""
    every = [(module, answer) for found in answers.by_line.values() for module, answer, _ in found]
    silent = {_asked(m, answer) for m, answer in every if answer["outcome"] not in EXCEPTIONS}
    return nearest(cases, silent, own, RULES, supply_days)


def _key(row: Row) -> LineKey:
    return row["claim_source"], row["payer_id"], row["person"], row["claim_line_number"]


def _asked(module: Described, answer: Row) -> RuleOnLine:
    rule_id = answer.get("rule_id", module.RULE.id)  # of a document's own id the module is another
    return answer["row_id"], rule_id, answer["policy_id"], answer.get("counted_term")


def _exception_id(module: Described, answer: Row) -> str | None:
    """The id of an exception; None for any other answer."""
    if answer["outcome"] not in EXCEPTIONS:
        return None
    return exception_id({"rule_id": module.RULE.id, **answer})


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
    descending = [field == "side" for field in EVIDENCE_ORDER]  # facts for the billing come first
    every = pieces(frames, lines, ON).sort(EVIDENCE_ORDER, descending=descending, nulls_last=True)
    for key, facts in every.group_by(ON, maintain_order=True):
        found[int(str(key[0])), str(key[1])] = tuple(facts.select(list(EVIDENCE_FIELDS)).to_dicts())
    return found


def _cases(
    own: WarehouseFrames, answers: _Answers, book: PolicyBook, as_of: date
) -> dict[LineKey, Case]:
    known = own.provider.filter(well_formed(pl.col("npi"), Kind.NPI))
    taxonomies: dict[str, set[str]] = {}
    for npi, taxonomy in known.select("npi", "taxonomy_code").iter_rows():
        taxonomies.setdefault(npi, set()).add(taxonomy)
    persons = {str(line["person"]) for line in answers.lines.values()}
    rows = {person: rows_of(own, person) for person in persons}
    return {
        key: Case(
            line,
            rows[line["person"]],
            taxonomies,
            book,
            as_of,
            _silent_terms([answer for _, answer, _ in answers.by_line[key]], book),
        )
        for key, line in answers.lines.items()
    }


def _silent_terms(answers: list[Row], book: PolicyBook) -> tuple[AskedTerm, ...]:
    """The terms of the policy language that answered on a line, and found nothing."""
    silent = [a for a in answers if a["outcome"] in (PASS, NOT_EVALUABLE)]
    found = []
    for policy in book.library.spoken():
        mine = [a for a in silent if a["policy_id"] == policy.document.id]
        if not mine:
            continue
        sets = line_sets(policy, book.reference.ndc)
        for term in policy.language_terms:
            answer = next((a for a in mine if _answers_for(a, term)), None)
            if answer is not None:
                own = next(s for s in sets if s.number == answer["set_no"])
                found.append(AskedTerm(policy, term, own, sets))
    return tuple(found)


def _answers_for(answer: Row, term: LanguageTerm) -> bool:
    """Whether an answer is that of a term, or of those that answer as one with it."""
    if answer.get("counted_term"):
        return bool(answer["counted_term"] == term.term_id)
    return term.rule_id is not None and answer.get("rule_id") == term.rule_id
