"""What an analyst writes into a work-paper: the sheets and columns that are read back."""

from schemas import decisions

WORKLIST, EXCEPTIONS_SHEET = "Worklist", "Exceptions"
"""The sheets to fill in: one row per claim line, and one per exception."""
EXCEPTIONS_BEFORE = "Lines"
"""What the sheet of exceptions was called in earlier versions, which had no worklist."""

EXCEPTION_ID, DISPOSITION, REASON = "exception_id", "disposition", "disposition_reason"
EXCEPTION_IDS, OWNER, DUE, CONFIRMED, NOTE = (
    "exception_ids",
    "owner",
    "due_date",
    "amount_confirmed",
    "note",
)
OF_A_LINE = (OWNER, DUE, DISPOSITION, CONFIRMED, NOTE)
"""The columns to fill in per claim line."""
OF_AN_EXCEPTION = (DISPOSITION, REASON)
"""The columns to fill in per exception."""
CARRIED_FROM = "carried_from"

DISMISS = decisions.DISMISS
_IN_THE_LIST = (
    decisions.CONFIRM,
    DISMISS,
    decisions.REQUEST_RECORDS,
    decisions.UPHELD,
    decisions.OVERTURNED,
)
MEANINGS = {action.replace("_", " "): decisions.MEANINGS[action] for action in _IN_THE_LIST}
"""Every disposition of the list, and what it means; `claims-audit decide` takes each."""

DISPOSITIONS = tuple(MEANINGS)
NEED_REASON = tuple(d for d in DISPOSITIONS if d in decisions.NEED_REASON)
