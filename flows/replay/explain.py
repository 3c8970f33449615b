"""Explain: every rule on every line of one claim, as a run with the same as-of date would answer.

The warehouse is only read; the workbench is temporary.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import duckdb
import polars as pl

from audit_rules.counterfactuals.case import FRAMES, AskedTerm, Case, Row, RuleOnLine, rows_of
from audit_rules.counterfactuals.search import Firing, nearest
from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.engine.exceptions import exception_id
from audit_rules.engine.rule import Described, PolicyBook
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.reference.product_sets import line_sets
from audit_rules.rules import CATALOGUE
from flows.errors import UsageError
from flows.judging.affected import last_valid_run
from flows.judging.frames import read_frames
from flows.judging.members import audited_rows
from flows.judging.population import population_facts
from flows.ledger.precision import read_demotions
from flows.plan import Plan
from flows.replay.as_of import settled_as_of
from flows.replay.claim_answers import ClaimAnswers, LineKey, answers_on_claim, line_key
from flows.replay.collecting import collecting_texts
from flows.replay.explanation import ClaimRow, Explanation, RuleExplanation
from flows.replay.ledger_entries import LedgerEntry, read_ledger_entries
from flows.request import RunRequest
from flows.settle.claims import SETTLED
from flows.settle.final_action import FILE_ORDER
from flows.settle.persons import date_diagnoses
from schemas.formats import well_formed
from schemas.outcomes import EXCEPTIONS
from schemas.table import Kind
from schemas.tables import CLAIM_TABLES
from schemas.tables import TABLES as INPUT

MOST_ROWS_TRIED, LEAST_LINES_TRIED = 2500, 10
"""On so many lines of a claim changes are tried: every change on each takes a copy of all rows of
its person."""


def explain(request: RunRequest, claim_id: str, line: int | None = None) -> Explanation:
    """Explain a claim in the request's warehouse, or one line of it; input and output are ignored.

    Raises UsageError if there is no such warehouse, claim or line, without repeating the request.
    """
    with settled_as_of(request, date_diagnoses=False) as (made, connection):
        rows = claim_rows(connection, claim_id, line)
        ledger = read_ledger_entries(connection, rows[0]["claim_id"], request.as_of)
        demoted = [d.term_id for d in read_demotions(connection, made.library, request.as_of)]
        persons = sorted({row["person"] for row in rows})
        date_diagnoses(connection, request.as_of, persons)
        before = last_valid_run(connection, made.texts.judgement_digest(), demoted, request.as_of)
        rows_of_drugs = audited_rows(connection, request.as_of, before)
        facts = population_facts(connection, made.reference, rows_of_drugs)
        frames = read_frames(connection, made.reference, request.as_of, facts, before, persons)
        return explain_rows(made, rows, frames, ledger, frozenset(demoted))


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
        answers = answers_on_claim(made, rows, own, book)
        cases = _cases(own, answers, book, as_of)
        tried = _tried(list(cases.values()))
        firings = _firings(answers, tried, own, made.default_supply_days)

    def claim_row(row: Row) -> ClaimRow:
        case = cases.get(line_key(row)) if row["fate"] == "history" else None
        found = answers.by_line[line_key(row)] if case else []
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


def _tried(cases: list[Case]) -> list[Case]:
    """The first lines of a claim, on which changes are tried: all, unless they are a great many."""
    rows = max((sum(map(len, case.rows.values())) for case in cases), default=1)
    return cases[: max(LEAST_LINES_TRIED, MOST_ROWS_TRIED // rows)]


def _firings(
    answers: ClaimAnswers, cases: list[Case], own: WarehouseFrames, supply_days: int
) -> dict[RuleOnLine, Firing]:
    """The nearest change that would make each rule fire, for every rule that did not."""
    every = [(module, answer) for found in answers.by_line.values() for module, answer, _ in found]
    silent = {_asked(m, answer) for m, answer in every if answer["outcome"] not in EXCEPTIONS}
    return nearest(cases, silent, own, CATALOGUE, supply_days)


def _asked(module: Described, answer: Row) -> RuleOnLine:
    rule_id = answer.get("rule_id", module.RULE.id)  # of a document's own id the module is another
    return answer["row_id"], rule_id, answer["policy_id"], answer.get("counted_term")


def _exception_id(module: Described, answer: Row) -> str | None:
    """The id of an exception; None for any other answer."""
    if answer["outcome"] not in EXCEPTIONS:
        return None
    return exception_id({"rule_id": module.RULE.id, **answer})


def _cases(
    own: WarehouseFrames, answers: ClaimAnswers, book: PolicyBook, as_of: date
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
            _silent_terms([answer for _, answer, _ in answers.by_line[key]], answers.sets, book),
        )
        for key, line in answers.lines.items()
    }


def _silent_terms(
    answers: list[Row], sets_of_line: Mapping[tuple[int, str], list[int]], book: PolicyBook
) -> tuple[AskedTerm, ...]:
    """The terms of the policy language that found nothing on a line of their sets, in the set in
    which they answer, or in the first."""
    silent = [a for a in answers if a["outcome"] not in EXCEPTIONS]
    found = []
    for policy in book.library.spoken():
        mine = [a for a in silent if a["policy_id"] == policy.document.id]
        if not mine:
            continue
        sets = line_sets(policy, book.reference.ndc)
        for term in policy.language_terms:
            answer = next((a for a in mine if _answers_for(a, term)), None)
            if answer is not None:
                names = {one.name for one in policy.declared.sets_of(term)}
                numbers = sets_of_line.get((answer["row_id"], answer["policy_id"]), [])
                judged = [s for s in sets if s.name in names and s.number in numbers]
                judged.sort(key=lambda s: s.number != answer["set_no"])
                found += [AskedTerm(policy, term, own, sets) for own in judged[:1]]
    return tuple(found)


def _answers_for(answer: Row, term: LanguageTerm) -> bool:
    """Whether an answer is that of a term, or of those that answer as one with it."""
    if answer.get("counted_term"):
        return bool(answer["counted_term"] == term.term_id)
    return term.rule_id is not None and answer.get("rule_id") == term.rule_id
