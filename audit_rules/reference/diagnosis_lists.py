"""The diagnosis code lists of the policies: inline in a term, or in a code set that it names."""

from pathlib import Path
from typing import get_args

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import Policy
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.base import Standing
from audit_rules.policy.terms.persons import DiagnosisCodes
from audit_rules.reference.code_sets import SHIPPED_CODE_SETS, read_code_set
from schemas.formats import has_shape
from schemas.table import Kind

Entry = tuple[str, str | None, Standing | None]
"""A code, its indication, its standing."""


def policy_codes(policy: Policy, folder: Path) -> pl.DataFrame:
    """`Reference.codes` of one policy; its code sets are in `folder` or shipped. Raises
    PolicyRefused."""
    return diagnosis_lists(PolicyLibrary((policy,)), [SHIPPED_CODE_SETS, folder], {})


def diagnosis_lists(
    library: PolicyLibrary, folders: list[Path], hashes: dict[str, str]
) -> pl.DataFrame:
    """`Reference.codes`: one row per code of every list of every policy. Raises PolicyRefused."""
    rows = []
    for policy, term in library.of_kind(DiagnosisCodes):
        assert isinstance(term, DiagnosisCodes)
        entries: list[Entry] = [(c, term.indication, term.standing) for c in term.codes]
        if term.code_set:
            path = next(
                (f / term.code_set for f in reversed(folders) if (f / term.code_set).is_file()),
                None,
            )
            if path is None:
                raise PolicyRefused(
                    f"{policy.file_name}: {term.term_id}: no code set {term.code_set}. Put it"
                    " next to the policy."
                )
            entries = _code_set(path, hashes)
        rows += [
            (
                policy.document.id,
                term.term_id,
                code,
                indication,
                standing,
                term.with_children,
                term.effective_from,
                term.effective_to,
            )
            for code, indication, standing in entries
        ]
    schema = {
        "policy_id": pl.String,
        "code_term_id": pl.String,
        "code": pl.String,
        "indication": pl.String,
        "standing": pl.String,
        "with_children": pl.Boolean,
        "code_from": pl.Date,
        "code_to": pl.Date,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _code_set(path: Path, hashes: dict[str, str]) -> list[Entry]:
    """The entries of one code set. Raises PolicyRefused with file, row and remedy."""
    entries: list[Entry] = []
    frame = read_code_set(path, ("code", "indication", "standing"), hashes)
    for number, (code, indication, standing) in enumerate(
        frame.select("code", "indication", "standing").iter_rows(), 2
    ):
        if not has_shape(code or "", Kind.ICD10CM):
            raise PolicyRefused(
                f"{path.name}: line {number}: {code!r} is not an ICD-10-CM code with its dot, such"
                " as C91.00. Correct it."
            )
        if standing not in get_args(Standing):
            raise PolicyRefused(
                f"{path.name}: line {number}: unknown standing {standing!r}. Use"
                f" {', '.join(get_args(Standing))}."
            )
        entries.append((code, indication, standing))
    return entries
