"""Amounts as people read them."""

from decimal import Decimal


def dollars(amount: Decimal | None) -> str:
    """An amount such as $8,700.00; "no price" if none is known."""
    return "no price" if amount is None else f"${amount:,.2f}"


def short(amount: Decimal) -> str:
    """An amount for a chart, such as $950, $8.7k or $1.15M."""
    for size, unit, digits in (
        (Decimal(10**9), "B", 2),
        (Decimal(10**6), "M", 2),
        (Decimal(10**3), "k", 1),
    ):
        if amount >= size:
            return f"${amount / size:.{digits}f}{unit}"
    return f"${amount:.0f}"
