"""Death and enrollment of the person."""

from collections.abc import Iterator

from audit_rules.counterfactuals.case import Case, Change, Edit
from audit_rules.policy.terms.persons import Eligibility
from audit_rules.wording import listed
from schemas.days import shifted


def enrollment(case: Case) -> Iterator[Change]:
    """Enrollment that ended before the date, death before it, or enrollment that begins after
    it."""
    if not case.terms(Eligibility):
        return
    rows = case.rows["eligibility"]
    before = shifted(case.day, -1)
    spans = [
        i
        for i, r in enumerate(rows)
        if r["payer_id"] == case.line["payer_id"]
        and r["enrollment_start_date"] <= case.day
        and (r["enrollment_end_date"] is None or case.day <= r["enrollment_end_date"])
    ]
    if spans:
        until = listed(sorted({str(rows[i]["enrollment_end_date"] or "open") for i in spans}))
        ended = tuple(Edit("eligibility", i, {"enrollment_end_date": before}) for i in spans)
        since = listed(sorted({f"{rows[i]['enrollment_start_date']}" for i in spans}))
        fact = f"enrolled with the payer from {since}{'' if until == 'open' else ' to ' + until}"
        yield Change(fact, f"had enrollment ended on {before}", ended, step=1)
        dead = (Edit("eligibility", spans[0], {"death_date": before}),)
        yield Change(
            "no death is on file before the date", f"had the person died on {before}", dead, step=2
        )
    if not rows:
        late = case.added("eligibility", enrollment_start_date=shifted(case.day, 1))
        yield Change(
            "the person is not in the eligibility table",
            f"had enrollment begun on {shifted(case.day, 1)}",
            (late,),
        )
