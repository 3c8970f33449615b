"""Commands about the decisions of persons and their records: dismiss, reopen, packet, verify."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.cli.options import Deciding
from flows.errors import InputRefused, UsageError, redacted_errors

if TYPE_CHECKING:
    from flows.ledger.decisions import Decision


def dismiss(*ids: str, decision: Deciding, until: date | None = None) -> None:
    """Dismiss exceptions from the next run on, until a day or until they change.

    Parameters
    ----------
    ids
        exception ids
    until
        the last day of the dismissal, YYYY-MM-DD (default: until the exception changes)
    """
    from flows.ledger.decisions import DISMISS

    count = _decide(DISMISS, ids, decision, until)
    print(f"Exceptions dismissed: {count}. The next run shows it.")


def reopen(*ids: str, decision: Deciding) -> None:
    """Take a dismissal back, from the next run on.

    Parameters
    ----------
    ids
        exception ids
    """
    from flows.ledger.decisions import REOPEN

    count = _decide(REOPEN, ids, decision, None)
    print(f"Exceptions reopened: {count}. The next run shows it.")


def _decide(action: str, ids: tuple[str, ...], by: Deciding, until: date | None) -> int:
    """Store the decisions; returns how many exceptions they are about."""
    from flows.ledger.decisions import Decision, decide

    with redacted_errors(Path.cwd()):
        decisions = [Decision(i, by.reason) for i in ids]
        decisions += _read(by.file, by.reason, action) if by.file else []
        return decide(by.warehouse, decisions, action, by.by, until)


def _read(file: Path, reason: str | None, action: str) -> "list[Decision]":
    """The decisions in a work-paper or a CSV. Raises UsageError."""
    from flows.ledger.decisions import DISMISS, read_decisions
    from flows.reports.workpaper.read import dismissals, is_workpaper

    if not is_workpaper(file):
        return read_decisions(file, reason)
    if action != DISMISS:
        raise UsageError(
            "A work-paper says what to dismiss, not what to reopen. Give exception ids, or a CSV."
        )
    return dismissals(file, reason)


def packet(exception_id: str, *, run: Path, output: Path | None = None, pdf: bool = True) -> None:
    """Write the packet of one exception, as HTML and PDF.

    It holds line, clause, evidence, amount and a receipt. It is made from the run's folder alone,
    and shows only what that run's privacy level allows.

    Parameters
    ----------
    exception_id
        the exception, or at least the first eight characters of its id
    run
        the folder run=ID of a complete run
    output
        folder for the packet (default: the folder packets next to the run)
    pdf
        write a PDF too
    """
    from flows.reports.packet.published import read_published_exception
    from flows.reports.packet.write import write_packet

    folder = output or run.resolve().parent / "packets"
    for path in write_packet(folder, read_published_exception(run, exception_id), pdf):
        print(path)


def verify(
    packet: Path | None = None,
    *,
    run: Path | None = None,
    warehouse: Path | None = None,
    input: Path | None = None,
    policies: Path | None = None,
    public_key: Path | None = None,
) -> None:
    """Check that nothing was changed: in a packet, in the results of a run, in a warehouse.

    It prints what was checked and what was not. Every check that fails is one sentence, and the
    exit code is then 3.

    Parameters
    ----------
    packet
        a packet, HTML or PDF: its receipt and every word, against --run
    run
        the folder run=ID of a run: its results against its manifest
    warehouse
        a warehouse: its rows and decisions against its journal, and its record of --run
    input
        the landing folder of the run, whose extracts are compared
    policies
        the folder of policy files that the run was given; the shipped ones are compared too
    public_key
        a file with the Ed25519 public key (PEM) that the results or the warehouse must be signed
        with
    """
    from flows.verify.verify import Evidence
    from flows.verify.verify import verify as check

    with redacted_errors(Path.cwd()):
        checks = check(Evidence(packet, run, warehouse, input, policies, public_key))
    for label, sentences in (("checked", checks.passed), ("not checked", checks.left_out)):
        for number, sentence in enumerate(sentences):
            print(f"{'' if number else label:13}{sentence}")
    if checks.failed:
        raise InputRefused("\n".join(checks.failed))
