"""Reduce the tables of a run to its privacy level."""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import polars as pl

from flows.plan import Plan
from flows.privacy import AGGREGATE, FULL
from flows.results.aggregate_summary import as_aggregate
from flows.results.csv import write_csv
from flows.results.pseudonymised_values import pseudonymous_payer
from flows.results.pseudonyms import pseudonymise
from flows.results.small_cells import AGGREGATE_FILE, aggregated
from flows.results.tables import write_result_tables
from flows.summary import Summary
from schemas.notes import Note
from schemas.results import AGGREGATE as AGGREGATE_TABLE


def apply_privacy_level(folder: Path, plan: Plan) -> None:
    """Rewrite a folder so that it shows no more than the request's privacy level allows.

    Everything else in the folder is removed. Reports are written from these tables afterwards, so
    they show no more either.
    """
    if plan.request.privacy == FULL:
        return
    full = {
        path.stem: pl.read_parquet(path, glob=False) for path in sorted(folder.glob("*.parquet"))
    }
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
    if plan.pseudonyms is None:
        lines = pl.concat([full["worklist"], full["advisories"]])
        table = aggregated(full["exceptions"], lines, plan.payer_names)
        write_csv(folder / AGGREGATE_FILE, table)
        return
    terms = [term for policy in plan.library.spoken() for term in policy.language_terms]
    tables = {
        name: pseudonymise(frame, plan.pseudonyms, plan.payer_names, terms)
        for name, frame in full.items()
    }
    write_result_tables(folder, tables)


def shown_notes(notes: Iterable[Note], plan: Plan) -> tuple[str, ...]:
    """The notes that the request's privacy level allows, as sentences.

    An aggregate run shows no count of rows or persons, and a pseudonymised one no payer that
    nobody has named.
    """
    if plan.request.privacy == AGGREGATE:
        notes = [note for note in notes if not note.kind.counts_rows]
    if plan.pseudonyms is None:
        return tuple(map(str, notes))
    shown = partial(pseudonymous_payer, known_payers=plan.payer_names, pseudonyms=plan.pseudonyms)
    return tuple(note.sentence(shown) for note in notes)


def summary_at_privacy_level(folder: Path, plan: Plan, summary: Summary) -> Summary:
    """What a run may say of itself: an aggregate run nothing that the folder does not show."""
    if plan.request.privacy != AGGREGATE:
        return summary
    table = pl.read_csv(folder / AGGREGATE_FILE, schema=AGGREGATE_TABLE, glob=False)
    return as_aggregate(summary, table)
