"""Values as senders really write them: what a table program or a database puts for something else.

The patterns are read by DuckDB (RE2) and match a whole value; those with letters in lower case.
"""

from datetime import date

PLACEHOLDERS = (
    "nan",
    "none",
    "n/a",
    "na",
    r"\\n",
    r"\.",
    "-",
    "unknown",
    "0+",
)
"""Words that stand for nothing in an identifier, as patterns; the last is a number of zeros."""

WHOLE_NUMBER = r"[+-]?[0-9]+\.0+"
"""An identifier that a table program made a number of, such as 1003.0."""

SCIENTIFIC = r"[+-]?[0-9](\.[0-9]+e\+?|e\+)[0-9]{1,3}"
"""One that it then wrote with an exponent, such as 2.02603E+11; 7E10 is an ordinary identifier."""

TIMESTAMP = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
    r"( ?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?))?"
)
"""A date with a time of day, in some zone or none."""

EXACT = {"DOUBLE": 2**53, "FLOAT": 2**24}
"""DuckDB type -> the first whole number from which on the type no longer holds each of them."""

OPEN_STARTS = (date(1, 1, 1), date(1753, 1, 1), date(1900, 1, 1))
OPEN_END = date(9999, 12, 31)
"""Dates that mean none: the first of a database's calendar, and the last."""

MADE_A_NUMBER, DIGITS_LOST = "made_a_number", "digits_lost"
PLACEHOLDER, SENTINEL_DATE = "placeholder", "sentinel_date"
MODIFIERS_JOINED, TWO_DIGIT_YEAR = "modifiers_joined", "two_digit_year"
"""The names of the checks."""
