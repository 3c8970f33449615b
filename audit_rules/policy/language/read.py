"""The language's part of a policy file: what it declares, and its terms."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from audit_rules.errors import PolicyRefused
from audit_rules.policy.language.checks import check_language
from audit_rules.policy.language.declarations import Declarations
from audit_rules.policy.language.kinds import KINDS, Approval, Coding
from audit_rules.policy.language.sets import Codes, Fact, Payer, Products, fault_in
from audit_rules.policy.language.spans import Span, Window
from audit_rules.policy.language.tables import PolicyCsvFiles, terms_of_table
from audit_rules.policy.language.terms import LanguageTerm
from audit_rules.policy.terms.base import Strict
from schemas.tables import EVIDENCE_VALUES, MEASURED_EVIDENCE

M = TypeVar("M", bound=Strict)
DECLARING: dict[str, type[Strict]] = {
    "products": Products,
    "codes": Codes,
    "fact": Fact,
    "payer": Payer,
}
"""Arrays of a policy file that declare something."""
_BY_KIND = {kind.kind: kind for kind in KINDS}
LANGUAGE_KEYS = frozenset(_BY_KIND)
_ONLY_NEW = ("finding", "needed", "length", "units", "of", "applies_to", "unless", "table")
_OF_CONTRACT = {
    **{code: Fact(code=code, values=tuple(v.values())) for code, v in EVIDENCE_VALUES.items()},
    MEASURED_EVIDENCE: Fact(code=MEASURED_EVIDENCE, unit="m2"),
}


class Parse(Protocol):
    """Gives a checked model of a table; PolicyRefused with file, place and remedy."""

    def __call__(self, name: str, model: type[M], data: object, where: str) -> M:
        """Parse one table."""
        ...


def is_of_language(key: str, term: object) -> bool:
    """Whether a table of an array is a term of the language: one key is also of an older kind."""
    if key not in LANGUAGE_KEYS:
        return False
    if key != Approval.kind:
        return True
    return isinstance(term, dict) and any(field in term for field in _ONLY_NEW)


def read_declared(
    data: dict[str, Any],
    csv_files: PolicyCsvFiles,
    parse: Parse,
    drug: str | None,
    default_of: tuple[str, ...],
    diagnosis_window: Window | None,
) -> Declarations:
    """What the arrays of a file declare. Raises PolicyRefused."""
    name = csv_files.name
    sets = {s.name: s for s in _parsed(data, "products", Products, name, parse)}
    if drug and drug not in sets:
        sets = {drug: _set_of_drug(data, drug)} | sets
    codes = {c.name: _with_file(c, csv_files) for c in _parsed(data, "codes", Codes, name, parse)}
    facts = {f.code: f for f in _parsed(data, "fact", Fact, name, parse)}
    payers = tuple(_parsed(data, "payer", Payer, name, parse))
    return Declarations(
        sets, {}, {}, codes, _OF_CONTRACT | facts, payers, default_of, diagnosis_window
    )


def _set_of_drug(data: dict[str, Any], drug: str) -> Products:
    """The set of the document's drug: the reference's lines, with the gap of its course."""
    courses = data.get("course") or [{}]
    days = courses[0].get("gap_days") if isinstance(courses[0], dict) else None
    gap = Span(days=days) if isinstance(days, int) and days > 0 else None
    return Products(
        name=drug,
        ingredient=(drug,),
        gap=gap,
        observed_days=0,
        of_drug=True,
    )


def _parsed(data: dict[str, Any], key: str, model: type[M], name: str, parse: Parse) -> Iterable[M]:
    rows = data.get(key, [])
    if not isinstance(rows, list):
        raise PolicyRefused(f"{name}: {key} must be an array of tables. Write [[{key}]].")
    found: dict[str, M] = {}
    for number, row in enumerate(rows, 1):
        made = parse(name, model, row, f"{key} {number}")
        word = str(row.get("name") or row.get("code") or row.get("id"))
        if word in found:
            raise PolicyRefused(
                f"{name}: {key} {word!r} is declared twice. Give each its own name."
            )
        found[word] = made
    return found.values()


def _with_file(codes: Codes, csv_files: PolicyCsvFiles) -> Codes:
    """A code list with the codes of its file, which must have the shape of those in a policy."""
    if codes.file is None:
        return codes
    kept = csv_files.chosen(codes.file, f"codes {codes.name}", "code", codes.where)
    if wrong := fault_in(kept, codes.system):
        raise PolicyRefused(f"{csv_files.name}: codes {codes.name}: {codes.file}: {wrong}.")
    return codes.model_copy(update={"codes": (*codes.codes, *kept)})


def read_terms(
    data: dict[str, Any],
    declared: Declarations,
    csv_files: PolicyCsvFiles,
    parse: Parse,
    headers: Sequence[str] = (),
) -> list[LanguageTerm]:
    """The terms of the language in the order of the file, those of tables too, checked; adds the
    sets of their rows.

    headers   the arrays of tables in the order of their headers, if it is known.
    """
    rows: dict[str, list[Any]] = {}
    for key, entries in data.items():
        if key in _BY_KIND:
            if not isinstance(entries, list):
                raise PolicyRefused(
                    f"{csv_files.name}: {key} must be an array of tables. Write [[{key}]]."
                )
            rows[key] = list(enumerate(entries, 1))
    found: list[LanguageTerm] = []
    for key in [h for h in headers if h in rows] + [k for k in rows for _ in rows[k]]:
        if rows[key]:
            number, row = rows[key].pop(0)
            if is_of_language(key, row):
                found += _terms(_BY_KIND[key], row, number, declared, csv_files, parse)
    check_language(csv_files.name, declared, found)
    return found


def _terms(
    model: type[LanguageTerm],
    row: object,
    number: int,
    declared: Declarations,
    csv_files: PolicyCsvFiles,
    parse: Parse,
) -> list[LanguageTerm]:
    given = row if isinstance(row, dict) else {}
    where = f"{model.kind} {given.get('term_id', f'number {number}')}"
    if "table" not in given:
        return [_crosswalked(parse(csv_files.name, model, row, where), csv_files)]
    made = []
    for term in terms_of_table(given, csv_files, where):
        row_of = term.pop("#row")
        place = f"{where} ({row_of})"
        declared.rows[term["term_id"]] = row_of
        code = term.pop("hcpcs", None)
        if code is not None:
            one = parse(csv_files.name, Products, {"name": code, "hcpcs": [code]}, place)
            declared.row_sets.setdefault(one.name, one)
            term["of"] = [code]
        made.append(_crosswalked(parse(csv_files.name, model, term, place), csv_files))
    return made


def _crosswalked(term: LanguageTerm, csv_files: PolicyCsvFiles) -> LanguageTerm:
    """A coding term with the rows of its crosswalk."""
    if not isinstance(term, Coding) or term.crosswalk is None:
        return term
    rows = csv_files.rows(term.crosswalk, f"coding {term.term_id}", "ndc11")
    pairs = tuple((r["hcpcs"], r["ndc11"]) for r in rows if "hcpcs" in r and "ndc11" in r)
    return term.model_copy(update={"crosswalk_rows": pairs})
