"""Text of the extracts as pages and spreadsheets can show it.

An identifier may hold any character. XML cannot hold every one of them, and a chart's renderer ends
the whole program if it is given one that it cannot hold.
"""

import re

_UNSHOWN = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufdd0-\\ufdef"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
    )
    + "]"
)
_SUBSTITUTE = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """The text with a replacement character for each that cannot be shown; tabs and lines stay."""
    return _UNSHOWN.sub(_SUBSTITUTE, text)
