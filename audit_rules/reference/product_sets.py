"""Product sets with the codes that the NDC tables give them."""

from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from audit_rules.policy.document import Policy
from audit_rules.policy.language.checks import things_of
from audit_rules.policy.language.conditions import AUTHORIZATION, Thing
from audit_rules.policy.language.sets import NdcOf, Products
from audit_rules.policy.language.spans import Span
from audit_rules.policy.library import PolicyLibrary


class GovernedCodes(NamedTuple):
    """The codes of every set of every document of the language, and the words, in lower case, by
    which its documents know authorizations."""

    hcpcs: frozenset[str] = frozenset()
    ndcs: frozenset[str] = frozenset()
    drugs: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    overrides: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LineSet:
    """A product set of one document, with all its codes.

    number      its place in the file.
    words       its ingredients; drug: what an exception calls it.
    products    the words of `product` by which its NDCs were chosen.
    """

    number: int
    name: str
    words: tuple[str, ...]
    drug: str
    hcpcs: frozenset[str]
    ndcs: frozenset[str]
    products: tuple[str, ...]
    unit_mg: float | None
    waste: tuple[str, ...]
    gap: Span | None
    observed_days: int
    of_drug: bool

    @property
    def drug_words(self) -> set[str]:
        """What an authorization may call the drug, in lower case."""
        return {word.lower() for word in (self.name, *self.words, *self.hcpcs, *self.ndcs)}

    @property
    def product_words(self) -> list[str]:
        """What an authorization may call the product, in lower case."""
        own = [self.name.lower(), *(word.lower() for word in self.products)]
        return [*own, "brand", "generic"] if self.of_drug else own


def line_sets(policy: Policy, ndc: pl.DataFrame) -> list[LineSet]:
    """The sets of a document, declared ones first, in the order of the file.

    ndc   the NDC tables, as `Reference.ndc`.
    """
    declared = policy.declared
    every = declared.sets | {n: s for n, s in declared.row_sets.items() if n not in declared.sets}
    found = []
    for number, (name, one) in enumerate(every.items()):
        ndcs = set(one.ndc)
        if one.ndc_of is not None:
            ndcs |= ndcs_with(one.ndc_of, ndc)
        found.append(
            LineSet(
                number,
                name,
                one.words,
                one.words[0] if one.words else name,
                frozenset(one.hcpcs),
                frozenset(ndcs),
                one.ndc_of.product if one.ndc_of else (),
                None if one.unit_mg is None else float(one.unit_mg),
                one.waste_modifiers,
                one.gap,
                one.observed_days or 0,
                one.of_drug,
            )
        )
    return found


def is_filled(one: Products, ndc: pl.DataFrame) -> bool:
    """Whether some code or NDC is of a set.

    ndc   the NDC tables, as `Reference.ndc`.
    """
    if one.hcpcs or one.ndc or one.of_drug:
        return True
    return one.ndc_of is not None and bool(ndcs_with(one.ndc_of, ndc))


def ndcs_with(words: NdcOf, ndc: pl.DataFrame) -> set[str]:
    """The NDCs whose rows in the NDC tables have these words."""
    fits = pl.lit(True)
    for column in ("ingredient", "form", "product"):
        wanted = [w.lower() for w in getattr(words, column)]
        if wanted:
            fits &= pl.col(column).str.to_lowercase().is_in(wanted)
    if words.strength_mg:
        fits &= pl.col("strength_mg").is_in([float(s) for s in words.strength_mg])
    return set(ndc.filter(fits.fill_null(False))["ndc11"])


def governed_codes(library: PolicyLibrary, ndc: pl.DataFrame) -> GovernedCodes:
    """The codes that make a line one of some document of the language, and its words."""
    sets = [one for policy in library.spoken() for one in line_sets(policy, ndc)]
    asked = [
        thing
        for policy in library.spoken()
        for term in policy.language_terms
        for thing in things_of(term)
        if isinstance(thing, Thing) and thing.kind == AUTHORIZATION
    ]
    return GovernedCodes(
        hcpcs=frozenset().union(*(one.hcpcs for one in sets)),
        ndcs=frozenset().union(*(one.ndcs for one in sets)),
        drugs=frozenset().union(*(one.drug_words for one in sets)),
        products=frozenset().union(*(one.product_words for one in sets)),
        overrides=frozenset(word.lower() for thing in asked for word in thing.names),
    )
