"""Defects of policy documents and of the files that transcribe them, found by checks: `claims-audit
lint`.

Each check is one function over one document, named as its findings are; see CHECKS. A
check that needs a section which the file does not have (`audit_rules/policy/statements.py`) finds
nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date
from functools import cache

import polars as pl

from audit_rules.lint import codes, dates, meaning, statements
from audit_rules.lint.defect import CodeRow, Defect, LintContext, Subject, codes_meant
from audit_rules.lint.form import repaired
from audit_rules.lint.labels import Labels
from audit_rules.lint.language import LANGUAGE_CHECKS
from audit_rules.lint.language_codes import LANGUAGE_CODE_CHECKS
from audit_rules.lint.left_open import mark_left, payer_without_lines
from audit_rules.lint.ndc_tables import ndc_table_defects
from audit_rules.policy.document import Policy, PolicyFile, parse_policy
from audit_rules.policy.library import PolicyLibrary, check_library, load_policies
from audit_rules.policy.statements import CodeRange, CodingRow
from audit_rules.reference.codes import (
    check_set_codes,
    hcpcs_roles,
    inducer_strengths,
    ndc_files,
    ndc_tables,
    unclassified_codes,
)
from audit_rules.reference.diagnosis_lists import policy_codes
from audit_rules.reference.icd10cm import Icd10cm, load_icd10cm

Check = Callable[[Subject], Iterator[Defect]]

CHECKS: tuple[Check, ...] = (
    dates.review_passed,
    dates.only_review_dates,
    codes.unknown_code,
    codes.header_code,
    codes.code_not_in_force,
    codes.range_stops_before_letter,
    codes.siblings_left_out,
    meaning.label_mismatch,
    meaning.code_under_two_indications,
    meaning.code_without_criterion,
    meaning.indication_without_code,
    meaning.criteria_without_codes,
    meaning.adult_age_for_children,
    statements.contradiction,
    statements.days_do_not_follow,
    statements.inducer_class,
    statements.reference_not_there,
    statements.planning_code,
)

_OF_THE_DOCUMENT = ("listed", "conflict")
_OF_THE_READER = ("criteria",)

__all__ = ["CHECKS", "Defect", "as_json", "as_text", "has_errors", "lint"]


def lint(
    files: Sequence[PolicyFile], today: date, payers: frozenset[str] | None = None
) -> list[Defect]:
    """The defects of policy files, file by file. Raises PolicyRefused for one that cannot be loaded
    for another reason.

    payers   payer names of lines and aliases, folded; None: no warehouse is looked at.
    """
    read = [(parse_policy(loadable), loadable, found) for loadable, found in map(repaired, files)]
    at_hand = [policy for policy, _, _ in read] + list(load_policies().policies)
    documents = tuple(
        dict.fromkeys(name for p in at_hand for name in (p.document.id, p.document.title))
    )
    context = LintContext(load_icd10cm(), _labels(), inducer_strengths(), documents, today)
    findings = []
    for policy, file, found in read:
        check_library(PolicyLibrary((policy,)))
        check_set_codes(PolicyLibrary((policy,)), unclassified_codes())
        known = replace(
            context, roles=hcpcs_roles(file.folder), ndc=ndc_tables(file.folder), payers=payers
        )
        subject = _subject(policy, policy_codes(policy, file.folder), known)
        checks = (*CHECKS, *LANGUAGE_CHECKS, *LANGUAGE_CODE_CHECKS, payer_without_lines)
        findings += [*found, *(finding for check in checks for finding in check(subject))]
        findings += mark_left(file, subject)
    policies = [policy for policy, _, _ in read]
    for folder in dict.fromkeys(file.folder for _, file, _ in read):
        findings += ndc_table_defects(ndc_files(folder), _product_words(policies))
    return findings


@cache
def _labels() -> Labels:
    return Labels(load_icd10cm())


def _subject(policy: Policy, listed: pl.DataFrame, context: LintContext) -> Subject:
    table = tuple(
        _row(section, policy, context.icd)
        for section in policy.stated
        if isinstance(section, CodingRow) and section.system == "icd10cm"
    )
    others = tuple(
        d for d in context.documents if d not in (policy.document.id, policy.document.title)
    )
    return Subject(
        policy,
        table or _rows_of_terms(policy, listed, _OF_THE_DOCUMENT, context.icd),
        () if table else _rows_of_terms(policy, listed, _OF_THE_READER, context.icd),
        frozenset(listed["indication"].drop_nulls()),
        replace(context, documents=others),
    )


def _product_words(policies: Sequence[Policy]) -> set[str]:
    """The product words by which sets of documents choose NDCs."""
    sets = [one for policy in policies for one in policy.declared.every_set.values()]
    return {word for one in sets if one.ndc_of for word in one.ndc_of.product}


def _row(section: CodingRow, policy: Policy, icd: Icd10cm) -> CodeRow:
    items = section.written()
    start = section.effective_from or policy.versions[-1].effective_from
    return CodeRow(
        section.cite,
        section.label,
        items,
        codes_meant(items, icd),
        start,
        section.effective_to,
        section.serves,
    )


def _rows_of_terms(
    policy: Policy, listed: pl.DataFrame, standings: tuple[str, ...], icd: Icd10cm
) -> tuple[CodeRow, ...]:
    """One row per diagnosis_codes term and indication, with the codes of these standings."""
    terms = {t.term_id: t for t in policy.terms}
    items: dict[tuple[str, str | None], list[CodeRange]] = {}
    for r in listed.iter_rows(named=True):
        if r["standing"] in standings:
            code = CodeRange(r["code"], r["code"], r["code"], r["with_children"])
            items.setdefault((r["code_term_id"], r["indication"]), []).append(code)
    rows = []
    for (term_id, label), found in items.items():
        term, written = terms[term_id], tuple(found)
        rows.append(
            CodeRow(
                term.cite,
                label,
                written,
                codes_meant(written, icd),
                term.effective_from,
                term.effective_to,
            )
        )
    return tuple(rows)


def has_errors(findings: Iterable[Defect]) -> bool:
    """Some finding is an error."""
    return any(f.severity == "error" for f in findings)


def as_text(findings: Sequence[Defect]) -> str:
    """The findings for people, by file."""
    if not findings:
        return "No defects found."
    lines: list[str] = []
    for name in dict.fromkeys(f.file for f in findings):
        own = [f for f in findings if f.file == name]
        lines.append(f"{name}: {_counted(own)}")
        for f in own:
            lines += [
                f"  {f.severity}: {f.message} [{f.check}]",
                f"    at: {f.cite}",
                f"    {f.remedy}",
            ]
        lines.append("")
    return "\n".join([*lines, f"{_counted(findings)} in all."])


def _counted(findings: Sequence[Defect]) -> str:
    errors = sum(f.severity == "error" for f in findings)
    warnings = len(findings) - errors
    return f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"


def as_json(findings: Sequence[Defect]) -> str:
    """The findings for programs: an array of objects with the fields of Defect."""
    return json.dumps([asdict(f) for f in findings], indent=2, ensure_ascii=False)
