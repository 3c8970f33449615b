"""The shapes of codes: a well-formed NDC, ICD-10-CM, HCPCS, taxonomy or NPI, once normalised.

Extracts and policy files are checked against the same shapes, with one exception: a policy's
taxonomy must begin with three digits, as every code issued so far does, so that a typing error is
caught. The taxonomies of an extract are only warned about, so they are checked against the format
that the NUCC reserves, which leaves room for codes to come.

Sources: NDC 11-digit billing form; ICD-10-CM tabular structure (category of three characters, then
up to four); HCPCS level I and II; NUCC taxonomy codes; NPI check digit by Luhn over the prefix
80840 (45 CFR 162.406).
"""

import re

import polars as pl

from schemas.table import Kind

ICD10CM_CATEGORY = r"[A-Z]\d[0-9A-Z]"
ICD10CM_SUBDIVISION = r"[0-9A-Z]{1,4}"
"""What follows the category, after a dot."""

SHAPES: dict[Kind, str] = {
    Kind.NDC: r"\d{11}",
    Kind.ICD10CM: rf"{ICD10CM_CATEGORY}(\.{ICD10CM_SUBDIVISION})?",
    Kind.HCPCS: r"[A-Z]\d{4}|\d{4}[0-9A-Z]",
    Kind.MODIFIER: r"[0-9A-Z]{2}",
    Kind.TAXONOMY: r"[0-9A-Z]{9}X",
    Kind.NPI: r"[12]\d{9}",
}
"""The regular expression that the whole of a code must match."""

ISSUED_TAXONOMY = r"\d{3}[0-9A-Z]{6}X"
"""The shape of the taxonomies that exist, which is narrower than the one reserved for them."""

PLACE_OF_SERVICE = r"\d{2}"
"""The shape of the CMS place of service codes."""

PATTERNS: dict[Kind, str] = {kind: f"^({shape})$" for kind, shape in SHAPES.items()}
"""The same, anchored, for an engine that searches."""

JOINED_MODIFIERS = r"^[0-9A-Z]{4}$"
"""A modifier that is two modifiers, such as JWRT."""

_WASTE = "^(JW|JZ)"
"""A malformed modifier that begins so counts as that modifier."""

ICD9_TYPE = r"(?i)icd\D*0*9(\D|$)|^\W*0*9(\W|$)|nine|ninth|9th|\bix\b"
"""Spellings of a diagnosis code type that say ICD-9; everything else counts as ICD-10-CM."""

_NPI_PREFIX_SUM = 24  # what the constant prefix 80840 adds to the Luhn sum of an NPI


def has_shape(code: str, kind: Kind) -> bool:
    """Whether one code has the shape of its kind; the check digit of an NPI is not looked at."""
    return re.fullmatch(SHAPES[kind], code) is not None


def well_formed(column: pl.Expr, kind: Kind) -> pl.Expr:
    """True if a non-null code has the shape of its kind; null stays null."""
    shape = column.str.contains(PATTERNS[kind])
    return shape & npi_check_digit_holds(column) if kind == Kind.NPI else shape


def modifiers(columns: list[str]) -> pl.Expr:
    """The modifiers of a row as a sorted list: two that were joined are two."""
    parts = []
    for column in columns:
        modifier = pl.col(column)
        is_joined = modifier.str.contains(JOINED_MODIFIERS)
        is_waste = modifier.str.contains(_WASTE) & ~well_formed(modifier, Kind.MODIFIER)
        first = pl.when(is_joined | is_waste).then(modifier.str.head(2)).otherwise(modifier)
        parts += [first, pl.when(is_joined).then(modifier.str.slice(2))]
    return pl.concat_list(parts).list.drop_nulls().list.sort()


def npi_check_digit_holds(column: pl.Expr) -> pl.Expr:
    """Whether the last digit is the Luhn check digit over 80840 and the others; null for other
    text."""
    digits = [column.str.slice(i, 1).cast(pl.Int32, strict=False) for i in range(10)]
    doubled = [(2 * d) // 10 + (2 * d) % 10 for d in digits[0:9:2]]
    total = sum([*doubled, *digits[1:10:2]], pl.lit(_NPI_PREFIX_SUM))
    return (total % 10) == 0
