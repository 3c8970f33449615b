"""The library: every policy document that is in force in a run, shipped or given, by id."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import polars as pl

from audit_rules.errors import PolicyRefused
from audit_rules.policy.document import Policy, PolicyFile, load_policy, read_policy_file
from audit_rules.policy.terms.base import FAR_FUTURE, Term
from schemas.folding import folded
from schemas.tables import EVIDENCE_VALUES, MEASURED_EVIDENCE

SHIPPED_POLICIES = Path(str(files("audit_rules") / "policies"))


@dataclass(frozen=True)
class PolicyLibrary:
    """All documents, by id."""

    policies: tuple[Policy, ...]
    _terms: dict[type[Term], pl.DataFrame] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def payer_names(self) -> dict[str, str]:
        """Payer name, folded -> payer id, for every name that a document gives."""
        return {
            folded(n.strip()): payer.id
            for p in self.policies
            for payer in p.payers
            for n in payer.names
        }

    def payer_ids(self) -> list[str]:
        """The id of every payer of a document, sorted."""
        return sorted({payer.id for p in self.policies for payer in p.payers})

    def facts(self) -> dict[str, tuple[str, ...]]:
        """The codes of clinical evidence that documents declare, but not those of the contract,
        sorted, with the words that their values may be; none: a number."""
        every = {f.code: f.values for p in self.policies for f in p.declared.facts.values()}
        return {c: every[c] for c in sorted(every.keys() - {*EVIDENCE_VALUES, MEASURED_EVIDENCE})}

    def spoken(self) -> list[Policy]:
        """The documents with terms of the language."""
        return [p for p in self.policies if p.language_terms]

    def versions(self) -> pl.LazyFrame:
        """One row per document version and payer.

        Columns: policy_id, policy_payer, policy_drug, version_from, version_to, text_from (the
        first day for which we have its approved text), reviewed_through.
        """
        rows = []
        for p in self.policies:
            starts = [v.effective_from for v in p.versions]
            payers: list[str | None] = [q.id for q in p.payers]
            payers = payers or [None]
            for v, until in zip(p.versions, [*starts[1:], FAR_FUTURE], strict=True):
                text_from = v.approved_on if v.text_in_hand else until
                dates = (v.effective_from, until, text_from, v.reviewed_through)
                rows += [(p.document.id, payer, p.document.drug, *dates) for payer in payers]
        columns = {
            "policy_id": pl.String,
            "policy_payer": pl.String,
            "policy_drug": pl.String,
            "version_from": pl.Date,
            "version_to": pl.Date,
            "text_from": pl.Date,
            "reviewed_through": pl.Date,
        }
        return pl.DataFrame(rows, schema=columns, orient="row").lazy()

    def terms(self, kind: type[Term]) -> pl.LazyFrame:
        """One row per term of that kind: policy_id, term_id, term_from, term_to, cite, and the
        kind's own fields."""
        if kind not in self._terms:
            self._terms[kind] = self._read_terms(kind)
        return self._terms[kind].lazy()

    def _read_terms(self, kind: type[Term]) -> pl.DataFrame:
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
        return pl.DataFrame(rows, schema=_schema(kind, own), orient="row")

    def of_kind(self, kind: type[Term]) -> list[tuple[Policy, Term]]:
        """Every term of that kind with its document, in library order."""
        return [(p, t) for p in self.policies for t in p.terms if isinstance(t, kind)]


_POLARS_TYPES = {"Decimal": pl.Float64, "int": pl.Int64, "bool": pl.Boolean, "date": pl.Date}


def _schema(kind: type[Term], own: list[str]) -> dict[str, pl.DataType]:
    """The Polars type of every column that `terms` gives for a kind, so that an empty library has
    the same."""
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
    """The shipped documents and those of `extra`, which take the place of shipped ones of the same
    id.

    Raises PolicyRefused with file, term and remedy.
    """
    policies: dict[str, Policy] = {}
    for folder in [SHIPPED_POLICIES, *([extra] if extra else [])]:
        found: dict[str, str] = {}
        paths = sorted(folder.glob("*.toml"))
        if not paths:
            raise PolicyRefused(
                f"{folder.name}: no policy file (*.toml) in this folder. Give a folder that holds"
                " some."
            )
        for path in paths:
            policy = load_policy(path, extra)
            name = policy.document.id
            if name in found:
                raise PolicyRefused(
                    f"{path.name}: document id {name!r} is also in {found[name]}. Give each its"
                    " own id."
                )
            found[name] = path.name
            policies[name] = policy
    library = PolicyLibrary(tuple(policies[k] for k in sorted(policies)))
    check_library(library)
    return library


def read_policy_files(paths: Iterable[Path]) -> list[PolicyFile]:
    """The content of policy files, unchecked; of a folder, every policy file in it. No path: the
    shipped documents."""
    found: list[Path] = []
    for path in list(paths) or [SHIPPED_POLICIES]:
        inside = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not inside:
            raise PolicyRefused(
                f"{path.name}: no policy file (*.toml) in this folder. Give a folder that holds"
                " some."
            )
        found += inside
    return [read_policy_file(path) for path in dict.fromkeys(found)]


def refuse_double_ids(files: Iterable[tuple[str, Iterable[Term]]], what: str = "term") -> None:
    """Raise PolicyRefused if two terms, or clauses, of the files have one id."""
    seen: dict[str, str] = {}
    for file_name, terms in files:
        for term in terms:
            if term.term_id in seen:
                raise PolicyRefused(
                    f"{file_name}: {term.kind} {term.term_id}: this term_id is also in"
                    f" {seen[term.term_id]}. Give each {what} its own id."
                )
            seen[term.term_id] = file_name


def check_library(library: PolicyLibrary) -> None:
    """Term ids are unique, and a payer's name belongs to one payer; else PolicyRefused."""
    refuse_double_ids((p.file_name, p.terms) for p in library.policies)
    names: dict[str, str] = {}
    for policy in library.policies:
        for payer in policy.payers:
            for payer_name in payer.names:
                if names.setdefault(folded(payer_name.strip()), payer.id) != payer.id:
                    raise PolicyRefused(
                        f"{policy.file_name}: document: payer name {payer_name!r} belongs to two"
                        " payers. Keep it in one."
                    )
    _check_facts(library)


def _check_facts(library: PolicyLibrary) -> None:
    """Every document declares a code of clinical evidence alike; else PolicyRefused."""
    declared: dict[str, tuple[str, tuple[frozenset[str], str | None]]] = {}
    for policy in library.policies:
        for fact in policy.declared.facts.values():
            says = (frozenset(fact.values), fact.unit)
            first, before = declared.setdefault(fact.code, (policy.file_name, says))
            if before != says:
                raise PolicyRefused(
                    f"{policy.file_name}: fact {fact.code}: {first} declares it otherwise. Write"
                    " the same values or unit in both files."
                )
