"""The caps on the outcomes of documents of the language."""

from collections.abc import Sequence

import polars as pl

from audit_rules.engine.authorizations import approvals as approvals_of_drug
from audit_rules.engine.caps import capped
from audit_rules.kinds.coverage import approvals, as_evidence
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.registry import BY_KIND
from audit_rules.policy.document import Policy
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import FAR_FUTURE
from schemas.outcomes import ADVISORY, NONE
from schemas.results import EVIDENCE_FIELDS

_APPROVAL = ["ask_no", *(name for name in EVIDENCE_FIELDS if name != "side")]


def approved_beforehand(ground: Ground) -> pl.DataFrame:
    """The approvals of each line's care, as evidence: ask_no and its fields. Of a document's drug
    they are those that the rules of the drug take for it."""
    if "approved beforehand" not in ground.memo:
        drugs = [s.number for s in ground.sets if s.of_drug]
        lines = ground.asked.select("ask_no", "set_no", "row_id")
        of_drug = lines.filter(pl.col("set_no").is_in(drugs))
        others = lines.filter(~pl.col("set_no").is_in(drugs))
        found = [pl.DataFrame(schema={n: EVIDENCE_FIELDS.get(n, pl.UInt32) for n in _APPROVAL})]
        if others.height:
            found.append(as_evidence(approvals(ground).join(others, on="ask_no", how="semi")))
        if of_drug.height:
            by_line = approvals_of_drug(ground.dossier, ground.book).collect()
            found.append(as_evidence(by_line.join(of_drug, on="row_id")))
        ground.memo["approved beforehand"] = pl.concat(f.select(_APPROVAL) for f in found)
    return ground.memo["approved beforehand"]  # type: ignore[no-any-return]


_FLAGS = (
    "text_is_missing",
    "review_has_passed",
    "is_approved_care",
    "other_law_is_first",
    "ndc_is_unverified",
    "is_demoted",
)


def _versions(policy: Policy) -> pl.DataFrame:
    starts = [v.effective_from for v in policy.versions]
    rows = [
        (v.effective_from, until, v.approved_on if v.text_in_hand else until, v.reviewed_through)
        for v, until in zip(policy.versions, [*starts[1:], FAR_FUTURE], strict=True)
    ]
    names = ("version_from", "version_to", "text_from", "reviewed_through")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Date), orient="row")


def capped_rows(
    ground: Ground,
    rows: pl.DataFrame,
    terms: Sequence[LanguageTerm],
    other_law: pl.DataFrame,
    approved_care: frozenset[str],
) -> pl.DataFrame:
    """Rows with the outcome after the caps, `capped_because`, and the version in force."""
    lines = ground.asked.select("ask_no", "ndc_code", "day")
    rows = rows.join(lines, on="ask_no", maintain_order="left").join_where(
        _versions(ground.policy),
        pl.col("version_from") <= pl.col("day"),
        pl.col("day") < pl.col("version_to"),
    )
    own_acts = {reason for m in BY_KIND.values() for reason in m.RULE.plans_own_acts}
    care = [n for n, t in enumerate(terms) if t.rule_id in approved_care]
    no_line = pl.Series("ask_no", [], dtype=pl.UInt32)
    approved = approved_beforehand(ground)["ask_no"].unique() if care else no_line
    other = other_law.filter(pl.col("policy_id") == ground.policy.document.id)
    free = [(n, e) for n, t in enumerate(terms) for e, f in enumerate(t.finding) if not f.capped]
    is_free = pl.format("{} {}", "term_no", "entry").is_in([f"{n} {e}" for n, e in free])
    is_free = is_free.fill_null(False)
    day = pl.col("day")
    flags = {
        "text_is_missing": (day < pl.col("text_from"))
        & ~pl.col("kind_reason").is_in(list(own_acts)),
        "review_has_passed": pl.col("reviewed_through") < day,
        "is_approved_care": pl.col("ask_no").is_in(approved.implode())
        & pl.col("term_no").is_in(care),
        "other_law_is_first": pl.col("row_id").is_in(other["row_id"].implode()),
        "ndc_is_unverified": pl.col("ndc_code").is_in(list(ground.book.reference.inferred_ndcs)),
        "is_demoted": pl.col("term_id").is_in(sorted(ground.book.demoted)),
    }
    flagged = rows.with_columns(
        policy_id=pl.lit(ground.policy.document.id),
        **{name: flag.fill_null(False) & ~is_free for name, flag in flags.items()},
    )
    made = flagged.lazy().pipe(capped).collect()
    nothing = pl.col("is_failed") & (
        (pl.col("outcome") == ADVISORY) | (pl.col("amount_basis") == NONE)
    )
    return made.with_columns(
        amount_cents=pl.when(nothing).then(0).otherwise("amount_cents"),
        amount_basis=pl.when(nothing).then(pl.lit(NONE)).otherwise("amount_basis"),
    ).drop(*_FLAGS, "text_from", "version_to", "reviewed_through", "ndc_code", "day")
