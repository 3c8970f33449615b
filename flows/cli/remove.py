"""The commands that take something out of a warehouse."""

from datetime import date
from pathlib import Path

from flows.streams import say
from schemas.notes import counted


def purge(*, warehouse: Path, before: date, dry_run: bool = False) -> None:
    """Remove every person with no record dated on or after a day, with all their records.

    The text of records quarantined on nights before that day goes as well. Reports in output
    folders are left alone.

    Parameters
    ----------
    warehouse
        the warehouse
    before
        the day, YYYY-MM-DD
    dry_run
        only count what would be removed
    """
    from flows.warehouse.purge import purge as remove

    gone = remove(warehouse, before, dry_run)
    say(
        f"{'Would be removed' if dry_run else 'Removed'}: {counted(gone.members, 'member')} with "
        f"{counted(gone.rows, 'row')} and {counted(gone.exceptions, 'exception')} of the ledger; "
        f"the text of {counted(gone.texts, 'quarantined record')}."
    )
    for sentence in gone.left:
        say(sentence)


def forget_night(night: date, *, warehouse: Path, yes: bool = False) -> None:
    """Take the last night of a warehouse back: its files, its ledger entries, later decisions.

    Without --yes it only prints what would be removed. Reports in output folders are left alone.
    The files can be loaded again by another run.

    Parameters
    ----------
    night
        its as-of date, YYYY-MM-DD
    warehouse
        the warehouse
    yes
        do it
    """
    from flows.warehouse.forget import forget_night as forget

    gone = forget(warehouse, night, dry_run=not yes)
    for name in gone.files:
        print(f"file      {name}")
    for action, exception_id, by in gone.decisions:
        print(f"decision  {action} {exception_id} by {by}")
    say(
        f"{'Forgotten' if yes else 'Would be forgotten'}: {counted(len(gone.files), 'file')} with "
        f"{counted(gone.rows, 'row')}, {counted(gone.events, 'event')} of the ledger, "
        f"{counted(len(gone.decisions), 'decision')}." + ("" if yes else " Give --yes to do it.")
    )
    for sentence in gone.left:
        say(sentence)
