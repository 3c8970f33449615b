"""The law library: every law file of a run, shipped or given, by id."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from audit_rules.errors import PolicyRefused
from audit_rules.law.clauses import CLAUSE_KINDS, Clause, Law
from audit_rules.policy.document import PolicyFile, read_policy_file, tables_of
from audit_rules.policy.library import refuse_double_ids
from audit_rules.policy.lines import with_line
from audit_rules.policy.parsing import parse

SHIPPED_LAW = Path(str(files("audit_rules") / "law"))
C = TypeVar("C", bound=Clause)


@dataclass(frozen=True)
class LawFile:
    """One law file: what it is called, its clauses, its file name and SHA-256."""

    law: Law
    clauses: tuple[Clause, ...]
    file_name: str
    sha256: str


@dataclass(frozen=True)
class LawLibrary:
    """Every law file, by id."""

    laws: tuple[LawFile, ...] = ()

    def of_kind(self, kind: type[C]) -> list[C]:
        """Every clause of a kind, in the order of the library."""
        return [c for law in self.laws for c in law.clauses if isinstance(c, kind)]

    def citations(self) -> dict[str, str]:
        """Clause -> title of its file and its place there, as a reader can find it."""
        return {c.term_id: f"{f.law.title}, {c.cite}" for f in self.laws for c in f.clauses}


def load_law(extra: Path | None = None) -> LawLibrary:
    """The shipped law files and those of `extra`, which take the place of shipped ones of the same
    id.

    Raises PolicyRefused with file, clause, field and remedy.
    """
    laws: dict[str, LawFile] = {}
    for folder in [SHIPPED_LAW, *([extra] if extra else [])]:
        paths = sorted(folder.glob("*.toml"))
        if not paths:
            raise PolicyRefused(
                f"{folder.name}: no law file (*.toml) in this folder. Give a folder that holds"
                " some."
            )
        found: dict[str, str] = {}
        for path in paths:
            law = _read(path)
            if law.law.id in found:
                raise PolicyRefused(
                    f"{path.name}: law: id {law.law.id!r} is also in {found[law.law.id]}. Give"
                    " each its own id."
                )
            found[law.law.id] = path.name
            laws[law.law.id] = law
    library = tuple(laws[name] for name in sorted(laws))
    refuse_double_ids(((law.file_name, law.clauses) for law in library), "clause")
    return LawLibrary(library)


def _read(path: Path) -> LawFile:
    file = read_policy_file(path)
    try:
        return _law_of(file)
    except PolicyRefused as error:
        raise PolicyRefused(with_line(str(error), file.name, file.text)) from None


def _law_of(file: PolicyFile) -> LawFile:
    kinds = {kind.kind: kind for kind in CLAUSE_KINDS}
    unknown = sorted(file.data.keys() - kinds.keys() - {"law"})
    if unknown:
        raise PolicyRefused(
            f"{file.name}: unknown section {unknown[0]!r}. Write one of: law, {', '.join(kinds)}."
        )
    law = parse(file.name, Law, file.data.get("law"), "law")
    clauses = tuple(
        parse(file.name, kind, row, f"{key} {_named(row, number)}")
        for key, kind in kinds.items()
        for number, row in enumerate(tables_of(file.name, file.data, key), 1)
    )
    return LawFile(law, clauses, file.name, file.sha256)


def _named(row: object, number: int) -> str:
    return str(row.get("term_id", f"number {number}")) if isinstance(row, dict) else str(number)
