"""Birth, death and enrollment of the person."""

from collections.abc import Iterable, Iterator
from datetime import date

from audit_rules.counterfactuals.case import Case, Change, Edit
from audit_rules.counterfactuals.changes.diagnoses import listed_codes, without_codes
from audit_rules.policy.terms.fills import DailyDose
from audit_rules.policy.terms.persons import AgeLimit, Eligibility
from audit_rules.wording import counted, listed
from schemas.days import FIRST_DAY, shifted


def births(case: Case) -> Iterator[Change]:
    """A birth date one day too late for each age in a clause; also with an indication it applies
    to."""
    ages = {t.under_age for t in case.terms(AgeLimit)} | {
        t.adult_age for t in case.terms(DailyDose)
    }
    born = case.line["birth_date"]
    fact = f"the person was born on {born}" if born else "the birth date is not known"
    for age in sorted(ages, reverse=True):
        birth = shifted(_years_before(case.day, age), 1)
        words = f"had the person been born on {birth}, a day short of {counted(age, 'year')}"
        young = tuple(
            Edit("eligibility", i, {"birth_date": birth})
            for i in range(len(case.rows["eligibility"]))
        )
        young = young or (
            case.added("eligibility", birth_date=birth, enrollment_start_date=case.day),
        )
        step = abs((birth - born).days) if born else 0
        yield Change(fact, words, young, step=step)
        for code, indication in _limited_uses(case, age):
            stated = case.added("diagnosis", diagnosis_code=code, diagnosis_date=case.day)
            use = f"{words}, and had {code} ({indication}) been the only covered diagnosis on file"
            edits = (*young, *without_codes(case, listed_codes(case)), stated)
            yield Change(
                f"{fact}, and the age limit is not for the indication on file",
                use,
                edits,
                step=step,
            )


def _years_before(day: date, years: int) -> date:
    year = max(day.year - years, FIRST_DAY.year)
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return day.replace(year=year, day=day.day - 1)


def _limited_uses(case: Case, age: int) -> Iterable[tuple[str, str]]:
    """One covered diagnosis to which the age limit applies, if the limit depends on the
    diagnosis."""
    codes = case.book.reference.codes
    for policy in case.policies():
        for term in case.terms(AgeLimit):
            if term in policy.terms and term.under_age == age and term.requires_covered_indication:
                covered = codes.filter(
                    (codes["policy_id"] == policy.document.id)
                    & codes["standing"].is_in(("listed", "criteria"))
                    & codes["indication"].is_not_null()
                    & ~codes["indication"].is_in(term.exempt_indications)
                ).sort("code")
                exempt = set(
                    codes.filter(codes["indication"].is_in(term.exempt_indications))[
                        "code"
                    ].to_list()
                )
                yield from [
                    r
                    for r in covered.select("code", "indication").iter_rows()
                    if r[0] not in exempt
                ][:1]


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
