"""Shipped policies, code sets and law, which a process of tests reads once for all its runs."""

from functools import cache
from pathlib import Path

import polars as pl

from audit_rules.law.library import LawLibrary, load_law
from audit_rules.policy.library import PolicyLibrary, load_policies
from audit_rules.reference.codes import Reference, load_reference

_shipped_library = cache(load_policies)


@cache
def _shipped_reference() -> Reference:
    return load_reference(_shipped_library())


def library_read_once(extra: Path | None = None) -> PolicyLibrary:
    """The policies, as load_policies gives them; with a folder of the user's they are read."""
    return _shipped_library() if extra is None else load_policies(extra)


def reference_read_once(
    library: PolicyLibrary, extra: Path | None = None, ndc_directory: pl.DataFrame | None = None
) -> Reference:
    """The code sets, as load_reference gives them; with files of the user's they are read."""
    if extra is None and ndc_directory is None:
        return _shipped_reference()
    return load_reference(library, extra, ndc_directory)


@cache
def _shipped_law() -> LawLibrary:
    return load_law()


def law_read_once(extra: Path | None = None) -> LawLibrary:
    """The law, as load_law gives it; with a folder of the user's it is read."""
    return _shipped_law() if extra is None else load_law(extra)
