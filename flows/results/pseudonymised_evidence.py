"""Evidence under pseudonyms: known codes and words stay, and nothing that a sender typed freely."""

import polars as pl

from flows.privacy import Pseudonyms
from flows.results.pseudonymised_values import pseudonymise_npis, pseudonymise_values
from schemas.formats import PATTERNS
from schemas.results import EVIDENCE_FIELDS, EVIDENCE_ORDER
from schemas.table import Kind
from schemas.tables import EVIDENCE_VALUES

DAW_CODE = "daw_code"
_ORDER_WITHIN_A_KIND = [name for name in EVIDENCE_ORDER if name not in ("side", "kind")]
BORN_OR_DIED = ("birth_date", "death_date")
_CODES = "|".join(PATTERNS[k] for k in (Kind.NDC, Kind.HCPCS, Kind.ICD10CM, Kind.TAXONOMY))
_OF_A_LINE = ("fill", "dose", "service", "diagnosis")
_PRODUCTS = ("brand", "generic")
_NUMBER = r"^-?\d{1,18}(\.\d+)?$"
_DAW_CODES = r"^[\dA]$"
_PRICES = ("unit_price", "generic_unit_price", "price_window")
_WORDS = sorted({word for words in EVIDENCE_VALUES.values() for word in words.values()})


def pseudonymise_evidence(lists: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    """Evidence with pseudonyms for claims and authorizations, and without withheld dates.

    The pieces of one side and kind are sorted by what they show, dates first: their order says
    nothing about real ids.
    """
    rows = lists.to_frame("evidence").with_row_index("row")
    facts = rows.filter(pl.col("evidence").list.len() > 0).explode("evidence").unnest("evidence")
    facts = facts.with_row_index("place")
    changed = facts.with_columns(
        pl.col("place").min().over("row", "side", "kind"),
        claim_id=pseudonymise_values(facts["claim_id"], "claim", pseudonyms),
        id=_shown_id(facts, pseudonyms),
        code=_shown_code(),
        value=_shown_value(),
        date=pl.when(~pl.col("code").is_in(BORN_OR_DIED).fill_null(False)).then("date"),
    )
    changed = changed.sort("row", "place", *_ORDER_WITHIN_A_KIND)
    regrouped = changed.group_by("row", maintain_order=True).agg(
        evidence=pl.struct(list(EVIDENCE_FIELDS))
    )
    joined = rows.select("row").join(regrouped, on="row", how="left", maintain_order="left")
    evidence = joined["evidence"]
    if not evidence.null_count():
        return evidence
    return evidence.fill_null(pl.Series([[]], dtype=lists.dtype)).cast(lists.dtype)


def _shown_id(facts: pl.DataFrame, pseudonyms: Pseudonyms) -> pl.Expr:
    """Pseudonyms for authorizations and for what is no NPI; of a diagnosis the column it is in."""
    kind, identifier = pl.col("kind"), pl.col("id")
    return (
        pl.when((kind == "diagnosis") | identifier.is_in([DAW_CODE, *_PRICES]))
        .then(identifier)
        .when(kind == "authorization")
        .then(pseudonymise_values(facts["id"], "authorization", pseudonyms))
        .otherwise(pseudonymise_npis(facts["id"], pseudonyms))
    )


def _shown_code() -> pl.Expr:
    """Codes in the form of their kind; of an authorization the product, if it is a known word."""
    kind, code = pl.col("kind"), pl.col("code")
    is_shown = (
        pl.when(kind.is_in(_OF_A_LINE))
        .then(code.str.contains(_CODES))
        .when(kind == "authorization")
        .then(code.is_in(_PRODUCTS))
        .otherwise(kind.is_in(["evidence", "eligibility"]))  # codes that this program knows
    )
    return pl.when(is_shown).then(code)


def _shown_value() -> pl.Expr:
    """Figures and words of this program. What a sender may have typed has to be a known word."""
    kind, value = pl.col("kind"), pl.col("value")
    is_shown = (
        pl.when(pl.col("id") == DAW_CODE)
        .then(value.str.contains(_DAW_CODES))
        .when(kind == "evidence")
        .then(value.is_in(_WORDS) | value.str.contains(_NUMBER))
        .otherwise(True)
    )
    return pl.when(is_shown).then(value)
