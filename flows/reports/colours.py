"""The colours of outcomes."""

from schemas.outcomes import ADVISORY, RECORDS_REQUEST, RECOVER, REVIEW

IN_CHARTS = {
    RECOVER: "#b3261e",
    RECORDS_REQUEST: "#b06000",
    REVIEW: "#1f5fa8",
    ADVISORY: "#5f6b7a",
}
IN_TEXT = IN_CHARTS | {RECORDS_REQUEST: "#9a5400"}
"""One is darker, so that it can be read."""

IN_DARK = {
    RECOVER: "#ff8a80",
    RECORDS_REQUEST: "#f0a94d",
    REVIEW: "#8ab8f0",
    ADVISORY: "#a4afbc",
}
"""On a dark page."""
