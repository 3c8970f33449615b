"""Commands about decisions and their records: decide, dismiss, reopen, packet, verify."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.cli.options import DecisionOptions
from flows.errors import InputRefused, UsageError
from flows.reports.form import Dates, Money, PageForm, Paper
from flows.streams import say

if TYPE_CHECKING:
    from flows.ledger.written_decisions import Decision


def decide(
    *words: str, decision: DecisionOptions, when: date | None = None, until: date | None = None
) -> None:
    """Record what was decided about exceptions; the next run shows it.

    The decision comes first: confirm, dismiss, request_records, upheld, overturned, reopen, or
    recovered and an amount. Exception ids follow. With --file the decisions of a CSV or of a
    work-paper are recorded too; its rows may say all of it themselves.

    Parameters
    ----------
    words
        the decision, and ids of exceptions or their first characters, at least eight
    when
        the day on which it was decided, YYYY-MM-DD (default: today)
    until
        of a dismissal or a records request the last day, YYYY-MM-DD
    """
    from flows.ledger.written_decisions import read_command

    problems: list[str] = []
    remarks: list[str] = []
    named, said = read_command(words)
    read = _read(decision.file, problems, remarks) if decision.file else []
    if said and decision.file:
        problems += _contradictions(read, said)
    _record(decision, [*named, *read], {**said, "decided_on": when, "until": until}, problems)
    for remark in remarks:
        say(remark)


def dismiss(*ids: str, decision: DecisionOptions, until: date | None = None) -> None:
    """Dismiss exceptions from the next run on, until a day or until they change.

    Short for `decide dismiss`. Of a work-paper only the rows that say dismiss are taken.

    Parameters
    ----------
    ids
        exception ids, or their first characters, at least eight
    until
        the last day of the dismissal, YYYY-MM-DD (default: until the exception changes)
    """
    from schemas.decisions import DISMISS

    _short_form(DISMISS, ids, decision, until)


def reopen(*ids: str, decision: DecisionOptions) -> None:
    """Take a decision back, from the next run on: a dismissed exception counts again.

    Short for `decide reopen`.

    Parameters
    ----------
    ids
        exception ids, or their first characters, at least eight
    """
    from schemas.decisions import REOPEN

    _short_form(REOPEN, ids, decision, None)


def _short_form(
    action: str, ids: tuple[str, ...], given: DecisionOptions, until: date | None
) -> None:
    """Record one decision about every exception that is named."""
    from flows.ledger.written_decisions import named_on_command_line
    from flows.reports.workpaper.read import is_workpaper
    from schemas.decisions import DISMISS

    problems: list[str] = []
    remarks: list[str] = []
    read = _read(given.file, problems, remarks) if given.file else []
    others = [decision for decision in read if decision.action not in (None, action)]
    if given.file and is_workpaper(given.file):
        if action != DISMISS:
            raise UsageError(
                "A work-paper is not read by reopen. Give it to decide, or give exception ids."
            )
        read = [decision for decision in read if decision.action == action]
        if not (read or ids or problems):
            raise UsageError(
                f"{given.file.name}: no row has the disposition {action}. Choose it in the "
                "column disposition of the sheet Worklist or Exceptions, and save."
            )
    else:
        problems += _contradictions(read, {"action": action})
        others = []
    for_all = {"action": action, "until": until}
    _record(given, [*named_on_command_line(ids), *read], for_all, problems)
    for remark in remarks:
        say(remark)
    if others:
        say(
            f"Rows with another disposition, not recorded: {len(others)}. "
            "claims-audit decide --file records them too."
        )


def _read(file: Path, problems: list[str], remarks: list[str]) -> "list[Decision]":
    """The decisions in a work-paper or a CSV. Raises UsageError.

    Adds to `remarks` what stays in a work-paper, as sentences.
    """
    from flows.ledger.decision_file import read_decision_csv
    from flows.ledger.written_decisions import read_written
    from flows.reports.workpaper.read import is_workpaper, read_workpaper

    if is_workpaper(file):
        written = read_workpaper(file, problems, remarks)
    else:
        written = read_decision_csv(file, problems)
    return [read_written(row, problems) for row in written]


def _contradictions(read: "list[Decision]", said: dict[str, Any]) -> list[str]:
    """A sentence for each row that says another action than the command."""
    return [
        f"{row.place}: it says {row.action}, but the command {said['action']}. Leave one out."
        for row in read
        if row.action not in (None, said["action"])
    ]


def _record(
    given: DecisionOptions,
    decisions: "list[Decision]",
    for_all: dict[str, Any],
    problems: list[str],
) -> None:
    """Record decisions and print how many. Raises UsageError."""
    from flows.ledger import decisions as ledger
    from flows.reports.ledger import in_vain_text

    said = {**for_all, "reason": given.reason, "decided_by": given.by}
    filled = [ledger.filled(decision, said) for decision in decisions]
    recorded = ledger.decide(given.warehouse, filled, problems=problems)
    for action, count in recorded.by_action.items():
        print(f"{action}: {count}")
    if recorded.known:
        print(f"In the ledger already, not recorded again: {recorded.known}")
    if recorded.in_vain:
        say(in_vain_text(recorded.in_vain))
    print(
        f"Decisions recorded: {recorded.decisions}. The next run shows {_it(recorded.decisions)}."
    )


def _it(count: int) -> str:
    return "it" if count == 1 else "them"


def packet(
    exception_id: str,
    *,
    run: Path,
    output: Path | None = None,
    pdf: bool = True,
    paper: Paper = "letter",
    dates: Dates = "iso",
    money: Money = "us",
    anyway: bool = False,
) -> None:
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
    paper
        size of the pages
    dates
        how dates are written: June 30, 2026 (us), 30 June 2026 (day_first) or 2026-06-30 (iso)
    money
        how amounts are written: $1,250.00 (us) or USD 1,250.00 (code)
    anyway
        write the packet of a dismissed exception, which is stamped as such
    """
    from flows.reports.packet.published import read_published_exception
    from flows.reports.packet.write import write_packet

    folder = output or run.resolve().parent / "packets"
    published = read_published_exception(run, exception_id)
    if published.is_dismissed and not anyway:
        raise UsageError(
            "The exception is dismissed: a person has set it aside, and nothing is asked for. "
            "Give --anyway to write its packet, stamped as dismissed."
        )
    for path in write_packet(folder, published, pdf, PageForm(paper, dates, money)):
        print(path)


def verify(
    packet: Path | None = None,
    *,
    run: Path | None = None,
    warehouse: Path | None = None,
    ledger: Path | None = None,
    input: Path | None = None,
    policies: Path | None = None,
    law: Path | None = None,
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
    ledger
        a warehouse of which only the decisions are checked: the first that was changed, dropped,
        inserted or moved is named
    input
        the landing folder of the run, whose extracts are compared
    policies
        the folder of policy files that the run was given; the shipped ones are compared too
    law
        the folder of law files that the run was given; the shipped ones are compared too
    public_key
        a file with the Ed25519 public key (PEM) that the results or the warehouse must be signed
        with
    """
    from flows.verify.verify import Evidence
    from flows.verify.verify import verify as check

    checks = check(Evidence(packet, run, warehouse, ledger, input, policies, law, public_key))
    for label, sentences in (("checked", checks.passed), ("not checked", checks.left_out)):
        for number, sentence in enumerate(sentences):
            say(f"{'' if number else label:13}{sentence}")
    if checks.failed:
        raise InputRefused("\n".join(checks.failed))
