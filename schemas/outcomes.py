"""The answers a rule can give on one line, and how strong each is."""

RECOVER = "recover"
RECORDS_REQUEST = "records_request"
REVIEW = "review"
ADVISORY = "advisory"
PASS = "pass"
NOT_APPLICABLE = "not_applicable"
NOT_EVALUABLE = "not_evaluable"

EXCEPTIONS = (RECOVER, RECORDS_REQUEST, REVIEW, ADVISORY)
"""Outcomes that make an exception, strongest first."""

FULL_PAID = "full_paid"
EXCESS_QUANTITY = "excess_quantity"
PRICE_DIFFERENCE = "price_difference"
NONE = "none"
PRICE_UNKNOWN = "price_unknown"

GENERAL = "general"
NO_POLICY = "none"
