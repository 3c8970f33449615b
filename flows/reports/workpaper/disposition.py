"""What an analyst writes into a work-paper: the drop-down list and the columns read back."""

from schemas import decisions

LINES = "Lines"
"""The sheet with one row per exception."""

EXCEPTION_ID, DISPOSITION, REASON = "exception_id", "disposition", "disposition_reason"
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
