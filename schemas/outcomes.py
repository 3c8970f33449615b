"""What a rule can answer about one line, what that means, and how an amount at risk is computed."""

from typing import Final, Literal

import polars as pl

ExceptionOutcome = Literal["recover", "records_request", "review", "advisory"]
"""The outcome of an exception, as a policy states it."""

RECOVER: Final = "recover"
RECORDS_REQUEST: Final = "records_request"
REVIEW: Final = "review"
ADVISORY: Final = "advisory"
PASS = "pass"
NOT_APPLICABLE = "not_applicable"
NOT_EVALUABLE = "not_evaluable"

EXCEPTIONS = (RECOVER, RECORDS_REQUEST, REVIEW, ADVISORY)
"""Outcomes that make an exception, strongest first."""

ANSWERS = (*EXCEPTIONS, PASS, NOT_APPLICABLE, NOT_EVALUABLE)
"""Every outcome that a rule can answer."""

MEANING = {
    RECOVER: "the claims alone prove it",
    RECORDS_REQUEST: "named documents would settle it",
    REVIEW: "a person must judge",
    ADVISORY: "nothing to recover; worth knowing",
}
"""What the outcome of an exception means, as half a sentence for a legend."""

SETTLED_BY = {
    RECOVER: (
        "The claims alone prove it. A corrected claim, or a fact that is not on file, would"
        " change it."
    ),
    RECORDS_REQUEST: "The documents below.",
    REVIEW: "A person's judgement of the clause and the evidence.",
    ADVISORY: "Nothing is asked of the provider.",
}
"""What would settle an exception of that outcome, in sentences for the provider."""

FULL_PAID = "full_paid"
EXCESS_QUANTITY = "excess_quantity"
PRICE_DIFFERENCE = "price_difference"
NONE = "none"
PRICE_UNKNOWN = "price_unknown"

AMOUNT_BASES = {
    FULL_PAID: "the whole amount paid",
    EXCESS_QUANTITY: "the quantity above the allowed one, at the line's own price",
    PRICE_DIFFERENCE: "what the line cost above the generic fill that it is compared with",
    NONE: "nothing is asked back",
    PRICE_UNKNOWN: "there is no price to compare it with",
}
"""Every way in which an amount at risk is computed, and what it means."""

GENERAL = "general"
NO_POLICY = "none"


def strength(column: str = "outcome") -> pl.Expr:
    """The outcome of an exception as a value that sorts the strongest first."""
    return pl.col(column).cast(pl.Enum(EXCEPTIONS))
