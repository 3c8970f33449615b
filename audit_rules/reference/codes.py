"""Reference facts, shipped and extended by the user: what an NDC is, which HCPCS codes are a
drug."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import Policy
from audit_rules.policy.library import PolicyLibrary
from audit_rules.reference.code_sets import (
    SHIPPED_CODE_SETS,
    read_code_set,
    refuse_contradictions,
    refuse_unknown,
    stacked,
)
from audit_rules.reference.diagnosis_lists import diagnosis_lists
from audit_rules.reference.product_sets import GovernedCodes, governed_codes
from schemas.formats import well_formed
from schemas.table import Kind

_NDC_COLUMNS = ("ndc11", "ingredient", "product", "strength_mg", "form", "audited")
_CERTAINTY = "certainty"
_NAME = "proprietary_name"
_DRUG_COLUMNS = ("hcpcs", "drug", "role")
_STRONGEST_MG = 10_000
_ROLES = {"drug", "unclassified", "never"}


@dataclass(frozen=True)
class Reference:
    """Tables that say what a code is.

    ndc      one row per ndc11: ingredient, product (brand, generic), strength_mg, form, audited (a
             pharmacy fill of it is an audited line).
    hcpcs    one row per hcpcs: drug, role (drug; unclassified: counts with an NDC of that drug;
             never: no dose).
    codes    one row per policy_id, standing and ICD-10-CM code of the policies' code lists, with
             its term's dates.
    hashes   file name -> SHA-256 of every file read.
    inferred_ndcs   the ndc11 whose row is inferred or from memory: it recognises the drug, but
                    no finding that rests on it is stronger than `review`.
    unclassified    HCPCS codes that name no drug: the NDC on the line does.
    drug_words   word in lower case -> audited drug: its name, its brands, NDCs and HCPCS codes.
    governed     the codes of the sets of documents of the language.
    product_words   word in lower case -> brand or generic: names and NDCs of audited drugs that
                    are of one of both alone.
    """

    ndc: pl.DataFrame
    hcpcs: pl.DataFrame
    codes: pl.DataFrame
    hashes: dict[str, str]
    inferred_ndcs: frozenset[str] = frozenset()
    unclassified: frozenset[str] = frozenset()
    drug_words: dict[str, str] = field(default_factory=dict)
    governed: GovernedCodes = field(default_factory=GovernedCodes)
    product_words: dict[str, str] = field(default_factory=dict)


def load_reference(
    library: PolicyLibrary, extra: Path | None = None, ndc_directory: pl.DataFrame | None = None
) -> Reference:
    """The shipped code sets, with those of `extra` and the rows of an NDC directory on top.

    A later row for the same code takes the earlier one's place; a row of the directory that names
    no ingredient of ours takes nobody's. Raises PolicyRefused with file and remedy.
    """
    hashes: dict[str, str] = {}
    folders = [SHIPPED_CODE_SETS, *([extra] if extra else [])]
    strength = pl.col("strength_mg").cast(pl.Float64, strict=False)
    refuse_unknown(
        folders,
        "ndc*.csv",
        _NDC_COLUMNS,
        "strength_mg",
        pl.col("strength_mg").is_null() | strength.is_between(0, _STRONGEST_MG, closed="right"),
        f"the strength is not a number above 0 and at most {_STRONGEST_MG}. Correct it, or leave "
        "the cell empty.",
    )
    refuse_contradictions(folders, "ndc*.csv", _NDC_COLUMNS, {"strength_mg": strength})
    ndc = stacked(folders, "ndc*.csv", _NDC_COLUMNS, hashes, optional=(_CERTAINTY, _NAME))
    if ndc_directory is not None:
        named = ndc_directory.filter("is_named").select(_NDC_COLUMNS)
        others = ndc_directory.filter(~pl.col("is_named")).select(_NDC_COLUMNS)
        ndc = pl.concat([others, ndc, named], how="diagonal")
    ndc = ndc.unique("ndc11", keep="last", maintain_order=True).with_columns(
        pl.col("strength_mg").cast(pl.Float64, strict=False), audited=pl.col("audited") == "true"
    )
    bad = ndc.filter(~well_formed(pl.col("ndc11"), Kind.NDC)).height
    if bad:
        raise PolicyRefused(
            f"ndc code sets: {bad} rows whose ndc11 is not 11 digits. Write NDCs as 11 digits"
            " without hyphens."
        )
    hcpcs = stacked(folders, "drug_codes*.csv", _DRUG_COLUMNS, hashes).unique(
        "hcpcs", keep="last", maintain_order=True
    )
    unknown = sorted(set(hcpcs["role"].to_list()) - _ROLES)
    if unknown:
        raise PolicyRefused(
            f"drug_codes code sets: unknown role {unknown[0]!r}. Use one of"
            f" {', '.join(sorted(_ROLES))}."
        )
    refuse_contradictions(folders, "drug_codes*.csv", _DRUG_COLUMNS, {})
    codes = diagnosis_lists(library, folders, hashes)
    is_inferred = ~pl.col(_CERTAINTY).str.starts_with("verified").fill_null(True)
    inferred = frozenset(ndc.filter(is_inferred)["ndc11"])
    unclassified = unclassified_codes()
    check_set_codes(library, unclassified)
    known = ndc.drop(_CERTAINTY, _NAME)
    own = hcpcs.filter(pl.col("role") == "drug").select("drug", word="hcpcs")
    packages = ndc.filter(pl.col("ingredient").is_in(own["drug"].implode()))
    return Reference(
        known,
        hcpcs,
        codes,
        hashes,
        inferred,
        unclassified,
        drug_words=_drug_words(own, packages),
        governed=governed_codes(library, known),
        product_words=_product_words(packages),
    )


def codes_of(policies: Sequence[Policy], reference: Reference) -> GovernedCodes:
    """The codes that may make a line one of some documents of the language, those of their drugs
    too."""
    codes = governed_codes(PolicyLibrary(tuple(policies)), reference.ndc)
    drugs = [s.name for p in policies for s in p.declared.sets.values() if s.of_drug]
    own = reference.hcpcs.filter(pl.col("role") == "drug", pl.col("drug").is_in(drugs))
    packages = reference.ndc.filter(pl.col("ingredient").is_in(drugs))
    return codes._replace(
        hcpcs=codes.hcpcs | set(own["hcpcs"]), ndcs=codes.ndcs | set(packages["ndc11"])
    )


def unclassified_codes() -> frozenset[str]:
    """The shipped codes that name no drug; files of the user change nothing of it."""
    shipped = stacked([SHIPPED_CODE_SETS], "drug_codes*.csv", _DRUG_COLUMNS, {})
    return frozenset(shipped.filter(pl.col("role") == "unclassified")["hcpcs"])


def check_set_codes(library: PolicyLibrary, unclassified: frozenset[str]) -> None:
    """Raise PolicyRefused if a product set lists a code that names no drug."""
    for policy in library.policies:
        for one in policy.declared.every_set.values():
            wrong = sorted(set(one.hcpcs) & unclassified)
            if wrong:
                raise PolicyRefused(
                    f"{policy.file_name}: products {one.name}: hcpcs: {wrong[0]} is an"
                    " unclassified code, which names no drug. Leave it out; list its NDCs."
                )


def _drug_words(own: pl.DataFrame, packages: pl.DataFrame) -> dict[str, str]:
    words = [
        own,
        *(packages.select(drug="ingredient", word=c) for c in ("ingredient", _NAME, "ndc11")),
    ]
    known = pl.concat(words).drop_nulls().unique().sort("drug", "word")
    return dict(known.select(pl.col("word").str.to_lowercase(), "drug").iter_rows())


def _product_words(packages: pl.DataFrame) -> dict[str, str]:
    words = pl.concat([packages.select("product", word=c) for c in (_NAME, "ndc11")]).drop_nulls()
    known = words.with_columns(pl.col("word").str.to_lowercase()).unique()
    return dict(known.filter(~pl.col("word").is_duplicated()).select("word", "product").iter_rows())


def hcpcs_roles(folder: Path) -> dict[str, str]:
    """HCPCS code -> role, shipped and of `folder`; the later one counts."""
    frame = stacked(
        list(dict.fromkeys([SHIPPED_CODE_SETS, folder])), "drug_codes*.csv", _DRUG_COLUMNS, {}
    )
    return dict(frame.select("hcpcs", "role").iter_rows())


def ndc_files(folder: Path) -> dict[str, pl.DataFrame]:
    """File name -> the rows, as text, of each NDC table in a folder."""
    return {
        path.name: read_code_set(path, _NDC_COLUMNS, {}) for path in sorted(folder.glob("ndc*.csv"))
    }


def ndc_tables(folder: Path) -> pl.DataFrame:
    """The NDC tables, shipped and of `folder`: one row per ndc11; the later one counts."""
    folders = list(dict.fromkeys([SHIPPED_CODE_SETS, folder]))
    every = stacked(folders, "ndc*.csv", _NDC_COLUMNS, {})
    return every.unique("ndc11", keep="last", maintain_order=True).with_columns(
        pl.col("strength_mg").cast(pl.Float64, strict=False)
    )


def inducer_strengths() -> dict[str, str]:
    """Ingredient -> how strong an inducer of CYP3A it is: strong, moderate or weak."""
    frame = read_code_set(SHIPPED_CODE_SETS / "cyp3a_inducers.csv", ("ingredient", "strength"), {})
    return dict(frame.select("ingredient", "strength").iter_rows())
