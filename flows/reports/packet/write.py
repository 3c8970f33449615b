"""Write a packet as HTML and as PDF.

The same exception gives the same bytes; for the PDF, with the same fonts and WeasyPrint.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import Markup

from audit_rules.engine.rule import Described
from audit_rules.kinds.registry import described
from audit_rules.rules import CATALOGUE
from audit_rules.wording import meanings, question
from flows.errors import UsageError
from flows.provenance import program_version
from flows.reports.colours import IN_TEXT
from flows.reports.form import AS_RESULTS, PageForm, name_of
from flows.reports.html import templates
from flows.reports.packet.published import PublishedException
from flows.reports.wording import (
    asked_once_text,
    barred_part_text,
    basis_of_row,
    collecting_text,
    figures_text,
    ledger_text,
    left_out_by_side,
    shown_facts,
    texts_by_side,
)
from flows.warehouse.files import make_folder, write_whole
from schemas.outcomes import SETTLED_BY

_DISMISSED = "It is settled: a person has set this finding aside, and nothing is asked for."
_MOST_FACTS = 12  # the latest of each side, so that a packet fits on a page
_RECEIPT_LABELS = {
    "exception_id": "Exception",
    "exception_sha256": "Its row as sorted JSON (SHA-256)",
    "run_id": "Run",
    "as_of": "As-of date",
    "program_version": "claims-audit",
    "policy_file": "Policy file",
    "policy_sha256": "Policy file (SHA-256)",
    "input_files": "Input files",
    "inputs_sha256": "Their hashes and names (SHA-256)",
    "exceptions_sha256": "exceptions.parquet (SHA-256)",
    "manifest_sha256": "manifest.json (SHA-256)",
}


def write_packet(
    folder: Path, published: PublishedException, with_pdf: bool, form: PageForm = AS_RESULTS
) -> list[Path]:
    """Write packet-NAME.html and, if asked for, packet-NAME.pdf; return the paths.

    Raises UsageError if this machine cannot make a PDF.
    """
    text = as_html(published, form)
    contents = {"html": text.encode()} | ({"pdf": as_pdf(text)} if with_pdf else {})
    make_folder(folder)
    paths = []
    for suffix, content in contents.items():
        path = folder / f"{published.name}.{suffix}"
        write_whole(path, content)
        paths.append(path)
    return paths


def as_html(published: PublishedException, form: PageForm = AS_RESULTS) -> str:
    """The packet as one page of HTML, in a form."""
    row, said = published.row, form.text
    module = _module(row)
    receipt = published.receipt | {"packet_version": program_version()}
    return (
        templates("flows.reports.packet")
        .get_template("packet.html")
        .render(
            row=row,
            form=form,
            form_name=name_of(form),
            as_of=date.fromisoformat(receipt["as_of"]),
            rationale=said(row["rationale"] or ""),
            outcome_styles=" ".join(f".{o} {{ color: {c}; }}" for o, c in IN_TEXT.items()),
            question=question(module),
            unseen=meanings(module).get("Cannot see", ""),
            sides={
                side: (found[-_MOST_FACTS:], max(0, len(found) - _MOST_FACTS))
                for side, found in texts_by_side(shown_facts(row), said).items()
            },
            more=left_out_by_side(row),
            basis=said(basis_of_row(row)),
            figures=figures_text(row),
            others=[(other, question(_module(other))) for other in published.others],
            barred_part=said(barred_part_text(row, published.line)),
            asked_once=said(asked_once_text(row, len(published.others), published.line)),
            collecting=said(collecting_text(row, published.citations)),
            settled_by=_DISMISSED if published.is_dismissed else SETTLED_BY[row["outcome"]],
            is_dismissed=published.is_dismissed,
            ledger=said(ledger_text(row)),
            receipt=published.receipt,
            receipt_labels=_RECEIPT_LABELS,
            receipt_json=Markup(json.dumps(receipt, indent=1).replace("<", "\\u003c")),
        )
    )


def _module(row: dict[str, Any]) -> Described:
    """The rule of an exception."""
    return described(row["rule_id"], row["reason"], CATALOGUE)


def as_pdf(text: str) -> bytes:
    """The packet as PDF. Raises UsageError if the libraries for the layout are missing."""
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]  # it has no types; loads Pango
    except OSError:
        raise UsageError(
            "A PDF needs the Pango library (Debian: apt-get install libpangoft2-1.0-0). "
            "Install it, or give --no-pdf."
        ) from None
    # uncompressed, so that `verify` finds the ids without a PDF reader
    content: bytes = HTML(string=text).write_pdf(uncompressed_pdf=True)
    return content
