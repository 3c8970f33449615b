"""Caps: facts about a line that keep a rule from accusing, and the one table of what they do.

A cap changes the outcome of an answer, never its reason, amount, observed or allowed. House terms
(policy_id `general`) are never capped. Last, for every policy, a `recover` needs an amount.
"""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from audit_rules.engine.authorizations import approvals
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule
from audit_rules.policy.terms.persons import OtherLaw
from schemas.days import LAST_DAY
from schemas.outcomes import ADVISORY, GENERAL, RECORDS_REQUEST, RECOVER, REVIEW

_SO = " So a person must look at this first."
NO_AMOUNT = "no_amount"
NOTHING_TO_RECOVER = "nothing_to_recover"


class Cap(NamedTuple):
    """One cap.

    flag       the column that says whether it fits a line and policy.
    lowers     the outcomes that it lowers to `review`.
    because    why, as a sentence for the provider.
    """

    flag: str
    lowers: tuple[str, ...]
    because: str


CAPS = (
    Cap(
        "text_is_missing",
        (RECOVER, RECORDS_REQUEST),
        "The policy text in force that day is not at hand, or was not approved yet.",
    ),
    Cap(
        "review_has_passed",
        (RECOVER,),
        "The document's own date of review had passed.",
    ),
    Cap(
        "is_approved_care",
        (RECOVER, RECORDS_REQUEST),
        "The plan approved this care beforehand.",
    ),
    Cap(
        "other_law_is_first",
        (RECOVER, RECORDS_REQUEST),
        "The patient's coverage follows other law before this policy.",
    ),
    Cap(
        "ndc_is_unverified",
        (RECOVER, RECORDS_REQUEST),
        "The line's package code (NDC) is not verified.",
    ),
    Cap(
        "is_demoted",
        (RECOVER, RECORDS_REQUEST),
        "Too many findings under this clause were overturned when they were reviewed.",
    ),
)
"""Every cap that lowers an outcome to `review`; all that fit apply."""

_LAST = {
    NO_AMOUNT: "No price is known for it, so nothing is asked back before a person has looked.",
    NOTHING_TO_RECOVER: "There is nothing to ask back.",
}


class CapFacts(NamedTuple):
    """What caps read of the lines.

    approved        one row per line and authorization that approved its care beforehand.
    approved_lines  the numbers of those lines, as one list.
    other_law       one row per line and policy that yields to other law: row_id, policy_id.
    inferred_ndcs   NDCs that nobody has verified.
    demoted         ids of terms whose findings were overturned too often.
    """

    approved: pl.LazyFrame
    approved_lines: pl.Series
    other_law: pl.LazyFrame
    inferred_ndcs: frozenset[str]
    demoted: frozenset[str]


def cap_facts(dossier: Dossier, book: PolicyBook) -> CapFacts:
    """Look up what caps read, once for all rules."""
    approved = approvals(dossier, book).collect()
    return CapFacts(
        approved.lazy(),
        approved["row_id"].unique().implode(),
        lines_under_other_law(dossier, book),
        book.reference.inferred_ndcs,
        book.demoted,
    )


def lines_under_other_law(dossier: Dossier, book: PolicyBook) -> pl.LazyFrame:
    """Lines on which a span of the policy's payer is of a kind that other law governs."""
    terms = book.terms(OtherLaw)
    payers = book.library.versions().select("policy_id", "policy_payer", "policy_drug").unique()
    asked = terms.join(payers, on="policy_id").join(
        dossier.lines, left_on=["policy_payer", "policy_drug"], right_on=["payer_id", "drug"]
    )
    day = pl.col("service_date")
    asked = asked.filter((pl.col("term_from") <= day) & (day < pl.col("term_to")))
    kinds = asked.select(
        *ON, "person", payer_id="policy_payer", kind="payer_types", day="service_date"
    ).explode("kind")
    word = pl.col("payer_type").str.to_lowercase()
    spans = (
        dossier.enrollment.join(
            terms.select(kind="payer_types").explode("kind").unique(), how="cross"
        )
        .filter(word.str.contains(pl.col("kind"), literal=True))
        .select(
            "person",
            "payer_id",
            "kind",
            "enrollment_start_date",
            until=pl.col("enrollment_end_date").fill_null(LAST_DAY),
        )
    )
    order = ("enrollment_start_date", "until")
    facts = Facts(spans, ("person", "payer_id", "kind"), order[0], order[1], order)
    covered = around(dossier, kinds, facts, Window(closes=pl.col("day"), at=pl.col("day")))
    return covered.select(ON).unique().collect().lazy()


def with_cap_flags(answers: pl.LazyFrame, facts: CapFacts, rule: Rule) -> pl.LazyFrame:
    """Answers with the flag of every cap."""
    other_law = facts.other_law.with_columns(other_law_is_first=pl.lit(True))
    is_approved = pl.col("row_id").is_in(facts.approved_lines)
    has_term = facts.demoted and "term_id" in answers.collect_schema().names()
    is_demoted = pl.col("term_id").is_in(facts.demoted) if has_term else pl.lit(False)
    return answers.join(other_law, on=list(ON), how="left").with_columns(
        pl.col("other_law_is_first").fill_null(False),
        is_approved_care=is_approved if rule.approved_care else pl.lit(False),
        text_is_missing=pl.col("text_is_missing")
        & ~pl.col("reason").is_in(rule.plans_own_acts).fill_null(False),
        ndc_is_unverified=pl.col("ndc_code").is_in(facts.inferred_ndcs).fill_null(False),
        is_demoted=is_demoted.fill_null(False),
    )


def capped(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Answers with the capped outcome, and `capped_because`: sentences, empty if nothing capped.

    Needs the flag of every cap, outcome, and amount_cents as computed for an exception.
    """
    is_general = pl.col("policy_id") == GENERAL
    fits = [pl.col(cap.flag) & pl.col("outcome").is_in(cap.lowers) & ~is_general for cap in CAPS]
    lowered = pl.when(pl.any_horizontal(fits)).then(pl.lit(REVIEW)).otherwise("outcome")
    because = _sentences(
        [
            *zip(fits, (f" {cap.because}" for cap in CAPS), strict=True),
            (pl.any_horizontal(fits), _SO),
        ]
    )
    last = pl.when((pl.col("outcome") == RECOVER) & pl.col("amount_cents").is_null())
    unpriced = last.then(pl.lit(NO_AMOUNT)).when(
        (pl.col("outcome") == RECOVER) & (pl.col("amount_cents") == 0)
    )
    return (
        answers.with_columns(outcome=lowered, capped_because=because)
        .with_columns(last_cap=unpriced.then(pl.lit(NOTHING_TO_RECOVER)))
        .with_columns(
            outcome=pl.when(pl.col("last_cap") == NO_AMOUNT)
            .then(pl.lit(REVIEW))
            .when(pl.col("last_cap") == NOTHING_TO_RECOVER)
            .then(pl.lit(ADVISORY))
            .otherwise("outcome"),
            capped_because=pl.concat_str(
                "capped_because",
                pl.col("last_cap").replace_strict(
                    {k: f" {v}" for k, v in _LAST.items()}, default="", return_dtype=pl.String
                ),
            ),
        )
        .drop("last_cap")
    )


def without_caps(rationale: str) -> tuple[str, str]:
    """A rationale in two parts: what its rule says, and the sentences that caps added."""
    sentences = [*(f" {cap.because}" for cap in CAPS), _SO, *(f" {s}" for s in _LAST.values())]
    rest = rationale
    while added := next((s for s in sentences if rest.endswith(s)), ""):
        rest = rest.removesuffix(added)
    return rest, rationale[len(rest) :]


def _sentences(rows: Iterable[tuple[pl.Expr, str]]) -> pl.Expr:
    """The sentences of every condition that holds, one after the other."""
    return pl.concat_str(
        [pl.when(fits).then(pl.lit(text)).otherwise(pl.lit("")) for fits, text in rows]
    )
