"""Things on file: whether a line's person, claim or payer has them, and if not, whether silence
means anything."""

import polars as pl

from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.kinds.asking import Asking, any_found, asked_windows, looks_from_course
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.coverage import approvals, as_evidence
from audit_rules.kinds.facts import fact_found
from audit_rules.kinds.ground import Ground
from audit_rules.kinds.lines_on_file import enough_found, lines_as_evidence, lines_on_file
from audit_rules.kinds.silence import with_silence
from audit_rules.kinds.truth import NamedEvidence, Truth
from audit_rules.policy.language import conditions as words
from audit_rules.policy.language.conditions import Thing


def thing_truth(ground: Ground, thing: Thing, asking: Asking) -> Truth:
    """Whether a thing is on file for every row of `asked`."""
    key = (thing, asking.pools.counting if looks_from_course(thing) else None, *asking[1:])
    if key not in ground.memo:
        ground.memo[key] = _thing_truth(ground, thing, asking)
    return ground.memo[key]  # type: ignore[no-any-return]


def _thing_truth(ground: Ground, thing: Thing, asking: Asking) -> Truth:
    asked = asked_windows(ground, thing, asking.pools)
    if thing.kind == words.AUTHORIZATION:
        word = thing.names[0]
        found = approvals(ground)
        if word != "approved":
            found = found.filter(pl.col("override") == word)
        is_found, unsure = any_found(ground, found), None
        evidence = as_evidence(found)
    elif thing.kind == words.FACT:
        facts = fact_found(ground, thing, asked, asking.strict)
        is_found, unsure, evidence = facts.is_found, None, facts.evidence
    elif thing.kind == words.DIAGNOSIS:
        evidence = _diagnoses(ground, thing, asked)
        is_found, unsure = any_found(ground, evidence), None
    else:
        rows = lines_on_file(ground, thing, asked)
        is_found, unsure = enough_found(ground, thing, rows)
        evidence = lines_as_evidence(rows)
    named = NamedEvidence(evidence, thing.name or " or ".join(thing.names))
    return with_silence(ground, thing, asked, asking, is_found, unsure, named)


def _diagnoses(ground: Ground, thing: Thing, asked: pl.DataFrame) -> pl.DataFrame:
    """The diagnoses on the claim and in the window, as evidence."""
    every = ground.dossier.diagnoses.collect()
    wanted = codes_meant(ground.policy.declared, thing.names, ground.diagnosis_codes)
    every = every.filter(pl.col("code").is_in(wanted))
    found = []
    if thing.same != "dates":
        asks = asked.select("ask_no", "person", "pay", "source", "claim")
        on_claims = every.filter(pl.col("claim_id").is_not_null())
        pairs = asks.join(
            on_claims, left_on=["person", "claim"], right_on=["person", "claim_id"], coalesce=False
        )
        is_own = (pl.col("claim_source") == pl.col("source")) & (
            pl.col("payer_id") == pl.col("pay")
        )
        found.append(pairs.filter(pl.col("claim_source").is_null() | is_own))
    if thing.same != "claim":
        facts = every.rename({"payer_id": "fact_payer"}).with_row_index("code_no")
        near = around(
            ground.dossier,
            asked.select("ask_no", "person", "day", "pay", "opens", "closes").lazy(),
            Facts(facts.lazy(), ("person",), "date", None, ("code_no",)),
            Window(pl.col("opens"), pl.col("closes")),
        ).collect()
        if thing.payers == "own":
            near = near.filter((pl.col("fact_payer") == pl.col("pay")).fill_null(True))
        found.append(near)
    return pl.concat(
        f.select(
            "ask_no",
            kind=pl.lit("diagnosis"),
            claim_source="claim_source",
            claim_id="claim_id",
            claim_line_number="claim_line_number",
            id="place",
            code="code",
            value=pl.lit(None, dtype=pl.String),
            date="date",
        )
        for f in found
    ).unique(maintain_order=True)
