"""One letter as HTML and PDF: the same run, template and day give the same bytes."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from audit_rules.kinds.registry import described
from audit_rules.rules import CATALOGUE
from audit_rules.wording import question
from flows.errors import UsageError
from flows.letters.clauses import LetterLaw
from flows.letters.run import LetterRun
from flows.letters.select import LetterKind, LetterLine, documents
from flows.letters.template import Template
from flows.reports.form import PageForm, Paper
from flows.reports.html import templates
from flows.reports.wording import basis_of_row, figures_text, shown_facts, texts_by_side
from schemas.outcomes import FULL_PAID

ANOTHERS = "generic_unit_price"
"""Id of a fact about a claim that may be of another patient and payee: a letter names neither its
claim nor its date."""
_MOST_FACTS = 6  # the latest of each side of a finding


@dataclass(frozen=True)
class Letter:
    """A letter to one payee: what it is about, and its text.

    name        of its files, without suffix: it holds no claim and no member.
    part        its number among the letters to the payee, and how many there are.
    """

    name: str
    npi: str
    part: tuple[int, int]
    lines: tuple[LetterLine, ...]
    answer_by: date
    html: str

    @property
    def amount(self) -> Decimal:
        """What it is about, in all."""
        return sum((line.amount for line in self.lines), Decimal("0.00"))


@dataclass(frozen=True)
class LetterForm:
    """What all letters of a batch share."""

    kind: LetterKind
    template: Template
    run: LetterRun
    day: date
    paper: Paper

    @property
    def page(self) -> PageForm:
        """How they are printed."""
        return self.template.form(self.paper)


def make_letter(
    form: LetterForm, npi: str, part: tuple[int, int], lines: tuple[LetterLine, ...], law: LetterLaw
) -> Letter:
    """Make a letter. Raises UsageError if it lacks a part that a clause of law asks for."""
    template, day = form.template, form.day
    answer_by = law.answer_by(day, template.days_to_answer)
    _refuse_unreviewed(npi, law, template)
    shown = {
        "form": form,
        "npi": npi,
        "part": part,
        "lines": [_exhibit(form, line, law) for line in lines],
        "counted_elsewhere": any(line.is_priced and not line.amount for line in lines),
        "total": sum((line.amount for line in lines), Decimal("0.00")),
        "first_day": min(line.line["service_date"] for line in lines),
        "last_day": max(line.line["service_date"] for line in lines),
        "answer_by": answer_by,
        "no_refund_before": law.no_refund_before(day),
        "waits_for_final_report": law.waits_for_final_report,
        "counts_working_days": law.counts_working_days(day, template.days_to_answer),
        "reviewers": [(who, getattr(template.reviewers, who)) for who in law.signed_by],
        "documents": list(documents(lines)),
        "day": form.page.day,
        "money": form.page.dollars,
    }
    missing = law.missing(_parts(form, lines, shown))
    if missing:
        part_name, clause = missing[0]
        raise UsageError(
            f"The letter to {npi} was not written: it lacks {part_name.replace('_', ' ')}, which "
            f"{clause} asks for. Give that text in the template."
        )
    number = f"-{part[0]}" if part[1] > 1 else ""
    html = templates("flows.letters").get_template("letter.html").render(**shown)
    return Letter(f"{form.kind}-{npi}{number}", npi, part, lines, answer_by, html)


def _refuse_unreviewed(npi: str, law: LetterLaw, template: Template) -> None:
    """Raise UsageError if law asks for a reviewer whom the template does not name."""
    unnamed = [who for who in law.signed_by if not getattr(template.reviewers, who)]
    if unnamed:
        raise UsageError(
            f"The letter to {npi} was not written: a {unnamed[0]} must have reviewed it, by law. "
            f"Name one under [reviewers] {unnamed[0]} in the template."
        )


def _exhibit(form: LetterForm, line: LetterLine, law: LetterLaw) -> dict[str, Any]:
    """What the letter says of one line."""
    clauses = [law.bars_fee(finding["exception_id"]) for finding in line.findings]
    return {
        "fee_clause": next(filter(None, clauses), "")
        if line.line["not_collectable_amount"]
        else "",
        "row": line.line,
        "amount": line.amount,
        "is_priced": line.is_priced,
        "findings": [_finding(form, finding) for finding in line.findings],
        "documents": list(documents((line,))),
    }


def _finding(form: LetterForm, row: dict[str, Any]) -> dict[str, Any]:
    said = form.page.text
    facts = [
        f | {"claim_id": None, "date": None} if f["id"] == ANOTHERS else f for f in shown_facts(row)
    ]
    return {
        "row": row,
        "rationale": said(row["rationale"] or ""),
        "question": question(described(row["rule_id"], row["reason"], CATALOGUE)),
        "sides": {s: t[-_MOST_FACTS:] for s, t in texts_by_side(facts, said).items()},
        "basis": said(basis_of_row(row)),
        "figures": figures_text(row),
        "without_fee": row["claim_source"] == "pharmacy" and row["amount_basis"] != FULL_PAID,
        "receipt": form.run.packet_name(row["exception_id"]),
        "policy_sha256": form.run.policy_sha256(row["policy_id"]),
    }


def _parts(form: LetterForm, lines: tuple[LetterLine, ...], shown: dict[str, Any]) -> set[str]:
    """The parts that the letter holds, by the names that clauses of law use."""
    texts = form.template.texts
    optional = {
        "where_to_read": texts.where_to_read,
        "corrected_claim": texts.corrected_claim,
        "appeal": texts.appeal,
        "interest": texts.interest,
        "payment": texts.payment,
        "judged_by": texts.judged_by,
        "no_refund_before": shown["no_refund_before"] or shown["waits_for_final_report"],
        "documents": shown["documents"],
        "explanation": all(f["rationale"] for line in lines for f in line.findings),
        "rule": all(f["citation"] for line in lines for f in line.findings),
    }
    always = {
        *("sender", "addressee", "date", "audit_period", "patient", "claim_id", "service_date"),
        *("billed", "paid_amount", "evidence", "amount", "computation", "left_out"),
        *("answer_by", "receipt"),
    }
    return always | {name for name, holds in optional.items() if holds}


def as_pdf(html: str) -> bytes:
    """A letter as tagged PDF (PDF/UA). Raises UsageError if the libraries are missing."""
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]  # it has no types; loads Pango
    except OSError:
        raise UsageError(
            "A PDF needs the Pango library (Debian: apt-get install libpangoft2-1.0-0). "
            "Install it, or give --no-pdf."
        ) from None
    content: bytes = HTML(string=html).write_pdf(pdf_variant="pdf/ua-1")
    return content
