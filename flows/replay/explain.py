"""Explain: every rule on every line of one claim, as a run with the same as-of date would answer.

The warehouse is read and nothing is kept: the workbench is a temporary folder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import polars as pl

from audit_rules.counterfactuals.case import FRAMES, Case, rows_of
from audit_rules.counterfactuals.search import Firing, RuleOnLine, judged, nearest
from audit_rules.engine.dossier import WarehouseFrames
from audit_rules.engine.rule import ON, Book, RuleModule
from audit_rules.policy.library import PolicyLibrary
from audit_rules.rules import RULES
from flows.errors import UsageError
from flows.judging.frames import extract
from flows.plan import Plan, Request
from flows.replay.as_of import settled_again
from flows.settle.claims import QUANTITY, SERVICE_DATE
from schemas.formats import well_formed
from schemas.outcomes import EXCEPTIONS
from schemas.results import EVIDENCE_FIELDS, EVIDENCE_ORDER
from schemas.tables import CLAIM_TABLES, Kind

Row = dict[str, Any]


@dataclass(frozen=True)
class RuleExplanation:
    """One rule on one line under one policy: the answer with all its columns, what it saw, and what would make it fire."""

    module: RuleModule
    answer: Row
    evidence: tuple[Row, ...]
    firing: Firing | None


@dataclass(frozen=True)
class ClaimRow:
    """One row of the claim as it stands in the warehouse: `values`, what became of it, and every rule's answer on it.

    case   the judged line and the facts of its person; None where the row is not judged.
    """

    source: str
    values: Row
    fate: str
    case: Case | None
    told: tuple[RuleExplanation, ...]


@dataclass(frozen=True)
class Explanation:
    """Everything about one claim."""

    claim_id: str
    as_of: date
    rows: tuple[ClaimRow, ...]
    library: PolicyLibrary


def explain(request: Request, claim_id: str, line: int | None = None) -> Explanation:
    """Every rule on a claim of the request's warehouse, or on one line of it; its input and output are not looked at.

    Raises UsageError where there is no such warehouse, claim or line, without repeating what was asked for.
    """
    with pl.Config(engine_affinity="in-memory"), settled_again(request) as (made, connection):
        rows = _rows(connection, request.as_of, claim_id.strip())
        if not rows:
            raise UsageError(
                "The warehouse holds no claim of that id as of that day. Check the id, --as-of, and the quarantine of its run."
            )
        rows = [r for r in rows if line is None or r["claim_line_number"] == line]
        if not rows:
            raise UsageError(
                "The claim has no line of that number. Leave --line out to see all of them."
            )
        extracted = extract(connection, made.reference, request.as_of)
        return _explained(made, rows, extracted)


def _rows(connection: duckdb.DuckDBPyConnection, as_of: date, claim_id: str) -> list[Row]:
    """Every row of the claim in either table, whatever became of it, by table, payer, line and place."""
    found: list[Row] = []
    for table in CLAIM_TABLES:
        query = f"""
            SELECT '{table.removesuffix("_claim")}' AS claim_source, p.payer_id,
                   t.* EXCLUDE (member_hash, row_hash, notes, raw_record, place),
                   coalesce(t.person_id, s.sole_person_id, t.member_id) AS person, e.name AS file,
                   {SERVICE_DATE[table]} AS service_date, t.{QUANTITY[table]} AS billed,
                   coalesce(f.fate, CASE WHEN {SERVICE_DATE[table]} > $as_of THEN 'after_as_of' ELSE 'history' END) AS fate,
                   coalesce(f.is_netted, false) AS is_netted, f.netted_paid_amount, f.netted_quantity
            FROM every_{table} t
            JOIN every_file e USING (file_no)
            JOIN run.file_order o USING (file_no)
            JOIN run.payer p ON p.name = lower(t.payer)
            LEFT JOIN run.sole_person s ON s.member_id = t.member_id
            LEFT JOIN run.{table}_fate f ON f.file_no = t.file_no AND f.row_number = t.row_number
            WHERE t.claim_id = $claim_id
            ORDER BY p.payer_id, t.claim_line_number, o.file_rank, t.row_number"""
        found += (
            connection.sql(query, params={"as_of": as_of, "claim_id": claim_id}).pl().to_dicts()
        )
    return found


def _explained(made: Plan, rows: list[Row], extracted: WarehouseFrames) -> Explanation:
    book, as_of, claim_id = (
        Book(made.library, made.reference),
        made.request.as_of,
        rows[0]["claim_id"],
    )
    persons = sorted({r["person"] for r in rows})
    own = _of(extracted, persons)
    wanted = {_key(r) for r in rows}
    lines: dict[tuple[Any, ...], Row] = {}
    answers: dict[tuple[Any, ...], list[tuple[RuleModule, Row, tuple[Row, ...]]]] = {}
    for module, settled, evidence in judged(own, book, RULES, made.default_supply_days, as_of):
        mine = settled.filter(pl.col("claim_id") == claim_id, pl.col("person").is_in(persons))
        seen = _seen(evidence, mine)
        for answer in mine.to_dicts():
            if _key(answer) in wanted:
                lines.setdefault(_key(answer), answer)
                cited = seen.get((answer["row_id"], answer["policy_id"]), ())
                answers.setdefault(_key(answer), []).append((module, answer, cited))
    cases = {key: _case(own, line, book, as_of) for key, line in lines.items()}
    silent = {
        _asked(m, a)
        for found in answers.values()
        for m, a, _ in found
        if a["outcome"] not in EXCEPTIONS
    }
    modules = [
        m for m in RULES if any(m is asked for found in answers.values() for asked, _, _ in found)
    ]
    firings = nearest(list(cases.values()), silent, own, modules, made.default_supply_days)

    def claim_row(row: Row) -> ClaimRow:
        case = cases.get(_key(row)) if row["fate"] == "history" else None
        found = answers[_key(row)] if case else []
        told = tuple(
            RuleExplanation(m, a, cited, firings.get(_asked(m, a))) for m, a, cited in found
        )
        return ClaimRow(row["claim_source"], row, row["fate"], case, told)

    return Explanation(claim_id, as_of, tuple(claim_row(r) for r in rows), made.library)


def _key(row: Row) -> tuple[Any, ...]:
    return row["claim_source"], row["payer_id"], row["claim_line_number"]


def _asked(module: RuleModule, answer: Row) -> RuleOnLine:
    return answer["row_id"], module.RULE.id, answer["policy_id"]


def _of(extracted: WarehouseFrames, persons: list[str]) -> WarehouseFrames:
    """The rows of some persons."""
    frames = {
        f: getattr(extracted, f).filter(pl.col("person").is_in(persons)) for f in FRAMES.values()
    }
    return replace(extracted, **frames)


def _seen(
    evidence: Sequence[pl.LazyFrame], lines: pl.DataFrame
) -> dict[tuple[int, str], tuple[Row, ...]]:
    """Per line and policy the facts that a rule looked at, each once, in a stable order."""
    asked = lines.lazy().select(ON)
    frames = pl.collect_all([e.join(asked, on=list(ON), how="semi") for e in evidence])
    found: dict[tuple[int, str], tuple[Row, ...]] = {}
    if not frames:
        return found
    descending = [
        field == "side" for field in EVIDENCE_ORDER
    ]  # here what speaks for it comes first
    every = pl.concat(frames).unique().sort(EVIDENCE_ORDER, descending=descending, nulls_last=True)
    for key, facts in every.group_by(ON, maintain_order=True):
        found[int(str(key[0])), str(key[1])] = tuple(facts.select(list(EVIDENCE_FIELDS)).to_dicts())
    return found


def _case(own: WarehouseFrames, line: Row, book: Book, as_of: date) -> Case:
    known = own.provider.filter(well_formed(pl.col("npi"), Kind.NPI))
    taxonomies: dict[str, set[str]] = {}
    for npi, taxonomy in known.select("npi", "taxonomy_code").iter_rows():
        taxonomies.setdefault(npi, set()).add(taxonomy)
    return Case(line, rows_of(own, line["person"]), taxonomies, book, as_of)
