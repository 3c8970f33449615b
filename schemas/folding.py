"""Names in any case: the one place that says when two spellings are one name.

Every engine has its own lower case: of a capital sigma at the end of a word, and of a capital I
with a dot. So names are folded here, and no engine compares names that another has folded.
"""

import polars as pl

_OWN_LOWER_CASE = {"İ": "i", "ς": "\N{GREEK SMALL LETTER SIGMA}"}


def folded(name: str) -> str:
    """A name as names are compared: in lower case, letter by letter, whatever is next to it.

    Folding again, or after another engine's lower case, changes nothing.
    """
    return "".join(_OWN_LOWER_CASE.get(letter) or letter.lower() for letter in name)


def folded_names(names: pl.Expr) -> pl.Expr:
    """A column of names as `folded` gives them; null stays null."""
    return names.map_batches(_fold, return_dtype=pl.String, is_elementwise=True)


def _fold(names: pl.Series) -> pl.Series:
    spellings = names.drop_nulls().unique()
    return names.replace(spellings, pl.Series([folded(s) for s in spellings], dtype=pl.String))
