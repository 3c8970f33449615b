"""Decisions as a reviewer wrote them: text from the command line, a CSV or a work-paper.

Whatever cannot be read as a decision becomes a sentence that names its place, so that a reviewer
sees all that is wrong at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from flows.errors import UsageError
from schemas.decisions import MEANINGS, RECOVERED

_DOLLARS = re.compile(r"\$?\s*(\d{1,3}(?:,\d{3})+|\d{1,14})(\.\d{1,2})?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
T = TypeVar("T")


@dataclass(frozen=True)
class Decision:
    """A decision of a person about an exception; what is None is said once for all of them.

    exception_id   the id, or the first characters of it.
    place          where it was written, for messages: "list.csv, row 5".
    """

    exception_id: str
    reason: str | None = None
    action: str | None = None
    amount: Decimal | None = None
    decided_by: str | None = None
    decided_on: date | None = None
    until: date | None = None
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class WrittenDecision:
    """The texts of one row; an empty one says nothing."""

    place: str
    exception_id: str = ""
    action: str = ""
    amount: str = ""
    reason: str = ""
    decided_by: str = ""
    decided_on: str = ""
    until: str = ""


def action_of(text: str) -> str | None:
    """The action that a text such as `Request records` names, in any case; None: it names none."""
    word = re.sub(r"[\s_-]+", "_", text.strip().lower())
    return word if word in MEANINGS else None


def amount_of(text: str) -> Decimal | None:
    """An amount of dollars, such as 1,250.00 or $1250; None if it is not one, or not above zero."""
    amount = dollars_of(text)
    return amount if amount else None


def dollars_of(text: str) -> Decimal | None:
    """An amount of dollars, which may be zero; None if it is not one."""
    found = _DOLLARS.fullmatch(text.strip())
    return Decimal(f"{found[1].replace(',', '')}{found[2] or ''}") if found else None


def day_of(text: str) -> date | None:
    """A day, YYYY-MM-DD, perhaps with a time of midnight; None if it is not one."""
    bare = text.strip().removesuffix(" 00:00:00").removesuffix("T00:00:00")
    try:
        return date.fromisoformat(bare) if _DAY.fullmatch(bare) else None
    except ValueError:
        return None


def named_on_command_line(ids: Sequence[str]) -> list[Decision]:
    """Decisions about exceptions that the command names, each with its place among them."""
    return [
        Decision(exception_id, place=f"exception id {number} of the command")
        for number, exception_id in enumerate(ids, 1)
    ]


def read_command(words: Sequence[str]) -> tuple[list[Decision], dict[str, Any]]:
    """Read the words of `decide`: the exceptions that it names, and what it says of all.

    The first word is the action, the next one an amount if the action is `recovered`. Without
    words nothing is said. Raises UsageError if the first word is not an action.
    """
    if not words:
        return [], {}
    first, *ids = words
    action = action_of(first)
    if action is None:
        raise UsageError(f"Say first what was decided: {', '.join(MEANINGS)}.")
    said: dict[str, Any] = {"action": action}
    if action == RECOVERED:
        said["amount"] = amount_of(ids[0]) if ids else None
        if said["amount"] is None:
            raise UsageError(
                f"{RECOVERED} needs the dollars that came back as the next word, such as "
                f"`{RECOVERED} 1250.00`."
            )
        del ids[0]
    return named_on_command_line(ids), said


def read_written(written: WrittenDecision, problems: list[str]) -> Decision:
    """Read the texts of one row; adds a sentence to `problems` for each that says nothing."""

    def read(text: str, found: T | None, otherwise: str) -> T | None:
        if text and found is None:
            problems.append(f"{written.place}: {otherwise}")
        return found if text else None

    known = ", ".join(MEANINGS)
    day = "is not a day. Write it as YYYY-MM-DD."
    return Decision(
        exception_id=written.exception_id,
        action=read(
            written.action, action_of(written.action), f"unknown action. Give one of {known}."
        ),
        amount=read(
            written.amount,
            amount_of(written.amount),
            "the amount is not a sum of dollars above zero, such as 1250.00. Correct it.",
        ),
        reason=written.reason or None,
        decided_by=written.decided_by or None,
        decided_on=read(written.decided_on, day_of(written.decided_on), f"decided_on {day}"),
        until=read(written.until, day_of(written.until), f"until {day}"),
        place=written.place,
    )
