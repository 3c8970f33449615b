"""Read what a batch of letters needs, refuse what cannot be right, and write the batch."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from audit_rules.law.collectable import collectability
from audit_rules.law.grounds import with_grounds
from audit_rules.law.library import load_law
from audit_rules.policy.library import load_policies
from audit_rules.rules import CATALOGUE
from flows.collecting import refuse_other_law
from flows.errors import UsageError
from flows.intake.config import read_config
from flows.letters.letter import LetterForm
from flows.letters.run import read_letter_run
from flows.letters.select import LetterKind, select
from flows.letters.since import read_since
from flows.letters.template import read_template
from flows.letters.write import BatchResult, write_letters
from flows.plan import payer_names, places_of
from flows.reports.form import Paper
from flows.results.manifest import places_digest
from flows.warehouse.files import refuse_unwritable
from schemas.collecting import NO


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
    library = load_policies(policies)
    places = places_of(settings, payer_names(library, settings))
    grounded = with_grounds(run.exceptions, CATALOGUE, library)
    then = collectability(grounded, laws, places, run.as_of)
    here = places_digest(places)
    as_then = then.equals(run.exceptions.select(then.columns))
    if not as_then or run.manifest.get("places", here) != here:
        raise UsageError(
            "By this config and these policies other law binds the payers than the run says. "
            "Give those of the run with --config and --policies, or run again."
        )
    since = read_since(run, batch.warehouse, places)
    late = collectability(grounded, laws, places, day)["collectable"] == NO
    chosen = select(
        run.exceptions,
        run.worklist,
        batch.kind,
        template,
        day,
        settings.letter_minimum,
        late=frozenset(grounded.filter(late)["exception_id"]),
        gone=since.gone,
    )
    form = LetterForm(batch.kind, template, run, day, batch.paper)
    folder = batch.output / f"{batch.kind}-{run.run_id}"
    warnings = [] if since.later_night is None else [_of_an_earlier_night(since.later_night)]
    return write_letters(folder, form, chosen, laws, places, batch.payee, batch.with_pdf, warnings)


def _of_an_earlier_night(last: date) -> str:
    return (
        f"The run is not the last night of the warehouse, which is {last}. What later nights found "
        "otherwise is in no letter. Write the letters of that night's run for the rest."
    )
