"""Policy documents: one TOML file each, checked on loading; what is wrong is said with file, term and remedy."""

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import Field, ValidationError

from audit_rules.errors import PolicyRefused
from audit_rules.policy.statements import SECTION_KINDS, Section
from audit_rules.policy.terms import TERM_KINDS, Basis, NotAuditable, Strict, Term

SHIPPED_POLICIES = Path(str(files("audit_rules") / "policies"))
FAR_FUTURE = date(9999, 12, 31)
M = TypeVar("M", bound=Strict)


class Document(Strict):
    """The document itself. A document without payer and drug applies to every audited drug line.

    sections   its headings, so that `lint` can tell whether a section it refers to is there.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str = Field(min_length=3)
    payer: str | None = Field(default=None, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    payer_names: tuple[str, ...] = ()
    drug: str | None = None
    approved_on: date | None = None
    next_review: date | None = None
    sections: tuple[str, ...] = ()


class Version(Strict):
    """One version of the text.

    text_in_hand       False: we know that this version existed, not what it said; `recover` becomes `review`.
    reviewed_through   last service date before the document's own review date passed; later: the same cap.
    """

    effective_from: date
    basis: Basis
    cite: str = Field(min_length=3)
    text_in_hand: bool = True
    reviewed_through: date | None = None


@dataclass(frozen=True)
class Policy:
    """One document with its versions (by date), terms, the clauses that cannot be audited, and what else it states."""

    document: Document
    versions: tuple[Version, ...]
    terms: tuple[Term, ...]
    not_auditable: tuple[NotAuditable, ...]
    stated: tuple[Section, ...]
    file_name: str
    sha256: str


@dataclass(frozen=True)
class PolicyFile:
    """A policy file as read, before it is checked: its TOML content, the folder where its code sets lie, its hash."""

    name: str
    folder: Path
    data: dict[str, Any]
    sha256: str


@dataclass(frozen=True)
class PolicyLibrary:
    """All documents, by id."""

    policies: tuple[Policy, ...]

    def payer_names(self) -> dict[str, str]:
        """Payer name in lower case -> payer id, for every name that a document gives."""
        return {
            n.strip().lower(): p.document.payer
            for p in self.policies
            if p.document.payer
            for n in p.document.payer_names
        }

    def versions(self) -> pl.LazyFrame:
        """One row per document version: policy_id, payer_id, drug, version_from, version_to, capped_from."""
        rows = []
        for p in self.policies:
            starts = [v.effective_from for v in p.versions]
            for v, until in zip(p.versions, [*starts[1:], FAR_FUTURE], strict=True):
                caps = [] if v.text_in_hand else [v.effective_from]
                caps += [v.reviewed_through + timedelta(days=1)] if v.reviewed_through else []
                capped_from = min(caps, default=None)
                rows.append(
                    (
                        p.document.id,
                        p.document.payer,
                        p.document.drug,
                        v.effective_from,
                        until,
                        capped_from,
                    )
                )
        columns = {
            "policy_id": pl.String,
            "policy_payer": pl.String,
            "policy_drug": pl.String,
            "version_from": pl.Date,
            "version_to": pl.Date,
            "capped_from": pl.Date,
        }
        return pl.DataFrame(rows, schema=columns, orient="row").lazy()

    def terms(self, kind: type[Term]) -> pl.LazyFrame:
        """One row per term of that kind: policy_id, term_id, term_from, term_to, cite, and the kind's own fields."""
        own = [f for f in kind.model_fields if f not in Term.model_fields]
        rows = [
            {
                "policy_id": p.document.id,
                "term_id": t.term_id,
                "term_from": t.effective_from,
                "term_to": t.effective_to or FAR_FUTURE,
                "citation": f"{p.document.title}: {t.cite}",
            }
            | {f: getattr(t, f) for f in own}
            for p in self.policies
            for t in p.terms
            if isinstance(t, kind)
        ]
        return pl.DataFrame(rows, schema=_schema(kind, own), orient="row").lazy()

    def of_kind(self, kind: type[Term]) -> list[tuple[Policy, Term]]:
        """Every term of that kind with its document, in library order."""
        return [(p, t) for p in self.policies for t in p.terms if isinstance(t, kind)]


_POLARS_TYPES = {"Decimal": pl.Float64, "int": pl.Int64, "bool": pl.Boolean, "date": pl.Date}


def _schema(kind: type[Term], own: list[str]) -> dict[str, pl.DataType]:
    """The Polars type of every column that `terms` gives for a kind, so that an empty library has the same."""
    schema: dict[str, pl.DataType] = {
        "policy_id": pl.String(),
        "term_id": pl.String(),
        "term_from": pl.Date(),
        "term_to": pl.Date(),
        "citation": pl.String(),
    }
    for name in own:
        text = str(kind.model_fields[name].annotation)
        if text.startswith("tuple"):
            schema[name] = pl.List(pl.String())
            continue
        match = next(
            (t for n, t in _POLARS_TYPES.items() if n in text.replace("datetime.date", "date")),
            pl.String,
        )
        schema[name] = match()
    return schema


def load_policies(extra: Path | None = None) -> PolicyLibrary:
    """The shipped documents and those of `extra`; a document of the same id there takes the shipped one's place.

    Raises PolicyRefused with file, term and remedy.
    """
    policies: dict[str, Policy] = {}
    for folder in [SHIPPED_POLICIES, *([extra] if extra else [])]:
        found: dict[str, str] = {}
        paths = sorted(folder.glob("*.toml"))
        if not paths:
            raise PolicyRefused(
                f"{folder.name}: no policy file (*.toml) in this folder. Give a folder that holds some."
            )
        for path in paths:
            policy = load_policy(path)
            name = policy.document.id
            if name in found:
                raise PolicyRefused(
                    f"{path.name}: document id {name!r} is also in {found[name]}. Give each its own id."
                )
            found[name] = path.name
            policies[name] = policy
    library = PolicyLibrary(tuple(policies[k] for k in sorted(policies)))
    check_library(library)
    return library


def load_policy(path: Path) -> Policy:
    """One policy file; PolicyRefused where it does not hold."""
    return parse_policy(read_policy_file(path))


def read_policy_file(path: Path) -> PolicyFile:
    """A policy file's content, unchecked; PolicyRefused where it is not TOML."""
    try:
        content = path.read_bytes()
        data = tomllib.loads(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyRefused(
            f"{path.name}: not readable as TOML ({error}). Mend the file."
        ) from None
    return PolicyFile(path.name, path.parent, data, hashlib.sha256(content).hexdigest())


def read_policy_files(paths: Iterable[Path]) -> list[PolicyFile]:
    """The content of policy files, unchecked; of a folder, every policy file in it. No path: the shipped documents."""
    found: list[Path] = []
    for path in list(paths) or [SHIPPED_POLICIES]:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            raise PolicyRefused(
                f"{path.name}: no policy file (*.toml) in this folder. Give a folder that holds some."
            )
        found += inside
    return [read_policy_file(path) for path in dict.fromkeys(found)]


def parse_policy(file: PolicyFile) -> Policy:
    """The policy that a file holds; PolicyRefused where it does not hold."""
    name, data = file.name, file.data
    kinds = {k.kind: k for k in TERM_KINDS}
    sections = {s.key: s for s in SECTION_KINDS}
    unknown = sorted(
        set(data) - set(kinds) - set(sections) - {"document", "version", "not_auditable"}
    )
    if unknown:
        raise PolicyRefused(
            f"{name}: unknown section {unknown[0]!r}: no rule knows such a term. Known: {', '.join(sorted([*kinds, *sections]))}."
        )
    document = _parse(name, Document, data.get("document"), "document")
    versions = tuple(
        _parse(name, Version, v, f"version {i + 1}")
        for i, v in enumerate(_list(name, data, "version"))
    )
    terms = tuple(
        _parse(
            name,
            kinds[k],
            t,
            f"{k} {t.get('term_id', f'number {i + 1}') if isinstance(t, dict) else i + 1}",
        )
        for k in kinds
        for i, t in enumerate(_list(name, data, k))
    )
    not_auditable = tuple(
        _parse(name, NotAuditable, n, f"not_auditable {i + 1}")
        for i, n in enumerate(_list(name, data, "not_auditable"))
    )
    stated = tuple(
        _parse(name, sections[k], s, f"{k} {i + 1}")
        for k in sections
        for i, s in enumerate(_list(name, data, k))
    )
    policy = Policy(document, versions, terms, not_auditable, stated, name, file.sha256)
    _check_policy(policy)
    return policy


def _list(name: str, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise PolicyRefused(f"{name}: {key} must be an array of tables. Write [[{key}]].")
    return value


def _parse(name: str, model: type[M], data: object, where: str) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(x) for x in first["loc"])
        remedies = {
            "extra_forbidden": f"Remove it; allowed are: {', '.join(model.model_fields)}.",
            "missing": "Add it.",
        }
        remedy = remedies.get(first["type"], "Correct the value.")
        raise PolicyRefused(
            f"{name}: {where}: {field + ': ' if field else ''}{first['msg']}. {remedy}"
        ) from None


def _check_policy(policy: Policy) -> None:
    name = policy.file_name
    starts = [v.effective_from for v in policy.versions]
    if not starts or starts != sorted(set(starts)):
        raise PolicyRefused(
            f"{name}: versions must be there and in order of effective_from. Put the oldest first."
        )
    if bool(policy.document.payer) != bool(policy.document.drug):
        raise PolicyRefused(
            f"{name}: document: give payer and drug, or neither for a general document."
        )
    by_subject: dict[tuple[object, ...], list[Term]] = defaultdict(list)
    for term in policy.terms:
        if term.effective_from < starts[0]:
            raise PolicyRefused(
                f"{name}: {term.kind} {term.term_id}: begins before the document's first version ({starts[0]}). "
                "Move its effective_from or add the version."
            )
        by_subject[(term.kind, *term.same_subject())].append(term)
    for group in by_subject.values():
        for a, b in combinations(sorted(group, key=lambda t: t.effective_from), 2):
            if (a.effective_to or FAR_FUTURE) > b.effective_from:
                raise PolicyRefused(
                    f"{name}: {b.kind} {b.term_id}: overlaps {a.term_id} in time. End the earlier with effective_to."
                )


def check_library(library: PolicyLibrary) -> None:
    """Term ids are unique, and a payer's name belongs to one payer; else PolicyRefused."""
    seen: dict[str, str] = {}
    for policy in library.policies:
        for term in policy.terms:
            if term.term_id in seen:
                raise PolicyRefused(
                    f"{policy.file_name}: {term.kind} {term.term_id}: this term_id is also in {seen[term.term_id]}. "
                    "Give each term its own id."
                )
            seen[term.term_id] = policy.file_name
    names: dict[str, str] = {}
    for policy in library.policies:
        payer = policy.document.payer
        for payer_name in policy.document.payer_names:
            if names.setdefault(payer_name.strip().lower(), payer or "") != payer:
                raise PolicyRefused(
                    f"{policy.file_name}: document: payer name {payer_name!r} belongs to two payers. Keep it in one."
                )
