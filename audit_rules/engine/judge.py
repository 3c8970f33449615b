"""Run every rule over its lines, and make exceptions and coverage of the answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import polars as pl
from polars.selectors import by_name

from audit_rules.engine.answers import settle
from audit_rules.engine.caps import cap_facts
from audit_rules.engine.coverage import counted_lines, governed_lines, rule_coverage
from audit_rules.engine.document_answers import DocumentAnswers, every_answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.duplicates import with_repeats
from audit_rules.engine.evidence import LINE_SHOWN, authorization_evidence, line_evidence
from audit_rules.engine.exceptions import exceptions_of, with_documents
from audit_rules.engine.pieces import pieces
from audit_rules.engine.repeated_amounts import repeated_amounts
from audit_rules.engine.rule import ON, PolicyBook, RuleAnswers, RuleModule
from audit_rules.engine.scope import in_scope
from schemas.frames import JUDGED_LINE
from schemas.outcomes import EXCEPTIONS
from schemas.results import EVIDENCE_FIELDS, EVIDENCE_ORDER, FOR

_GAP = {
    "policy_id": pl.String,
    "rule_id": pl.String,
    "term_id": pl.String,
    "reason": pl.String,
}
_TERM_KEY = (*ON, "rule_id", "term_id")
_ANSWER_SCHEMA = {
    "row_id": pl.UInt32,
    "policy_id": pl.String,
    "rule_id": pl.String,
    "outcome": pl.String,
    "reason": pl.String,
    "observed": pl.Float64,
    "allowed": pl.Float64,
    "amount_cents": pl.Int64,
    "amount_basis": pl.String,
    "term_id": pl.String,
    "citation": pl.String,
    "version_from": pl.Date,
    "rationale": pl.String,
}
_ANSWER = tuple(_ANSWER_SCHEMA)
_READ = by_name(*_ANSWER, *LINE_SHOWN, require_all=False)
"""What is read of a rule's answers: a rule lacks some columns."""


@dataclass(frozen=True)
class Judgement:
    """What the rules find, so that it can be put together with what they found of other persons.

    exceptions   the contract's table, without what the ledger adds.
    counted      one row per person_id, policy_id, rule_id, outcome and reason: lines. Lines that no
                 policy governs: under policy_id `none`, without a rule.
    gaps         one row per policy_id, rule_id and reason: what a rule could look for on no line at
                 all; and without a reason one per term of the language, so that lines that it does
                 not answer are counted.
    answers      one row per line, policy and rule: every answer, for those who ask about one line.
    repeated     the claims whose lines repeat the claim's amount, which the worklist counts once.
    governed     what documents of the language say of their lines; None: there is none.
    """

    exceptions: pl.DataFrame
    counted: pl.DataFrame
    gaps: pl.DataFrame
    answers: pl.DataFrame
    repeated: pl.DataFrame
    governed: DocumentAnswers | None = None

    @cached_property
    def rule_coverage(self) -> pl.DataFrame:
        """The contract's table of answers, counted."""
        return rule_coverage(self.counted, self.gaps)

    def every_answer(self) -> pl.DataFrame:
        """The answers of rules, and those of documents of the language: one row per line, policy,
        rule and term that answers by itself."""
        if self.governed is None:
            return self.answers
        of_documents = every_answer(self.governed)
        shared = [name for name in self.answers.columns if name in of_documents.columns]
        return pl.concat([self.answers, of_documents.select(shared)], how="diagonal")


class RuleRun(NamedTuple):
    """One rule on a dossier: its lines in scope, their settled answers, and what the rule itself
    found."""

    module: RuleModule
    scope: pl.DataFrame
    settled: pl.LazyFrame
    found: RuleAnswers


class _RuleFrames(NamedTuple):
    """What rules said: a frame of answers for each, of each kind of evidence, and of gaps."""

    answers: list[pl.DataFrame]
    evidence: list[pl.DataFrame]
    gaps: list[pl.DataFrame]


def run_rules(
    dossier: Dossier, book: PolicyBook, modules: Sequence[RuleModule]
) -> Iterator[RuleRun]:
    """Run each rule that has something to say, in turn: find its lines, evaluate, settle. Nothing
    but the lines is collected yet."""
    dossier, caps = with_repeats(dossier), cap_facts(dossier, book)
    for module in modules:
        scope = in_scope(dossier, book, module.RULE).collect()
        if scope.is_empty() and not module.RULE.speaks_without_lines:
            continue
        found = module.evaluate(dossier, scope.lazy(), book)
        settled = settle(scope.lazy(), found.answers, module.RULE, caps)
        if module.RULE.approved_care:
            policies = scope.lazy().select(ON)
            approved = caps.approved.drop("policy_id").join(policies, on="row_id")
            evidence = [*found.evidence, authorization_evidence(approved, FOR)]
            found = found._replace(evidence=evidence)
        yield RuleRun(module, scope, settled, found)


def judge(
    dossier: Dossier,
    book: PolicyBook,
    rules: tuple[RuleModule, ...],
    governed: DocumentAnswers | None = None,
) -> Judgement:
    """Every rule over the dossier, and what documents of the language say of it.

    The order of rows in the dossier does not matter.
    """
    with pl.Config(engine_affinity="in-memory"):  # sooner done with many plans of few rows
        found = _find_answers(dossier, book, rules)
    audited = dossier.lines.select("row_id", *JUDGED_LINE).collect()
    lines = pl.concat([audited, dossier.miscoded.select("row_id", *JUDGED_LINE).collect()])
    answers = pl.concat(found.answers).join(lines, on="row_id", maintain_order="left")
    evidence_lists = _gathered(found.evidence, lines, [*ON, "rule_id"])
    found_exceptions = answers.filter(pl.col("outcome").is_in(EXCEPTIONS)).join(
        evidence_lists, on=[*ON, "rule_id"], how="left"
    )
    counted, gaps = [counted_lines(answers, audited, governed)], found.gaps
    exceptions = [with_documents(found_exceptions, rules)]
    if governed is not None:
        exceptions.append(_of_documents(governed))
        counted.append(governed_lines(governed))
        gaps.append(
            governed.units.with_columns(reason=pl.lit(None, dtype=pl.String)).select(list(_GAP))
        )
    return Judgement(
        exceptions_of(pl.concat(exceptions, how="diagonal")),
        pl.concat(counted),
        pl.concat(gaps),
        answers,
        repeated_amounts(dossier),
        governed,
    )


def _find_answers(dossier: Dossier, book: PolicyBook, rules: tuple[RuleModule, ...]) -> _RuleFrames:
    """Collect what each rule says, one rule after the other."""
    found = _RuleFrames([pl.DataFrame(schema=_ANSWER_SCHEMA)], [], [pl.DataFrame(schema=_GAP)])
    for module, scope, every, of_rule in run_rules(dossier, book, rules):
        if of_rule.gaps is not None:
            found.gaps.append(
                of_rule.gaps.select("policy_id", "reason", rule_id=pl.lit(module.RULE.id))
                .with_columns(term_id=pl.lit(None, dtype=pl.String))
                .select(list(_GAP))
                .collect()
            )
        if scope.is_empty() and of_rule.answers.limit(1).collect().is_empty():
            continue
        settled = _shaped(every.select(_READ).collect())  # once, not for each kind of evidence
        found.answers.append(settled.select(_ANSWER))
        exceptions = settled.filter(pl.col("outcome").is_in(EXCEPTIONS)).select(ON)
        if exceptions.is_empty():  # most rules find nothing, and need no evidence
            continue
        evidence = [
            e.join(exceptions.lazy(), on=list(ON), how="semi").with_columns(
                rule_id=pl.lit(module.RULE.id)
            )
            for e in (line_evidence(settled.lazy()), *of_rule.evidence)
        ]
        found.evidence.extend(pl.collect_all(evidence))  # one plan of all rules takes far longer
    return found


def _of_documents(governed: DocumentAnswers) -> pl.DataFrame:
    """The exceptions of documents of the language, with their lines and evidence."""
    lines = governed.lines.drop("policy_id").unique("row_id")
    found = governed.answers.filter(pl.col("outcome").is_in(EXCEPTIONS))
    evidence = _gathered(list(governed.evidence), lines, _TERM_KEY)
    return (
        found.join(lines, on="row_id", maintain_order="left")
        .with_columns(drug="set_drug")
        .join(evidence, on=list(_TERM_KEY), how="left")
    )


def _shaped(settled: pl.DataFrame) -> pl.DataFrame:
    """The columns of an answer, null if the rule lacks them, and those of the line shown as
    evidence."""
    answer = (
        (pl.col(c) if c in settled.columns else pl.lit(None)).cast(_ANSWER_SCHEMA[c]).alias(c)
        for c in _ANSWER
    )
    return settled.select(*answer, *LINE_SHOWN)


def _gathered(frames: list[pl.DataFrame], lines: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """One row per `key`: the evidence as a list of structs, sorted."""
    ordered = pieces(frames, lines, key).sort(*key, *EVIDENCE_ORDER, nulls_last=True)
    return ordered.group_by(key, maintain_order=True).agg(evidence=pl.struct(list(EVIDENCE_FIELDS)))
