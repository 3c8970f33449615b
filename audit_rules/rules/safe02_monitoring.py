"""SAFE02 -- Do claims show the monitoring that the policy asks for around a date?

One finding per person, payer and date, on the date's first line.
advisory          a kind of monitoring has no claim in its window (`monitoring_not_on_claims`).
pass              every kind has one.
not_evaluable     the window after the date was still open on the as-of date (`window_open`).
not_applicable    the line does not carry the date's finding, or is before the clause.
Cannot see        tests within a hospital stay or a bundled payment, and their results.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import service_evidence
from audit_rules.engine.nearest import Facts, Window, around
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.infusion_units import first_lines
from audit_rules.policy.terms.doses import Monitoring
from schemas.days import days_after, days_before
from schemas.outcomes import ADVISORY, NONE, NOT_EVALUABLE
from schemas.results import FOR

RULE = Rule(
    id="SAFE02",
    name="safety.monitoring",
    asks=(Monitoring,),
    basis=NONE,
    counts=("kind of monitoring missing", "kinds of monitoring missing"),
    says={
        "monitoring_not_on_claims": (
            "No claim near {service_date} shows this monitoring, which the policy asks for:"
            " {missing}."
        )
    },
    passing=("window_open",),
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every date of the drug; one answer per person, payer, date and policy, on its first
    line."""
    first = first_lines(lines)
    asked = in_force(first.select(*ON, "person", "service_date"), book.terms(Monitoring))
    shown = _shown(dossier, asked)
    kinds = asked.join(
        shown.select(*ON, "term_id", is_shown=pl.lit(True)).unique(),
        on=[*ON, "term_id"],
        how="left",
    )
    is_missing = pl.col("is_shown").is_null()
    is_cited = is_missing | ~is_missing.any()  # what is missing; if nothing is, every clause
    summed = kinds.group_by(*ON).agg(
        term_id=pl.col("term_id").min(),
        citation=pl.col("citation").filter(is_cited).unique().sort().str.join("; "),
        missing=pl.col("name").filter(is_missing).unique().sort().str.join(", "),
        missing_count=is_missing.sum(),
        days_after=pl.col("days_after").max(),
    )
    window_end = days_after(pl.col("service_date"), "days_after")
    count = pl.col("missing_count")
    answers = first.join(summed, on=list(ON)).pipe(
        answer,
        [
            Answer(window_end > dossier.as_of, NOT_EVALUABLE, "window_open"),
            Answer(count > 0, ADVISORY, "monitoring_not_on_claims", count, pl.lit(0)),
        ],
    )
    return RuleAnswers(answers, [service_evidence(shown, FOR)])


def _shown(dossier: Dossier, asked: pl.LazyFrame) -> pl.LazyFrame:
    """Services that show a kind of monitoring in its window; one row per line, kind and service."""
    windows = asked.select(
        *ON,
        "person",
        "term_id",
        hcpcs_code="hcpcs",
        day="service_date",
        opens=days_before(pl.col("service_date"), "days_before"),
        closes=days_after(pl.col("service_date"), "days_after"),
    ).explode("hcpcs_code")
    services = Facts(dossier.services.drop("row_id"), ("person", "hcpcs_code"))
    return around(dossier, windows, services, Window(pl.col("opens"), pl.col("closes")))
