"""The command that writes letters to payees."""

from datetime import date
from pathlib import Path
from typing import Literal

from flows.cli.options import options_of_a_run
from flows.reports.form import Paper
from flows.streams import say


@options_of_a_run("config", "policies", "law")
def letters(
    *,
    warehouse: Path,
    run: Path,
    output: Path,
    template: Path,
    payee: str | None = None,
    kind: Literal["finding", "records"] = "finding",
    paper: Paper = "letter",
    date: date | None = None,
    pdf: bool = True,
    **options: Path,
) -> None:
    """Write a letter to each payee of a run's findings, with an exhibit per line, and a cover list.

    Nothing is written of what is dismissed, recovered or not collectable, since the run too, nor to
    a payee whose lines come to less than `letter_minimum` of the config. A letter that somebody has
    edited is left as it is. Use the config and the law files of the run. What is written holds PHI.

    Parameters
    ----------
    warehouse
        the warehouse of the run
    run
        the folder run=ID of a complete run
    output
        folder for the letters; each run and kind has its own folder in it
    template
        a TOML file with the payer's sender block and texts
    payee
        write to this NPI alone
    kind
        finding: amounts asked for; records: documents asked for
    paper
        size of the pages
    date
        the day on which the letters go out, YYYY-MM-DD (default: the run's as-of date)
    pdf
        write PDFs too
    """
    from flows.letters.batch import Batch, write_batch

    asked = Batch(run, warehouse, output, template, kind, paper, date, payee, pdf)
    done = write_batch(asked, **options)
    for path in done.files:
        print(path)
    if not done.letters:
        say("No letter: the run has nothing to write about. The cover list says what is in none.")
    for name in done.removed:
        print(f"removed, because it is of no letter now: {name}")
    for warning in done.warnings:
        say(f"warning: {warning}")
