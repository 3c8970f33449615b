"""One policy document: its TOML file, checked when it is read; an error names file, term and
remedy."""

import hashlib
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

from pydantic import Field

from audit_rules.errors import PolicyRefused
from audit_rules.given_files import read_file
from audit_rules.policy.language.declarations import Declarations
from audit_rules.policy.language.read import (
    DECLARING,
    LANGUAGE_KEYS,
    is_of_language,
    read_declared,
    read_terms,
)
from audit_rules.policy.language.sets import Payer
from audit_rules.policy.language.spans import WindowField, Words
from audit_rules.policy.language.tables import PolicyCsvFiles
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.lines import with_line
from audit_rules.policy.parsing import parse
from audit_rules.policy.statements import SECTION_KINDS, Section
from audit_rules.policy.terms import FORMER_KINDS, TERM_KINDS
from audit_rules.policy.terms.base import FAR_FUTURE, Basis, NotAuditable, Strict, Term

_DEEPEST = 20
_SHIPPED_LISTS = Path(str(files("audit_rules") / "code_sets"))
_TOO_DEEP = "{}: tables or arrays are nested too deeply. Correct the file."


class Document(Strict):
    """The document itself. A document without payer and drug applies to every audited drug line.

    id                a word of ours, unique in the library: small letters, digits, hyphens.
    title             its title; part of every citation.
    payer             a word of ours for its payer; several payers: [[payer]].
    payer_names       the names that extracts use for the payer, in any case.
    drug              an audited drug, whose lines are a set of that name.
    approved_on       the day on which it was approved.
    next_review       the day by which it was to be reviewed.
    sections          its headings, so that `lint` can tell whether a section it refers to exists.
    of                the sets that its terms judge if they name none (left out: all of them).
    everything        its tables name the codes; there are no sets.
    diagnosis_window  where a diagnosis may be dated if a condition has no window.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str = Field(min_length=3)
    payer: str | None = Field(default=None, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    payer_names: tuple[str, ...] = ()
    drug: str | None = None
    approved_on: date | None = None
    next_review: date | None = None
    sections: tuple[str, ...] = ()
    of: Words = ()
    everything: bool = False
    diagnosis_window: WindowField | None = None


class Version(Strict):
    """One version of the text.

    effective_from     the first service date on which it holds.
    basis              how we know: stated, review_date, inferred, or assumption.
    text_in_hand       False: we know that this version existed, not what it said; `recover` and
                       `records_request` become `review`.
    approved_on        the day on which it was approved, if that is later than its first; until then
                       the same.
    reviewed_through   last service date before the document's own review date passed; later
                       `recover` becomes `review`.
    """

    effective_from: date
    basis: Basis
    cite: str = Field(min_length=3)
    text_in_hand: bool = True
    approved_on: date | None = None
    reviewed_through: date | None = None


@dataclass(frozen=True)
class Policy:
    """One document with its versions (by date), terms, the clauses that cannot be audited, and what
    else it states."""

    document: Document
    versions: tuple[Version, ...]
    terms: tuple[Term, ...]
    not_auditable: tuple[NotAuditable, ...]
    stated: tuple[Section, ...]
    file_name: str
    sha256: str
    declared: Declarations = field(default_factory=Declarations)

    @property
    def payers(self) -> tuple[Payer, ...]:
        """The payers of the document; none: it is a general one."""
        one = self.document.payer
        short = (Payer(id=one, names=self.document.payer_names),) if one else ()
        return (*short, *self.declared.payers)

    @property
    def language_terms(self) -> list[LanguageTerm]:
        """Its terms of the language, in the order of the file's kinds."""
        return [t for t in self.terms if isinstance(t, LanguageTerm)]


@dataclass(frozen=True)
class PolicyFile:
    """A policy file as read, not checked yet: its TOML content, the folder of its code sets, its
    hash, the names of its arrays of tables in the order of their headers, and its text.

    given   the user's folder, whose files are taken before those of `folder`.
    """

    name: str
    folder: Path
    data: dict[str, Any]
    sha256: str
    headers: tuple[str, ...] = ()
    text: str = ""
    given: Path | None = None

    def beside(self, name: str) -> bytes:
        """The content of a file next to the policy, or of a shipped code set; raises OSError."""
        folders = (self.given or self.folder, self.folder, _SHIPPED_LISTS)
        there = (folder / name for folder in folders if (folder / name).is_file())
        return read_file(next(there, self.folder / name))


def load_policy(path: Path, given: Path | None = None) -> Policy:
    """One policy file; PolicyRefused if it is not valid. `given`: the user's folder."""
    return parse_policy(replace(read_policy_file(path), given=given))


def read_policy_file(path: Path) -> PolicyFile:
    """A policy file's content, unchecked; PolicyRefused if it is not TOML."""
    try:
        content = read_file(path)
        data = tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise PolicyRefused(_TOO_DEEP.format(path.name)) from None
    except OSError as error:
        raise PolicyRefused(
            f"{path.name}: cannot be read ({error.strerror}). Name a policy file that can be."
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyRefused(f"{path.name}: not readable as TOML ({error}). Fix the file.") from None
    if _depth(data) > _DEEPEST:
        raise PolicyRefused(_TOO_DEEP.format(path.name))
    digest = hashlib.sha256(content).hexdigest()
    text = content.decode("utf-8")
    return PolicyFile(path.name, path.parent, data, digest, array_headers(text), text)


def array_headers(text: str) -> tuple[str, ...]:
    """The names of arrays of tables in the order of their headers, which TOML itself forgets."""
    return tuple(re.findall(r"^\s*\[\[\s*(\w+)\s*\]\]", text, re.MULTILINE))


def _depth(data: object) -> int:
    """How deeply tables and arrays are nested in each other."""
    level: list[Any] = [data]
    depth = 0
    while level:
        inner = [list(v.values()) if isinstance(v, dict) else v for v in level]
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
        depth += 1
    return depth


def parse_policy(file: PolicyFile) -> Policy:
    """The policy that a file holds; PolicyRefused with line and remedy if it is not valid."""
    try:
        return _policy_of(file)
    except PolicyRefused as error:
        raise PolicyRefused(with_line(str(error), file.name, file.text)) from None


def _policy_of(file: PolicyFile) -> Policy:
    name, data = file.name, file.data
    kinds = {k.kind: k for k in TERM_KINDS}
    sections = {s.key: s for s in SECTION_KINDS}
    others = {"document", "version", "not_auditable", *DECLARING, *LANGUAGE_KEYS}
    unknown = sorted(set(data) - set(kinds) - set(sections) - others)
    if unknown:
        raise PolicyRefused(
            f"{name}: unknown section {unknown[0]!r}: no rule knows such a term."
            f"{FORMER_KINDS.get(unknown[0], '')} Known:"
            f" {', '.join(sorted({*kinds, *sections, *DECLARING, *LANGUAGE_KEYS}))}."
        )
    document = parse(name, Document, data.get("document"), "document")
    versions = tuple(
        parse(name, Version, v, f"version {i + 1}")
        for i, v in enumerate(tables_of(name, data, "version"))
    )
    terms = tuple(
        parse(
            name,
            kinds[k],
            t,
            f"{k} {t.get('term_id', f'number {i + 1}') if isinstance(t, dict) else i + 1}",
        )
        for k in kinds
        for i, t in enumerate(tables_of(name, data, k))
        if not is_of_language(k, t)
    )
    csv_files = PolicyCsvFiles(name, file.beside)
    declared = read_declared(
        data, csv_files, parse, document.drug, document.of, document.diagnosis_window
    )
    spoken = tuple(read_terms(data, declared, csv_files, parse, file.headers))
    not_auditable = tuple(
        parse(name, NotAuditable, n, f"not_auditable {i + 1}")
        for i, n in enumerate(tables_of(name, data, "not_auditable"))
    )
    stated = tuple(
        parse(name, sections[k], s, f"{k} {i + 1}")
        for k in sections
        for i, s in enumerate(tables_of(name, data, k))
    )
    policy = Policy(
        document,
        versions,
        (*terms, *spoken),
        not_auditable,
        stated,
        name,
        _digest(file.sha256, csv_files),
        declared,
    )
    _check_policy(policy)
    return policy


def _digest(sha256: str, csv_files: PolicyCsvFiles) -> str:
    """The hash of the policy file, and of the files that it names."""
    if not csv_files.hashes:
        return sha256
    together = "\n".join([sha256, *(f"{n} {h}" for n, h in sorted(csv_files.hashes.items()))])
    return hashlib.sha256(together.encode()).hexdigest()


def tables_of(name: str, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables of an array of a file; PolicyRefused if it is something else."""
    value = data.get(key, [])
    if not isinstance(value, list):
        raise PolicyRefused(f"{name}: {key} must be an array of tables. Write [[{key}]].")
    return value


def _check_policy(policy: Policy) -> None:
    name = policy.file_name
    starts = [v.effective_from for v in policy.versions]
    if not starts or starts != sorted(set(starts)):
        raise PolicyRefused(
            f"{name}: versions must be there and in order of effective_from. Put the oldest first."
        )
    spoken = policy.language_terms
    if policy.document.drug and not policy.payers:
        raise PolicyRefused(
            f"{name}: document: give payer and drug, or neither for a general document."
        )
    if policy.document.payer and not policy.document.drug and not spoken:
        raise PolicyRefused(
            f"{name}: document: it has a payer, but no term of the policy language. Write one, such"
            " as [[quantity]]; or, for older kinds of term, name its drug."
        )
    by_subject: dict[tuple[object, ...], list[Term]] = defaultdict(list)
    for term in policy.terms:
        if term.effective_from < starts[0]:
            row = policy.declared.rows.get(term.term_id)
            place = f"{term.term_id} ({row})" if row else term.term_id
            raise PolicyRefused(
                f"{name}: {term.kind} {place}: begins before the document's first version"
                f" ({starts[0]}). Move its effective_from or add the version."
            )
        if not isinstance(term, LanguageTerm):
            by_subject[(term.kind, *term.same_subject())].append(term)
    for group in by_subject.values():
        for a, b in combinations(sorted(group, key=lambda t: t.effective_from), 2):
            if (a.effective_to or FAR_FUTURE) > b.effective_from:
                raise PolicyRefused(
                    f"{name}: {b.kind} {b.term_id}: overlaps {a.term_id} in time. End the earlier"
                    " with effective_to."
                )
