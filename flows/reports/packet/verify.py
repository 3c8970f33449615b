"""Does a packet stand in the results of its run as it says?"""

import json
import re
from pathlib import Path
from typing import Any

from flows.errors import InputRefused
from flows.provenance import program_version
from flows.reports.packet.case import PublishedCase, read_case
from flows.reports.packet.write import as_html, as_pdf

_IDS = re.compile(rb"claims-audit exception ([0-9a-f]{32}) of run ([0-9a-f]{16})")
_RECEIPT = re.compile(r'<script type="application/json" id="receipt">(.*?)</script>', re.DOTALL)


def verify(packet: Path, run: Path) -> str:
    """What was checked and holds, in a sentence or two. Raises InputRefused with what does not hold."""
    try:
        content = packet.read_bytes()
    except OSError:
        raise InputRefused(
            f"{packet.name} cannot be read. Name a packet that claims-audit has written."
        ) from None
    ids = _IDS.search(content)
    if ids is None:
        raise InputRefused(
            f"{packet.name} is no packet of claims-audit: it names no exception and run."
        )
    case = read_case(run, ids[1].decode())
    if case.receipt["run_id"] != ids[2].decode():
        raise InputRefused(
            f"{packet.name} is of run {ids[2].decode()}, not of that folder's run. Name the folder of its run."
        )
    if content.startswith(b"%PDF"):
        return _holds_as_pdf(packet, content, case)
    return _holds_as_html(packet, content, case)


def _holds_as_html(packet: Path, content: bytes, case: PublishedCase) -> str:
    said = _receipt(packet, content)
    differs = [item for item, value in case.receipt.items() if said.get(item) != value]
    if differs:
        raise InputRefused(
            f"{packet.name}: the receipt does not hold: {', '.join(differs)} are not those of the run."
        )
    holds = f"The receipt holds: exception {case.receipt['exception_id']} stands in run {case.receipt['run_id']} as it says."
    if said.get("packet_version") != program_version():
        return f"{holds} Its words were not compared: another version of claims-audit wrote them."
    if content != as_html(case).encode():
        raise InputRefused(
            f"{packet.name}: the receipt holds, but the words were changed. Write the packet anew."
        )
    return f"{holds} Every word is that of the run."


def _receipt(packet: Path, content: bytes) -> dict[str, Any]:
    try:
        receipt: dict[str, Any] = json.loads(_RECEIPT.findall(content.decode("utf-8"))[0])
        return receipt
    except (ValueError, IndexError):
        raise InputRefused(
            f"{packet.name}: its receipt cannot be read. Write the packet anew."
        ) from None


def _holds_as_pdf(packet: Path, content: bytes, case: PublishedCase) -> str:
    if content != as_pdf(as_html(case)):
        raise InputRefused(
            f"{packet.name} is not what the run gives here: it was changed, or laid out with other fonts or another version. "
            "Verify the HTML packet."
        )
    return f"The packet holds: it is, byte for byte, exception {case.receipt['exception_id']} of run {case.receipt['run_id']}."
