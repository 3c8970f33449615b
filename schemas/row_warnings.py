"""The warnings about rows that are accepted as they are: what each says, and what to do about it.

Parsing and the Pandera models find those of values, settling those of claims and persons, and
judging those of authorizations.
"""

from typing import NamedTuple

from schemas.rows import (
    FLOAT_DUST,
    FORMAT_CHECKS,
    NEGATIVE_DAYS,
    OUT_OF_ORDER,
    UNKNOWN_FREQUENCY,
    UNKNOWN_WORD,
)
from schemas.senders import (
    DIGITS_LOST,
    MADE_A_NUMBER,
    MODIFIERS_JOINED,
    PLACEHOLDER,
    SENTINEL_DATE,
    TWO_DIGIT_YEAR,
)
from schemas.table import Kind

POSITIVE_VOID, IN_A_CIRCLE = "positive_void", "replacements_in_a_circle"
UNMATCHED_REVERSAL, UNMATCHED_REPLACEMENT = "unmatched_reversal", "unmatched_replacement"
MATCHED_BY_CONTENT = "matched_by_content"
SEVERAL_PERSONS, SEVERAL_DATES = "key_of_several_persons", "key_of_several_dates"
SEVERAL_PRODUCTS = "key_of_several_products"
MANY_MEMBERS = "person_of_many_members"
UNKNOWN_DRUG, UNKNOWN_PRODUCT = "drug_unknown", "product_unknown"
UNKNOWN_OVERRIDE = "override_unknown"
"""The names of the checks that need more than one row."""

COLUMN_OF = {
    MANY_MEMBERS: "person_id",
    IN_A_CIRCLE: "original_claim_id",
    POSITIVE_VOID: "paid_amount",
    UNMATCHED_REVERSAL: "original_claim_id",
    UNMATCHED_REPLACEMENT: "original_claim_id",
    MATCHED_BY_CONTENT: "paid_amount",
    SEVERAL_PERSONS: "claim_id",
    SEVERAL_DATES: "claim_id",
    SEVERAL_PRODUCTS: "claim_id",
    UNKNOWN_DRUG: "drug",
    UNKNOWN_PRODUCT: "product",
    UNKNOWN_OVERRIDE: "override",
}
"""Such a check -> the column that it is about."""


class RowWarning(NamedTuple):
    """A warning: what a note says of the rows that have it, and what its reader should do."""

    meaning: str
    remedy: str


_AS_TEXT = "Have the sender export identifiers and codes as text."
_AS_ISSUED = "Have the sender export the codes as they were issued; the rows count without them."
_AN_ID_PER_CLAIM = (
    "Find out what tells two claim lines of this sender apart, and make the claim id or the line "
    "number of it by an expression in the config."
)
_OF_CODES = {
    Kind.NDC: "NDC",
    Kind.ICD10CM: "ICD-10-CM code",
    Kind.HCPCS: "HCPCS code",
    Kind.MODIFIER: "modifier",
    Kind.TAXONOMY: "taxonomy code",
    Kind.NPI: "NPI",
}

ROW_WARNINGS = {
    MADE_A_NUMBER: RowWarning(
        "with an identifier or code that a table program made a number of: it is read without "
        "its decimals",
        _AS_TEXT,
    ),
    DIGITS_LOST: RowWarning(
        "with a power of ten in place of an identifier or code: it is unknown",
        f"{_AS_TEXT} The digits are lost in this file.",
    ),
    PLACEHOLDER: RowWarning(
        "with a word that stands for nothing in place of an identifier: it is unknown",
        "Nothing, if it is unknown; else have the sender fill the column.",
    ),
    SENTINEL_DATE: RowWarning(
        "with a date that databases write if they know none: it is unknown",
        "Nothing, if it is unknown; else have the sender fill the column.",
    ),
    MODIFIERS_JOINED: RowWarning(
        "with two modifiers in one column: both count",
        "Nothing; a column for each would be clearer.",
    ),
    TWO_DIGIT_YEAR: RowWarning(
        "with a year of two digits: a birth date after the as-of date is taken a century earlier",
        "Have the sender write years with four digits.",
    ),
    **{
        check: RowWarning(f"with a malformed {_OF_CODES[kind]}: it matches nothing", _AS_ISSUED)
        for kind, check in FORMAT_CHECKS.items()
    },
    UNKNOWN_WORD: RowWarning(
        "with a word that the column does not know: it counts as unknown",
        "Translate the word in the config, by an expression.",
    ),
    UNKNOWN_FREQUENCY: RowWarning(
        "with a frequency that is not one digit: it means nothing",
        "Translate it in the config, by an expression.",
    ),
    NEGATIVE_DAYS: RowWarning(
        "with a negative number of days' supply: it counts as unknown",
        "Ask the sender what it means.",
    ),
    OUT_OF_ORDER: RowWarning(
        "with dates in the wrong order",
        "Check that the columns are mapped as the sender means them.",
    ),
    FLOAT_DUST: RowWarning(
        "with an amount that is a trace off a whole cent: it is rounded",
        "Nothing; a table program or a database calculated in binary.",
    ),
    MANY_MEMBERS: RowWarning(
        "of a person_id with so many member_ids that it links nobody",
        "Ask the sender what the column holds: probably it is not a person's id.",
    ),
    IN_A_CIRCLE: RowWarning(
        "of claims that replace each other in a circle: no rule judges them",
        "Look at the rows: probably the original claim id names the wrong claim.",
    ),
    POSITIVE_VOID: RowWarning(
        "of frequency 8 with an amount above zero, taken as voids: no rule judges them, or what "
        "they void",
        "Look at the rows: they may be payments.",
    ),
    UNMATCHED_REVERSAL: RowWarning(
        "of reversals of a claim that is not there: nothing is taken back",
        "Load the files that hold these claims, or check that claim ids have one form in all "
        "files.",
    ),
    UNMATCHED_REPLACEMENT: RowWarning(
        "of replacements of a claim that is not there: each is a claim of its own",
        "Load the files that hold these claims, or check that claim ids have one form in all "
        "files.",
    ),
    MATCHED_BY_CONTENT: RowWarning(
        "of reversals that name no claim, and take back the one line of the same person, date, "
        "product and amount",
        "Have the sender fill the original claim id.",
    ),
    SEVERAL_PERSONS: RowWarning(
        "of a claim id and line that several persons share: it is a line of each", _AN_ID_PER_CLAIM
    ),
    SEVERAL_DATES: RowWarning(
        "of versions of one line with several service dates: claim id and line number may not tell "
        "two claim lines apart, as a prescription number alone does not",
        _AN_ID_PER_CLAIM,
    ),
    SEVERAL_PRODUCTS: RowWarning(
        "of versions of one line with several products: claim id and line number may not tell two "
        "claim lines apart, as a prescription number alone does not",
        _AN_ID_PER_CLAIM,
    ),
    UNKNOWN_DRUG: RowWarning(
        "with a word that no audited drug answers to: these decisions cover nothing",
        "Nothing, if they are about other drugs; else translate the word in the config.",
    ),
    UNKNOWN_PRODUCT: RowWarning(
        "with a product that is neither brand nor generic: these decisions cover nothing",
        "Translate the word in the config, by an expression.",
    ),
    UNKNOWN_OVERRIDE: RowWarning(
        "with an override that no policy names: it counts as none",
        "Translate the word in the config, by an expression.",
    ),
}
"""Check name -> its warning, in the order of the notes."""
