"""The colours of outcomes."""

from schemas.outcomes import ADVISORY, RECORDS_REQUEST, RECOVER, REVIEW

IN_CHARTS = {
    RECOVER: "#8f1d17",
    RECORDS_REQUEST: "#c46a00",
    REVIEW: "#7fb0e6",
    ADVISORY: "#5f6b7a",
}
"""Apart in lightness as well as hue: they differ on paper without colour, and to any eye."""

IN_TEXT = {
    RECOVER: "#b3261e",
    RECORDS_REQUEST: "#9a5400",
    REVIEW: "#1f5fa8",
    ADVISORY: "#5f6b7a",
}
"""Dark enough to be read on white."""

IN_DARK = {
    RECOVER: "#ff8a80",
    RECORDS_REQUEST: "#f0a94d",
    REVIEW: "#8ab8f0",
    ADVISORY: "#a4afbc",
}
"""On a dark page."""
