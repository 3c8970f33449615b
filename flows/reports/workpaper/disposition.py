"""What an analyst writes into a work-paper: the drop-down list and the columns read back."""

LINES = "Lines"
"""The sheet with one row per exception."""

EXCEPTION_ID, DISPOSITION, REASON = "exception_id", "disposition", "disposition_reason"
CONFIRM, DISMISS, REQUEST_RECORDS = "confirm", "dismiss", "request records"
DISPOSITIONS = (CONFIRM, DISMISS, REQUEST_RECORDS)
"""Only `dismiss` has an effect when read back; the others are the analyst's own notes."""

MEANINGS = {
    CONFIRM: "The finding is right: it goes on to recovery or to whoever works it.",
    DISMISS: "The finding does not hold up: it is set aside. A reason is required.",
    REQUEST_RECORDS: "The documents that would settle it are requested.",
}
