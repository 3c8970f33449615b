"""Every document of the language over the dossier: its answers, evidence and counts."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from audit_rules.engine.caps import lines_under_other_law
from audit_rules.engine.document_answers import DocumentAnswers
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.duplicates import with_repeats
from audit_rules.engine.evidence import line_evidence
from audit_rules.engine.judge import Judgement, judge
from audit_rules.engine.rule import Described, PolicyBook, RuleModule, ids_of_price_rules
from audit_rules.kinds.answers import answers_of, with_amounts
from audit_rules.kinds.caps import approved_beforehand, capped_rows
from audit_rules.kinds.counting import Pools
from audit_rules.kinds.ground import Ground, history_of
from audit_rules.kinds.registry import BY_KIND
from audit_rules.kinds.setting import KindResult, Setting
from audit_rules.kinds.together import once, one_of_alternatives, one_per_rule, one_per_term
from audit_rules.kinds.truth import NamedEvidence
from audit_rules.kinds.wording import with_words
from audit_rules.policy.document import Policy
from audit_rules.policy.language.amounts import Quantity
from audit_rules.policy.language.terms import LanguageTerm
from schemas.frames import JUDGED_LINE
from schemas.outcomes import EXCEPTIONS, RECORDS_REQUEST
from schemas.results import AGAINST, EVIDENCE_FIELDS, FOR

_TERM_OWN = {
    "term_id",
    "effective_from",
    "effective_to",
    "cite",
    "basis",
    "assumed",
    "partly",
    "of",
    "most",
    "below",
    "alternatives",
}


def judge_documents(
    dossier: Dossier, book: PolicyBook, rules: Sequence[Described]
) -> DocumentAnswers | None:
    """The answers of every document of the language; None if there is none.

    rules   those whose ids a term may take; their caps go with the id.
    """
    documents = book.library.spoken()
    if not documents:
        return None
    history = history_of(dossier, book)
    repeats = with_repeats(dossier).repeats.collect()["row_id"]
    other_law = lines_under_other_law(dossier, book).collect()
    approved_care = frozenset(m.RULE.id for m in rules if m.RULE.approved_care)
    grounds = [Ground(dossier, book, policy, history, repeats) for policy in documents]
    asked = [g for g in grounds if g.judged.height] or grounds[:1]  # others have no answer
    parts = [_judge(ground, other_law, approved_care) for ground in asked]
    return DocumentAnswers(
        pl.concat(answers for answers, _ in parts),
        [e for _, evidence in parts for e in evidence],
        pl.concat(_lines(ground) for ground in asked),
        pl.concat(_units(policy, policy.language_terms) for policy in documents),
    )


def judge_all(dossier: Dossier, book: PolicyBook, rules: Sequence[Described]) -> Judgement:
    """What rules, and every document of the language, say of the dossier.

    rules   those that judge lines themselves, and those whose ids a term may take.
    """
    modules = tuple(m for m in rules if isinstance(m, RuleModule))
    return judge(dossier, book, modules, judge_documents(dossier, book, rules))


def judge_prices(dossier: Dossier, book: PolicyBook, rules: Sequence[Described]) -> Judgement:
    """What rules that look at prices say of the dossier, and nothing of what others say."""
    ids = ids_of_price_rules(rules)
    modules = tuple(m for m in rules if isinstance(m, RuleModule) and m.RULE.id in ids)
    found = judge(dossier, book, modules)
    return replace(found, counted=found.counted.filter(pl.col("rule_id").is_in(ids)))


def sets_of_lines(dossier: Dossier, book: PolicyBook) -> pl.DataFrame:
    """The sets of each document in which its lines are: policy_id, row_id, set_no."""
    history, repeats = history_of(dossier, book), pl.Series(dtype=pl.Int64)
    parts = [
        Ground(dossier, book, policy, history, repeats).judged.select(
            "row_id", "set_no", policy_id=pl.lit(policy.document.id)
        )
        for policy in book.library.spoken()
    ]
    return pl.concat(parts)


def _settings(ground: Ground, terms: Sequence[LanguageTerm]) -> Iterator[Setting]:
    """Terms of one shape together: a table may make thousands of them. Those without a line are
    left out, but for one if all are."""
    shapes: dict[str, list[int]] = {}
    for number in _with_lines(ground, terms) or [0]:
        term = terms[number]
        shape = f"{number}"
        if isinstance(term, Quantity) and _counts_one_set(ground, term):
            fields = {k: v for k, v in iter(term) if k not in _TERM_OWN}
            shape = f"{term.kind} {fields!r}"
        shapes.setdefault(shape, []).append(number)
    for numbers in shapes.values():
        yield Setting(ground, [terms[n] for n in numbers], numbers)


def _with_lines(ground: Ground, terms: Sequence[LanguageTerm]) -> list[int]:
    """The numbers of the terms that are about some line that is judged."""
    judged = set(ground.judged["set_no"].unique())
    there = {one.name for one in ground.sets if one.number in judged}
    declared = ground.policy.declared
    return [n for n, t in enumerate(terms) if any(s.name in there for s in declared.sets_of(t))]


def _counts_one_set(ground: Ground, term: LanguageTerm) -> bool:
    """Whether each set of the term counts by itself."""
    if term.by in (None, "set"):
        return True
    return term.by == "product" and len(ground.policy.declared.sets_of(term)) == 1


def _judge(
    ground: Ground, other_law: pl.DataFrame, approved_care: frozenset[str]
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """The answers of a document, and their evidence."""
    terms = ground.policy.language_terms
    every, found = [], []
    pools: dict[int, Pools] = {}
    for setting in _settings(ground, terms):
        tested = BY_KIND[setting.term.kind].test(setting)
        rows = with_amounts(ground, answers_of(setting, tested))
        every.append(rows)
        found.append((setting, tested))
        pools |= dict.fromkeys(setting.numbers, setting.asking.pools)
    rows = pl.concat(every).pipe(_with_terms, terms)
    rows = capped_rows(ground, rows, terms, other_law, approved_care)
    lines = ground.asked.select(
        "row_id", "person", "payer_id", "day", "claim_source", "claim_id", "claim_line_number"
    ).unique("row_id")
    rows = (
        rows.pipe(one_per_term)
        .pipe(one_of_alternatives, terms)
        .pipe(one_per_rule, terms)
        .pipe(once, lines, terms)
    )
    answers = _worded(ground, rows, terms, pools)
    return answers, list(_evidence(ground, answers, found, approved_care))


def _with_terms(rows: pl.DataFrame, terms: Sequence[LanguageTerm]) -> pl.DataFrame:
    """Rows with term_id and cite: that of a phase or thing, else the term's."""
    stated = pl.DataFrame(
        [(n, t.term_id, t.cite) for n, t in enumerate(terms)],
        schema={"term_no": pl.Int64, "term_id": pl.String, "cite": pl.String},
        orient="row",
    )
    return rows.join(stated, on="term_no", maintain_order="left").with_columns(
        cite=pl.coalesce("clause", "cite")
    )


def _worded(
    ground: Ground, rows: pl.DataFrame, terms: Sequence[LanguageTerm], pools: dict[int, Pools]
) -> pl.DataFrame:
    """Answers with rationale, citation and the documents that would settle a request."""
    title = ground.policy.document.title
    failed = with_words(ground, rows.filter("is_failed"), terms, pools)
    rest = rows.filter(~pl.col("is_failed"))
    needs = pl.DataFrame(
        [(n, e, list(f.documents)) for n, t in enumerate(terms) for e, f in enumerate(t.finding)],
        schema={"term_no": pl.Int64, "entry": pl.Int64, "documents": pl.List(pl.String)},
        orient="row",
    )
    answers = pl.concat([failed, rest], how="diagonal").join(
        needs, on=["term_no", "entry"], how="left"
    )
    is_request = pl.col("outcome") == RECORDS_REQUEST
    nothing = pl.lit([], dtype=pl.List(pl.String))
    drugs = {s.number: s.drug for s in ground.sets}
    return (
        answers.with_columns(
            policy_id=pl.lit(ground.policy.document.id),
            citation=pl.format("{}: {}", pl.lit(title), "cite"),
            rationale=pl.when("is_failed").then(
                pl.concat_str("rationale", "capped_because", ignore_nulls=True)
            ),
            documents_needed=pl.when(is_request)
            .then(pl.col("documents").fill_null(nothing))
            .otherwise(nothing),
            set_drug=pl.col("set_no").replace_strict(drugs, return_dtype=pl.String),
            counted_term=pl.when(pl.col("unit") >= 0).then("term_id"),
        )
        .select(
            "row_id",
            "policy_id",
            "rule_id",
            "outcome",
            "reason",
            "observed",
            "allowed",
            "amount_cents",
            "amount_basis",
            "term_id",
            "citation",
            "version_from",
            "rationale",
            "documents_needed",
            "set_no",
            "set_drug",
            "counted_term",
            "ask_no",
            "term_no",
        )
        .cast({"observed": pl.Float64, "allowed": pl.Float64, "amount_cents": pl.Int64})
    )


def _evidence(
    ground: Ground,
    answers: pl.DataFrame,
    found: list[tuple[Setting, KindResult]],
    approved_care: frozenset[str],
) -> Iterator[pl.DataFrame]:
    """The evidence of exceptions: the line, what made the clause apply, what the test found, and
    under the ids of rules that yield to it the approval of the care."""
    key = ["row_id", "policy_id", "rule_id", "term_id"]
    shown = answers.filter(pl.col("outcome").is_in(EXCEPTIONS)).select(*key, "ask_no", "term_no")
    lines = ground.asked.select(
        "ask_no",
        "claim_source",
        "claim_id",
        "claim_line_number",
        "quantity",
        "product_code",
        "service_date",
    )
    own = shown.drop("term_no").join(lines, on="ask_no").lazy()
    billed = line_evidence(own).collect()
    yield billed.join(shown.select(key).unique(), on=["row_id", "policy_id"], how="inner").select(
        *key, *EVIDENCE_FIELDS
    )
    for setting, tested in found:
        mine = shown.filter(pl.col("term_no").is_in(list(setting.numbers)))
        if mine.is_empty():
            continue
        yields = any(term.rule_id in approved_care for term in setting.terms)
        sides: list[tuple[str, Sequence[NamedEvidence]]] = [
            (AGAINST, setting.applies.found if setting.applies else ()),
            (AGAINST, tested.against),
            (FOR, tested.in_favour),
            (FOR, [NamedEvidence(approved_beforehand(ground), "")] if yields else ()),
        ]
        for side, facts in sides:
            for one in facts:
                yield (
                    mine.join(one.facts, on="ask_no")
                    .with_columns(side=pl.lit(side))
                    .select(*key, *(pl.col(n).cast(t) for n, t in EVIDENCE_FIELDS.items()))
                )


def _lines(ground: Ground) -> pl.DataFrame:
    """The lines of the document: those of its payers in a set that some term names."""
    named = {
        s.name for t in ground.policy.language_terms for s in ground.policy.declared.sets_of(t)
    }
    mine = ground.judged.filter(pl.col("set_no").is_in(ground.numbers(tuple(named))))
    every = pl.concat([ground.dossier.fills, ground.dossier.services]).select(
        "row_id", *JUDGED_LINE
    )
    numbers = mine["row_id"].unique()
    return (
        every.filter(pl.col("row_id").is_in(numbers.implode()))
        .collect()
        .with_columns(
            policy_id=pl.lit(ground.policy.document.id),
            is_in_force=pl.col("service_date") >= ground.policy.versions[0].effective_from,
        )
    )


def _units(policy: Policy, terms: Sequence[LanguageTerm]) -> pl.DataFrame:
    rows = {
        (policy.document.id, t.rule_id or t.default_rule, None if t.rule_id else t.term_id): None
        for t in terms
    }
    schema = {"policy_id": pl.String, "rule_id": pl.String, "term_id": pl.String}
    return pl.DataFrame(list(rows), schema=schema, orient="row")
