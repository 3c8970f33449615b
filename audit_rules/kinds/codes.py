"""Which codes a word of a document means: a code, or a declared list of codes and ranges."""

import polars as pl

from audit_rules.policy.language.declarations import Declarations
from audit_rules.policy.language.sets import Codes, ends_of
from audit_rules.reference.icd10cm import load_icd10cm

_ICD = "icd10cm"


def codes_meant(declared: Declarations, words: tuple[str, ...], seen: pl.Series) -> list[str]:
    """Those of the codes on file that the words mean, sorted."""
    present = sorted(seen.drop_nulls().unique().to_list())
    found: set[str] = set()
    for word in words:
        listed = declared.codes.get(word)
        if listed is None:
            found |= {word} & set(present)
        else:
            found |= _of_list(listed, present)
    return sorted(found)


def _of_list(listed: Codes, present: list[str]) -> set[str]:
    exact = {c for c in listed.codes if len(ends_of(c)) == 1}
    found = exact & set(present)
    for first, *last in map(ends_of, listed.codes):
        if last:
            found |= {c for c in present if _between(listed, first, last[0], c)}
    if listed.with_children:
        stems = tuple(exact)
        found |= {c for c in present if c.startswith(stems)} if stems else set()
    return found


def _between(listed: Codes, first: str, last: str, code: str) -> bool:
    """Whether a code is from `first` to `last` in the official order."""
    if listed.with_children and (code.startswith(first) or code.startswith(last)):
        return True
    table = load_icd10cm()
    if listed.system == _ICD and all(c in table for c in (first, last, code)):
        return table.place(first) <= table.place(code) <= table.place(last)
    return first <= code <= last
