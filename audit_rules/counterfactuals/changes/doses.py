"""Earlier doses of the drug."""

from collections.abc import Iterator
from datetime import date

from audit_rules.counterfactuals.case import Case, Change, Edit, Row
from audit_rules.counterfactuals.changes.facts_on_file import planned_transplant
from audit_rules.policy.terms.doses import (
    Course,
    CyclesWithoutResponse,
    DoseInterval,
    MaximumCycles,
    TransplantCycles,
)
from schemas.days import shifted
from schemas.tables import MEDICAL_CLAIM


def doses(case: Case) -> Iterator[Change]:
    """A dose too shortly before; enough earlier doses to put this one into a further cycle."""
    if case.is_fill or not case.line["quantity"]:
        return
    for term in case.terms(DoseInterval):
        day = shifted(case.day, 1 - term.minimum_days)
        words = f"had a dose been given on {day}, {term.minimum_days - 1} days before"
        yield Change(
            f"no dose was given less than {term.minimum_days} days before",
            words,
            (another_dose(case, day),),
        )
    most = {t.allowed for t in case.terms(CyclesWithoutResponse)} | {
        t.allowed for t in case.terms(MaximumCycles)
    }
    before_transplant = {t.allowed for t in case.terms(TransplantCycles)}
    for course in case.terms(Course):
        given_on = _course_dates(case, course.gap_days)
        start = given_on[0]
        fact = f"{case.day} is dose date {len(given_on)} of the course that began on {start}"
        for n in range(1, max(most | before_transplant, default=0) + 1):
            days = [shifted(start, -course.low_days * k) for k in range(n, 0, -1)]
            given = (
                "a dose been given"
                if n == 1
                else f"{n} doses been given, {course.low_days} days apart,"
            )
            words = f"had {given} before the course's first of {start} (from {days[0]} on)"
            added = tuple(another_dose(case, day) for day in days)
            yield Change(fact, words, added, step=n)
            if before_transplant:
                planned = f"{words}, and had a planned transplant been on file on {case.day}"
                yield Change(
                    f"{fact}, and no transplant is in sight",
                    planned,
                    (*added, planned_transplant(case)),
                    step=n,
                )


def another_dose(case: Case, day: date) -> Edit:
    """The line once more on another date, with no modifier that would make it waste."""
    plain = {c: None for c in case.own_row if c.startswith("hcpcs_modifier_")}
    dates = dict.fromkeys(MEDICAL_CLAIM.service_dates, day)
    return case.repeated(f" {day}", **dates, **plain)


def is_same_drug(case: Case, row: Row) -> bool:
    """Whether a medical row is of the line's drug, by its code."""
    codes = case.book.reference.hcpcs
    return row["hcpcs_code"] in codes.filter(codes["drug"] == case.line["drug"])["hcpcs"].to_list()


def _course_dates(case: Case, gap_days: int) -> list[date]:
    """The dates of the course up to the line's own, which is the last: no gap is longer than
    `gap_days`."""
    rows = case.rows["medical_claim"]
    days = {
        r["service_date"]
        for r in rows
        if r["fate"] == "history" and r["quantity"] and is_same_drug(case, r)
    }
    found = [case.day]
    for day in sorted((d for d in days if d < case.day), reverse=True):
        if (found[0] - day).days > gap_days:
            break
        found.insert(0, day)
    return found
