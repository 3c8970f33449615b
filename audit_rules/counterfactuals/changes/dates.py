"""The service date of the judged line."""

from collections.abc import Iterator
from datetime import date

from audit_rules.counterfactuals.case import Case, Change
from audit_rules.policy.language.kinds import Coding
from audit_rules.policy.terms.base import FAR_FUTURE
from schemas.days import shifted
from schemas.tables import TABLES


def dates(case: Case) -> Iterator[Change]:
    """The service date on each day on which a version, a term or a code begins or ends, or next to
    it."""
    for day, why in sorted(_edges(case).items()):
        yield from on_another_day(case, day, why)


def on_another_day(case: Case, day: date, why: str) -> Iterator[Change]:
    """The line on another day that is not after the as-of date."""
    column = TABLES[case.table].service_dates[0]
    if day != case.day and day <= case.as_of:
        yield Change(
            on_file=f"the service date is {case.day}",
            condition=f"had the service date been {day} ({why}) instead of {case.day}",
            edits=(case.edited(**{column: day}),),
            step=abs((day - case.day).days),
            line={"service_date": day},
        )


def _edges(case: Case) -> dict[date, str]:
    """Days on which what is asked changes, and why."""
    found: dict[date, str] = {}
    for policy in case.policies():
        if not policy.payers:
            continue
        name = policy.document.id
        starts = [v.effective_from for v in policy.versions]
        for term in policy.terms:
            ends = [e for e in (term.effective_to,) if e]
            for day in [term.effective_from, *ends]:
                found.setdefault(day, f"the first day of a clause of {name}")
                if day > min(starts):
                    found.setdefault(shifted(day, -1), f"the last day before a clause of {name}")
            if isinstance(term, Coding) and term.code == case.line["hcpcs_code"]:
                if term.first_day:
                    found[shifted(term.first_day, -1)] = f"the day before {term.code} became valid"
                if term.last_day:
                    found[shifted(term.last_day, 1)] = (
                        f"the day after {term.code} ceased to be valid"
                    )
        for start, end in zip(starts, [*starts[1:], FAR_FUTURE], strict=True):
            found[start] = f"the first day of a version of {name}"
            if end != FAR_FUTURE:
                found.setdefault(shifted(end, -1), f"the last day of a version of {name}")
    return found
