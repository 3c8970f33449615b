"""Codes in a sentence."""

from audit_rules.wording import listed

_SHOWN = 6


def first_few(codes: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(codes) - _SHOWN
    return listed(codes) if more <= 1 else f"{', '.join(codes[:_SHOWN])} and {more} more"


def are(codes: list[str]) -> str:
    """The verb."""
    return "is" if len(codes) == 1 else "are"


def them(codes: list[str]) -> str:
    """The pronoun."""
    return "it" if len(codes) == 1 else "them"
