"""Check a packet against the results of its run."""

import json
import re
from pathlib import Path
from typing import Any

from markupsafe import escape

from audit_rules.given_files import read_file
from flows.errors import InputRefused, UsageError
from flows.provenance import program_version
from flows.reports.form import PageForm, form_named
from flows.reports.packet.published import PublishedException, read_published_exception
from flows.reports.packet.write import as_html, as_pdf
from flows.reports.printable import printable

_IDS = re.compile(
    rb"claims-audit exception ([0-9a-f]{32}) of run ([0-9a-f]{16})(?: on ([a-z0-9_ ]+))?"
)
_OLD_FORM = PageForm("a4")
"""Of packets of earlier versions, which name none."""
_RECEIPT = re.compile(r'<script type="application/json" id="receipt">(.*?)</script>', re.DOTALL)


def verify(packet: Path, run: Path) -> str:
    """Say in a sentence or two what was checked and matches; raise InputRefused if it does not."""
    try:
        content = read_file(packet)
    except OSError:
        raise InputRefused(
            f"{packet.name} cannot be read. Give a packet that claims-audit wrote."
        ) from None
    ids = _IDS.search(content)
    if ids is None:
        raise InputRefused(
            f"{packet.name} is not a packet: it names no exception and no run. "
            "Give a packet that claims-audit wrote."
        )
    exception_id, run_id = ids[1].decode(), ids[2].decode()
    form = form_named(ids[3].decode()) if ids[3] else _OLD_FORM
    if form is None:
        raise InputRefused(
            f"{packet.name} names no form in which packets are written. Write the packet again."
        )
    try:
        published = read_published_exception(run, exception_id)
    except UsageError:
        raise InputRefused(
            f"{packet.name} names an exception that the run does not have. "
            "Give the folder of its own run."
        ) from None
    if published.receipt["run_id"] != run_id:
        raise InputRefused(
            f"{packet.name} belongs to run {run_id}, but --run is another one. "
            "Give the folder of its own run."
        )
    if content.startswith(b"%PDF"):
        return _verify_pdf(packet, content, published, form)
    return _verify_html(packet, content, published, form)


def _verify_html(
    packet: Path, content: bytes, published: PublishedException, form: PageForm
) -> str:
    stated, receipt = _read_receipt(packet, content), published.receipt
    different = [item for item, value in receipt.items() if stated.get(item) != value]
    if different:
        raise InputRefused(
            f"{packet.name}: the receipt does not match the run: {', '.join(different)}. "
            "Write the packet again."
        )
    matches = f"The receipt matches its exception in run {receipt['run_id']}."
    if content != as_html(published, form).encode():
        if stated.get("packet_version") != program_version():
            why = _as_another_version_wrote_it(content, published, form)
            raise InputRefused(f"{packet.name}: {why}")
        raise InputRefused(
            f"{packet.name}: the receipt matches, but the text was changed. Write the packet again."
        )
    return f"{matches} So does every word of the text."


def _as_another_version_wrote_it(
    content: bytes, published: PublishedException, form: PageForm
) -> str:
    """What can be said of a packet whose words this version does not reproduce."""
    text, row = content.decode(), published.row
    figures = {
        "amount_at_risk": form.dollars(row["amount_at_risk"]),
        "paid_amount": form.dollars(row["paid_amount"]),
        "service_date": form.day(row["service_date"]),
        "claim_id": str(escape(printable(row["claim_id"]))),
    }
    missing = [column for column, shown in figures.items() if shown not in text]
    if missing:
        return (
            f"the receipt matches, but the text does not say the row's {', '.join(missing)}. "
            "Write the packet again."
        )
    return (
        "the receipt matches, but the packet says that another version of claims-audit wrote it, "
        "so its text could not be compared. Verify it with that version, or write it again."
    )


def _read_receipt(packet: Path, content: bytes) -> dict[str, Any]:
    try:
        receipt: dict[str, Any] = dict(json.loads(_RECEIPT.findall(content.decode("utf-8"))[0]))
        return receipt
    except (ValueError, TypeError, IndexError, RecursionError):
        raise InputRefused(
            f"{packet.name}: its receipt cannot be read. Write the packet again."
        ) from None


def _verify_pdf(packet: Path, content: bytes, published: PublishedException, form: PageForm) -> str:
    if content != as_pdf(as_html(published, form)):
        raise InputRefused(
            f"{packet.name} differs from the PDF that this run gives here: it was changed, or made "
            "with other fonts or another version. Verify the HTML packet instead."
        )
    receipt = published.receipt
    return f"The packet matches its exception in run {receipt['run_id']}, byte for byte."
