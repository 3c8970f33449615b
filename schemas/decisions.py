"""What a person may decide about an exception, and what each decision does."""

CONFIRM, DISMISS, REQUEST_RECORDS = "confirm", "dismiss", "request_records"
UPHELD, OVERTURNED, RECOVERED = "upheld", "overturned", "recovered"
REOPEN = "reopen"

MEANINGS = {
    CONFIRM: "The finding is right: it goes on to recovery or to whoever works it.",
    DISMISS: "The finding does not hold up: it is set aside. A reason is required.",
    REQUEST_RECORDS: "Documents that would settle it are requested; what is set aside stays so.",
    UPHELD: "The provider contested the finding, and it holds.",
    OVERTURNED: "The provider contested the finding, and it is set aside. A reason is required.",
    RECOVERED: "Money came back, as much as the decision says; further sums are added to it.",
    REOPEN: "The decision before is taken back. A reason is required.",
}
"""Every decision, and what it means."""

STANDING = tuple(action for action in MEANINGS if action != REOPEN)
"""Decisions that results show. Reopening takes a decision back, so that none is left to show."""

SET_ASIDE = (DISMISS, OVERTURNED)
"""Decisions after which an exception carries no amount; sql/ledger/before.sql has them too."""

NEED_REASON = (*SET_ASIDE, REOPEN)

MAY_END = (DISMISS, REQUEST_RECORDS)
"""Decisions with a last day: until then it is set aside, or the documents may come."""

NEW, OPEN, CHANGED, REOPENED, DISMISSED = "new", "open", "changed", "reopened", "dismissed"
STATUSES = (NEW, OPEN, CHANGED, REOPENED, DISMISSED)
"""What the ledger knows of an exception that a run finds; open: as an earlier run found it."""

RESOLVED = "resolved"
"""What the ledger says of an exception that a run finds no more."""
