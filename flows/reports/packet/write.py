"""A packet as HTML and as PDF: the same bytes for the same case (the PDF: with the same fonts and WeasyPrint)."""

import json
from pathlib import Path
from typing import Any

from markupsafe import Markup

from audit_rules.rules import RULES
from audit_rules.wording import meanings, question
from flows.errors import UsageError
from flows.provenance import program_version
from flows.reports.html import templates
from flows.reports.packet.case import PublishedCase
from flows.reports.wording import basis, fact
from schemas.outcomes import SETTLED_BY

_MOST_FACTS = 12  # of each side, so that a packet is a page; the latest
_RECEIPT = {
    "exception_id": "Exception",
    "exception_sha256": "Its row, as sorted JSON (SHA-256)",
    "run_id": "Run",
    "as_of": "Knowledge date",
    "program_version": "claims-audit",
    "policy_file": "Policy file",
    "policy_sha256": "Policy file (SHA-256)",
    "input_files": "Input files",
    "inputs_sha256": "Their hashes and names (SHA-256)",
    "exceptions_sha256": "exceptions.parquet (SHA-256)",
    "manifest_sha256": "manifest.json (SHA-256)",
}


def write_packet(folder: Path, case: PublishedCase, with_pdf: bool) -> list[Path]:
    """Write packet-ID.html, and packet-ID.pdf beside it; returns the paths. Raises UsageError where no PDF can be made here."""
    text = as_html(case)
    contents = {"html": text.encode()} | ({"pdf": as_pdf(text)} if with_pdf else {})
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for suffix, content in contents.items():
        path = folder / f"packet-{case.row['exception_id']}.{suffix}"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
        paths.append(path)
    return paths


def as_html(case: PublishedCase) -> str:
    """The packet as one page of HTML."""
    row = case.row
    module = next(m for m in RULES if m.RULE.id == row["rule_id"])
    own = (row["claim_source"], row["claim_id"], row["claim_line_number"])
    facts = [
        f
        for f in row["evidence"]
        if f["id"] or f["kind"] not in ("fill", "service") or own != _place(f)
    ]
    sides = {side: [fact(f) for f in facts if f["side"] == side] for side in ("against", "for")}
    cents = None if row["amount_at_risk"] is None else int(row["amount_at_risk"] * 100)
    receipt = case.receipt | {"packet_version": program_version()}
    return (
        templates("flows.reports.packet")
        .get_template("packet.html")
        .render(
            row=row,
            question=question(module),
            unseen=meanings(module).get("Cannot see", ""),
            sides={
                side: (found[-_MOST_FACTS:], max(0, len(found) - _MOST_FACTS))
                for side, found in sides.items()
            },
            basis=basis(cents, row),
            settled=SETTLED_BY[row["outcome"]],
            receipt=case.receipt,
            receipt_words=_RECEIPT,
            receipt_json=Markup(json.dumps(receipt, indent=1).replace("<", "\\u003c")),
        )
    )


def as_pdf(text: str) -> bytes:
    """The packet as PDF. Raises UsageError where the libraries that lay it out are not installed."""
    try:
        from weasyprint import HTML  # type: ignore[import-untyped]  # it has no types; loads Pango
    except OSError:
        raise UsageError(
            "A PDF needs the Pango library (Debian: apt-get install libpangoft2-1.0-0). Install it, or give --no-pdf."
        ) from None
    content: bytes = HTML(string=text).write_pdf(
        uncompressed_pdf=True
    )  # so that `verify` finds the ids without a PDF reader
    return content


def _place(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["claim_source"], found["claim_id"], found["claim_line_number"]
