"""Read what a batch of letters needs, refuse what cannot be right, and write the batch."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from audit_rules.law.library import load_law
from audit_rules.policy.library import load_policies
from flows.collecting import refuse_other_law
from flows.errors import UsageError
from flows.intake.config import read_config
from flows.letters.letter import LetterForm
from flows.letters.run import read_letter_run
from flows.letters.select import LetterKind, select
from flows.letters.template import read_template
from flows.letters.write import BatchResult, write_letters
from flows.plan import payer_names, places_of
from flows.reports.form import Paper
from flows.warehouse.files import refuse_unwritable


@dataclass(frozen=True)
class Batch:
    """The options of a batch. day: when the letters go out; None: the as-of date."""

    run: Path
    warehouse: Path
    output: Path
    template: Path
    kind: LetterKind
    paper: Paper
    day: date | None = None
    payee: str | None = None
    with_pdf: bool = True


def write_batch(
    batch: Batch,
    config: Path | None = None,
    policies: Path | None = None,
    law: Path | None = None,
) -> BatchResult:
    """Write the letters of a batch. Raises AuditError."""
    refuse_unwritable(batch.output, "--output")
    template, settings = read_template(batch.template), read_config(config)
    laws = load_law(law)
    run = read_letter_run(batch.run, batch.warehouse)
    day = batch.day or run.as_of
    if day < run.as_of:
        raise UsageError("--date is before the run's as-of date. Give that day or a later one.")
    refuse_other_law(run.manifest, laws)
    places = places_of(settings, payer_names(load_policies(policies), settings))
    chosen = select(
        run.exceptions, run.worklist, batch.kind, template, day, settings.letter_minimum
    )
    form = LetterForm(batch.kind, template, run, day, batch.paper)
    folder = batch.output / f"{batch.kind}-{run.run_id}"
    return write_letters(folder, form, chosen, laws, places, batch.payee, batch.with_pdf)
