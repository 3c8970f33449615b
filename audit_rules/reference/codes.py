"""Reference facts: what an NDC is, which HCPCS codes are an audited drug. Shipped as code sets, extended by the user."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import get_args

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import Policy
from audit_rules.policy.library import PolicyLibrary
from audit_rules.policy.terms.base import Standing
from audit_rules.policy.terms.persons import AgeLimit, DiagnosisCodes
from schemas.formats import has_shape, well_formed
from schemas.tables import Kind

SHIPPED_CODE_SETS = Path(str(files("audit_rules") / "code_sets"))
_NDC_COLUMNS = ("ndc11", "ingredient", "product", "strength_mg", "form", "audited")
_DRUG_COLUMNS = ("hcpcs", "drug", "role")
_ROLES = {"drug", "unclassified", "never"}


@dataclass(frozen=True)
class Reference:
    """Tables that say what a code is.

    ndc      one row per ndc11: ingredient, product (brand, generic), strength_mg, form, audited (a pharmacy fill of
             it is an audited line).
    hcpcs    one row per hcpcs: drug, role (drug; unclassified: counts with an NDC of that drug; never: no dose).
    codes    one row per policy_id, standing and ICD-10-CM code of the policies' code lists, with its term's dates.
    hashes   file name -> SHA-256 of every file read.
    """

    ndc: pl.DataFrame
    hcpcs: pl.DataFrame
    codes: pl.DataFrame
    hashes: dict[str, str]


def load_reference(
    library: PolicyLibrary, extra: Path | None = None, ndc_directory: pl.DataFrame | None = None
) -> Reference:
    """The shipped code sets, with those of `extra` (`ndc*.csv`, `drug_codes*.csv`) and NDC directory rows on top.

    A later row for the same code takes the earlier one's place. Raises PolicyRefused with file and remedy.
    """
    hashes: dict[str, str] = {}
    folders = [SHIPPED_CODE_SETS, *([extra] if extra else [])]
    ndc = _stacked(folders, "ndc*.csv", _NDC_COLUMNS, hashes)
    if ndc_directory is not None:
        ndc = pl.concat([ndc, ndc_directory.select(_NDC_COLUMNS)])
    ndc = ndc.unique("ndc11", keep="last", maintain_order=True).with_columns(
        pl.col("strength_mg").cast(pl.Float64, strict=False), audited=pl.col("audited") == "true"
    )
    bad = ndc.filter(~well_formed(pl.col("ndc11"), Kind.NDC)).height
    if bad:
        raise PolicyRefused(
            f"ndc code sets: {bad} rows whose ndc11 is not 11 digits. Write NDCs as 11 digits without hyphens."
        )
    hcpcs = _stacked(folders, "drug_codes*.csv", _DRUG_COLUMNS, hashes).unique(
        "hcpcs", keep="last", maintain_order=True
    )
    unknown = sorted(set(hcpcs["role"].to_list()) - _ROLES)
    if unknown:
        raise PolicyRefused(
            f"drug_codes code sets: unknown role {unknown[0]!r}. Use one of {', '.join(sorted(_ROLES))}."
        )
    codes = _codes(library, folders, hashes)
    _check_indications(library, codes)
    return Reference(ndc, hcpcs, codes, hashes)


def policy_codes(policy: Policy, folder: Path) -> pl.DataFrame:
    """`Reference.codes` of one policy whose code sets lie in `folder` or are shipped. Raises PolicyRefused."""
    return _codes(PolicyLibrary((policy,)), [SHIPPED_CODE_SETS, folder], {})


def hcpcs_roles(folder: Path) -> dict[str, str]:
    """HCPCS code -> role, shipped and of `folder`; the later one counts."""
    frame = _stacked(
        list(dict.fromkeys([SHIPPED_CODE_SETS, folder])), "drug_codes*.csv", _DRUG_COLUMNS, {}
    )
    return dict(frame.select("hcpcs", "role").iter_rows())


def inducer_strengths() -> dict[str, str]:
    """Ingredient -> how strong an inducer of CYP3A it is: strong, moderate or weak."""
    frame = _read(SHIPPED_CODE_SETS / "cyp3a_inducers.csv", ("ingredient", "strength"), {})
    return dict(frame.select("ingredient", "strength").iter_rows())


def _code_set(path: Path, hashes: dict[str, str]) -> list[tuple[str, str | None, Standing | None]]:
    """The entries of one code set: code, indication, standing. Raises PolicyRefused with file, row and remedy."""
    entries: list[tuple[str, str | None, Standing | None]] = []
    frame = _read(path, ("code", "indication", "standing"), hashes)
    for number, (code, indication, standing) in enumerate(
        frame.select("code", "indication", "standing").iter_rows(), 2
    ):
        if not has_shape(code or "", Kind.ICD10CM):
            raise PolicyRefused(
                f"{path.name}: line {number}: {code!r} is no ICD-10-CM code with its dot, such as C91.00. Correct it."
            )
        if standing not in get_args(Standing):
            raise PolicyRefused(
                f"{path.name}: line {number}: unknown standing {standing!r}. Use {', '.join(get_args(Standing))}."
            )
        entries.append((code, indication, standing))
    return entries


def _check_indications(library: PolicyLibrary, codes: pl.DataFrame) -> None:
    """An exempt indication that no code has would never match: a misspelling."""
    for policy, term in library.of_kind(AgeLimit):
        assert isinstance(term, AgeLimit)
        known = set(
            codes.filter(pl.col("policy_id") == policy.document.id)["indication"]
            .drop_nulls()
            .to_list()
        )
        for indication in sorted(set(term.exempt_indications) - known):
            raise PolicyRefused(
                f"{policy.file_name}: age_limit {term.term_id}: no code has the indication {indication!r}. "
                "Write it as the diagnosis codes do."
            )


def _stacked(
    folders: list[Path], pattern: str, columns: tuple[str, ...], hashes: dict[str, str]
) -> pl.DataFrame:
    frames = [_read(p, columns, hashes) for folder in folders for p in sorted(folder.glob(pattern))]
    return pl.concat([f.select(columns) for f in frames])


def _read(path: Path, columns: tuple[str, ...], hashes: dict[str, str]) -> pl.DataFrame:
    try:
        content = path.read_bytes()
        frame = pl.read_csv(content, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError):
        raise PolicyRefused(
            f"{path.name}: not readable as CSV. Write UTF-8 with a header."
        ) from None
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise PolicyRefused(f"{path.name}: no column {missing[0]}. It needs {', '.join(columns)}.")
    hashes[path.name] = hashlib.sha256(content).hexdigest()
    return frame


def _codes(library: PolicyLibrary, folders: list[Path], hashes: dict[str, str]) -> pl.DataFrame:
    rows = []
    for policy, term in library.of_kind(DiagnosisCodes):
        assert isinstance(term, DiagnosisCodes)
        entries: list[tuple[str, str | None, Standing | None]] = [
            (c, term.indication, term.standing) for c in term.codes
        ]
        if term.code_set:
            path = next(
                (f / term.code_set for f in reversed(folders) if (f / term.code_set).is_file()),
                None,
            )
            if path is None:
                raise PolicyRefused(
                    f"{policy.file_name}: {term.term_id}: no code set {term.code_set}. Put it beside the policy."
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
