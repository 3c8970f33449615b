"""Columns of identifiers under pseudonyms: one value has one pseudonym wherever it is."""

from collections.abc import Collection

import polars as pl

from flows.privacy import Pseudonyms
from schemas.folding import folded
from schemas.formats import well_formed
from schemas.table import Kind


def pseudonymise_values(values: pl.Series, kind: str, pseudonyms: Pseudonyms) -> pl.Series:
    """A pseudonym for every value; null stays null."""
    distinct = values.drop_nulls().unique().to_list()
    replacements = [pseudonyms.of(kind, value) for value in distinct]
    return values.replace_strict(distinct, replacements, default=None, return_dtype=pl.String)


def pseudonymise_lists(lists: pl.Series, kind: str, pseudonyms: Pseudonyms) -> pl.Series:
    """A pseudonym for every value in every list; their order stays."""
    values = lists.explode().drop_nulls().unique().to_list()
    replacements = dict(zip(values, (pseudonyms.of(kind, value) for value in values), strict=True))
    frame = lists.to_frame("lists")
    shown = pl.col("lists").list.eval(pl.element().replace(replacements))
    return frame.select(shown.alias(lists.name))[lists.name]


def pseudonymise_npis(values: pl.Series, pseudonyms: Pseudonyms) -> pl.Series:
    """Valid NPIs unchanged; a pseudonym for anything that fails the NPI check digit."""
    replaced = pseudonymise_values(values, "provider", pseudonyms)
    frame = pl.DataFrame({"npi": values, "pseudonym": replaced})
    is_npi = well_formed(pl.col("npi"), Kind.NPI)
    return frame.select(npi=pl.when(is_npi).then("npi").otherwise("pseudonym"))["npi"]


def pseudonymise_payers(
    values: pl.Series, known_payers: Collection[str], pseudonyms: Pseudonyms
) -> pl.Series:
    """Names of payers that policies or the config name, and a pseudonym for each other payer.

    known_payers   folded names.
    """
    distinct = values.drop_nulls().unique().to_list()
    shown = [pseudonymous_payer(name, known_payers, pseudonyms) for name in distinct]
    return values.replace_strict(distinct, shown, default=None, return_dtype=pl.String)


def pseudonymous_payer(name: str, known_payers: Collection[str], pseudonyms: Pseudonyms) -> str:
    """The name of a known payer, or the pseudonym of another one, however it is spelled."""
    return name if folded(name) in known_payers else pseudonyms.of("payer", folded(name))
