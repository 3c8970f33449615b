"""Authorizations of the drug of a set, and those that cover a line."""

import polars as pl

from audit_rules.engine.authorizations import APPROVED
from audit_rules.kinds.ground import Ground
from audit_rules.reference.drug_words import ndc11
from schemas.results import EVIDENCE_FIELDS, Schema

EVIDENCE = [name for name in EVIDENCE_FIELDS if name != "side"]


def decisions_asked(ground: Ground) -> pl.DataFrame:
    """Every authorization of a line's person, payer and drug: ask_no, day, and the decision."""
    if "decisions" not in ground.memo:
        words = _words_of_sets(ground)
        decisions = ground.dossier.authorizations.collect()
        word = pl.col("drug_word").str.to_lowercase().str.strip_chars()
        spelt = [word, ndc11(word), pl.col("drug").str.to_lowercase()]
        named = pl.concat(
            [decisions.with_columns(word=s).join(words, on="word") for s in spelt]
        ).unique(["authorization_no", "set_no"])
        product = pl.col("product")
        spelt_so = pl.col("product_word").str.to_lowercase().str.strip_chars()
        is_of_the_set = (pl.col("products").list.contains(p) for p in (product, spelt_so))
        named = named.filter(product.is_null() | pl.any_horizontal(is_of_the_set))
        asks = ground.asked.select("ask_no", "set_no", "person", "payer_id", "day")
        ground.memo["decisions"] = asks.join(
            named.drop("products", "word"), on=["set_no", "person", "payer_id"]
        )
    return ground.memo["decisions"]  # type: ignore[no-any-return]


def _words_of_sets(ground: Ground) -> pl.DataFrame:
    rows = []
    for one in ground.sets:
        rows += [(one.number, word, one.product_words) for word in one.drug_words]
    schema: Schema = {"set_no": pl.Int64, "word": pl.String, "products": pl.List(pl.String)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def covering(ground: Ground) -> pl.DataFrame:
    """The decisions that cover each line, of any status."""
    day = pl.col("day")
    return decisions_asked(ground).filter(pl.col("start_date") <= day, day <= pl.col("end_date"))


def approvals(ground: Ground) -> pl.DataFrame:
    """The approvals that cover each line."""
    return covering(ground).filter(pl.col("status") == APPROVED)


def payer_sends(ground: Ground) -> pl.Series:
    """Whether the line's payer has a row among the authorizations, for every row of `asked`."""
    payers = ground.dossier.authorization_start.select("payer_id").unique().collect()
    return ground.asked["payer_id"].is_in(payers["payer_id"].implode())


def as_evidence(decisions: pl.DataFrame) -> pl.DataFrame:
    """Decisions as evidence: ask_no and its fields."""
    text = pl.lit(None, dtype=pl.String)
    return decisions.select(
        "ask_no",
        kind=pl.lit("authorization"),
        claim_source=text,
        claim_id=text,
        claim_line_number=pl.lit(None, dtype=pl.Int64),
        id="authorization_id",
        code="product",
        value="status",
        date="start_date",
    )
