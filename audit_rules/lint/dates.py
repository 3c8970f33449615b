"""Checks of a document's life: a review that has passed, and a beginning that nobody states."""

from collections.abc import Iterator

from audit_rules.lint.defect import Defect, Subject


def review_passed(subject: Subject) -> Iterator[Defect]:
    """The document's own next review is over, and no later text is available."""
    document, latest = subject.policy.document, subject.policy.versions[-1]
    due = document.next_review or latest.reviewed_through
    if due and due < subject.context.today and latest.effective_from <= due:
        yield subject.warning(
            "document",
            "review_passed",
            str(due),
            f"The document was to be reviewed by {due}, and that day has passed.",
            "Get the current text, or confirm that this one still holds.",
        )


def only_review_dates(subject: Subject) -> Iterator[Defect]:
    """Every version is dated by a review: the document states no effective date."""
    if all(v.basis == "review_date" for v in subject.policy.versions):
        yield subject.warning(
            subject.policy.versions[0].cite,
            "only_review_dates",
            "",
            "The document gives review dates only, so the day from which it binds is not known.",
            "Ask the payer for the effective date of each version.",
        )
