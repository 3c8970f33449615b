"""Checks of what a policy file leaves open: unfilled places, and payers that no line names."""

from collections.abc import Iterator

from audit_rules.lint.defect import Defect, Subject
from audit_rules.policy.document import PolicyFile
from audit_rules.wording import listed
from schemas.folding import folded

_MARK = "FILL IN"
_SHOWN = 6


def mark_left(file: PolicyFile, subject: Subject) -> Iterator[Defect]:
    """Lines with a mark of a new file that nobody has filled in."""
    lines = [str(n) for n, text in enumerate(file.text.splitlines(), 1) if _MARK in text]
    if lines:
        shown, more = lines[:_SHOWN], len(lines) - _SHOWN
        where = listed(shown) if more <= 0 else f"{', '.join(shown)} and {more} more"
        yield subject.warning(
            f"line {where}",
            "mark_left",
            _MARK,
            f"{len(lines)} {'line says' if len(lines) == 1 else 'lines say'} {_MARK}.",
            "Write there what the document says, and remove the mark.",
        )


def payer_without_lines(subject: Subject) -> Iterator[Defect]:
    """A payer's name that is neither on a line of the warehouse nor an alias."""
    seen = subject.context.payers
    if seen is None:
        return
    for payer in subject.policy.payers:
        names = payer.names or (payer.id,)
        unseen = [name for name in names if folded(name) not in seen]
        if unseen:
            is_any_seen = len(unseen) < len(names)
            which = listed([repr(name) for name in unseen])
            yield subject.warning(
                f"payer {payer.id}",
                "payer_without_lines",
                unseen[0],
                f"No line and no alias has the payer name {which}."
                + ("" if is_any_seen else " No line is ever of this payer."),
                "Correct it to a name that extracts use, or leave it out.",
            )
