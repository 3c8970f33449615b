"""What an analyst may write into a work-paper: the words of the drop-down and the columns that are read back."""

LINES = "Lines"
"""The sheet with one row per exception."""

EXCEPTION_ID, DISPOSITION, REASON = "exception_id", "disposition", "disposition_reason"
CONFIRM, DISMISS, REQUEST_RECORDS = "confirm", "dismiss", "request records"
WORDS = (CONFIRM, DISMISS, REQUEST_RECORDS)
"""Only `dismiss` is read back; the others are the analyst's own notes."""

MEANINGS = {
    CONFIRM: "The finding holds: it goes on to recovery or to whoever works it.",
    DISMISS: "The finding does not hold: it is set aside. A reason is needed.",
    REQUEST_RECORDS: "The documents that would settle it are asked for.",
}
