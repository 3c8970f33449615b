"""What a run came to, put together from the results of its stages, for the screen."""

from collections.abc import Iterator

from flows.ledger.changes import LedgerChanges
from flows.plan import Plan
from flows.results.run_exceptions import RunExceptions
from flows.results.run_identity import RunIdentity
from flows.stage_results import JudgeStageResult, LoadStageResult, SettleStageResult
from flows.summary import Summary
from schemas.notes import NOTHING_AUDITED


def summary_of(
    plan: Plan,
    run: RunIdentity,
    loaded: LoadStageResult,
    settled: SettleStageResult,
    judged: JudgeStageResult,
    found: RunExceptions,
    changed: LedgerChanges,
) -> Summary:
    """The summary of a run, without the notes."""
    files = settled.balance.files
    before = changed.night_before
    left = (*loaded.passed_over, *loaded.read_again, *loaded.growing)
    return Summary(
        run_id=run.run_id,
        as_of=plan.request.as_of.isoformat(),
        folder=run.folder,
        was_there=run.was_published,
        loaded_files=loaded.files - len(left),
        passed_over=loaded.passed_over,
        read_again=loaded.read_again,
        growing=loaded.growing,
        rows_read=settled.balance.rows_read,
        quarantined=settled.balance.quarantined,
        newly_quarantined=sum(f.quarantined for f in files if f.sha256 in run.new_files),
        duplicates=settled.balance.duplicates,
        previous_run=before.isoformat() if before else None,
        changes=dict(changed.changes["status"].value_counts().sort("status").iter_rows()),
        audited_lines=judged.audited_lines,
        persons=judged.persons,
        judged_again=judged.judged_again,
        is_audited=not any(note.kind == NOTHING_AUDITED for note in judged.notes),
        exceptions=found.by_rule_and_outcome(),
        lines=found.lines.worklist.height + found.lines.advisories.height,
        advisory_lines=found.lines.advisories.height,
        totals=found.totals(),
        repeated_amounts=len(judged.repeated_amounts),
    )


def notes_of(loaded: LoadStageResult, changed: LedgerChanges) -> Iterator[str]:
    """What the user must know about files and about the place of this night among the others."""
    yield from loaded.said
    if loaded.read_again:
        yield (
            "Read again, because they were loaded under another config or by another version: "
            f"{', '.join(loaded.read_again)}."
        )
    if loaded.read_otherwise:
        yield (
            "Files that were read under another config or by another version, and are not in the "
            f"input folder: {loaded.read_otherwise}. Their rows stay as they were read. Put the "
            "files there to have them read again."
        )
    if loaded.purged:
        yield (
            "Files that were read under another config or by another version, and from which a "
            f"purge has removed something: {loaded.purged}. Their rows stay as they were read, "
            "because reading them again would bring it back."
        )
    if changed.later_night:
        yield (
            "This is not the last night: the warehouse holds one as of "
            f"{changed.later_night}. The ledger is unchanged, and files loaded after this date are "
            "not seen. If that night was a mistake, claims-audit forget-night takes it back."
        )
    elif changed.undone:
        yield (
            "Findings that persons decided about after an earlier run of this date, and that are "
            f"no longer found: {changed.undone}. The ledger keeps them as resolved, and what was "
            "decided counts from the next date on."
        )
