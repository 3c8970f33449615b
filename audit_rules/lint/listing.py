"""Codes in a sentence."""

_SHOWN = 6


def listed(codes: list[str]) -> str:
    """All of them: A, B and C."""
    return codes[0] if len(codes) == 1 else f"{', '.join(codes[:-1])} and {codes[-1]}"


def shown(codes: list[str]) -> str:
    """The first few, and how many more there are."""
    more = len(codes) - _SHOWN
    return listed(codes) if more <= 1 else f"{', '.join(codes[:_SHOWN])} and {more} more"


def are(codes: list[str]) -> str:
    """The verb."""
    return "is" if len(codes) == 1 else "are"


def them(codes: list[str]) -> str:
    """The pronoun."""
    return "it" if len(codes) == 1 else "them"
