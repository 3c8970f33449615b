"""Clinical facts and authorizations on file."""

from collections.abc import Iterator
from datetime import date

from audit_rules.counterfactuals.case import Case, Change, Edit, Row
from audit_rules.engine.authorizations import APPROVED
from audit_rules.policy.terms.doses import TransplantCycles
from audit_rules.policy.terms.persons import ApprovalPeriod, Authorization
from audit_rules.wording import listed
from schemas.days import shifted
from schemas.tables import EVIDENCE_VALUES


def facts(case: Case) -> Iterator[Change]:
    """Each clinical fact of the person taken away, or with another value; a planned transplant."""
    for i, row in enumerate(case.rows["clinical_evidence"]):
        code, value, day = row["evidence_code"], row["evidence_value"], row["evidence_date"]
        fact = f"{code} = {value} of {day} is on file"
        yield Change(
            fact,
            f"had {code} = {value} of {day} not been on file",
            (Edit("clinical_evidence", i, None),),
        )
        for other in EVIDENCE_VALUES.get(code, {}).values():
            if other != value:
                edit = Edit("clinical_evidence", i, {"evidence_value": other})
                yield Change(fact, f"had {code} of {day} been {other} instead of {value}", (edit,))
    if case.terms(TransplantCycles):
        yield Change(
            "no transplant is in sight",
            f"had a planned transplant been on file on {case.day}",
            (planned_transplant(case),),
        )


def planned_transplant(case: Case) -> Edit:
    """A transplant planned on the service date."""
    return case.added(
        "clinical_evidence",
        evidence_code="hsct_planned",
        evidence_value="yes",
        evidence_date=case.day,
    )


def authorizations(case: Case) -> Iterator[Change]:
    """Those for the drug not on file, ended before, begun too early; one that is too old."""
    own = case.where(
        "authorization",
        lambda r: (r["payer_id"], r["drug"]) == (case.line["payer_id"], case.line["drug"]),
    )
    rows = case.rows["authorization"]
    covering = [i for i in own if _covers(case, rows[i])]
    names = _named([rows[i]["authorization_id"] for i in covering])
    spans = (
        f"{names} {'covers' if len(covering) == 1 else 'cover'} {case.day}"
        if covering
        else f"no approval on file covers {case.day}"
    )
    starts = sorted({_too_early(case, t) for t in case.terms(ApprovalPeriod)})
    if covering:
        before = shifted(case.day, -1)
        ended = tuple(Edit("authorization", i, {"end_date": before}) for i in covering)
        runs = listed(sorted({f"{rows[i]['end_date']}" for i in covering}))
        yield Change(spans, f"had {names} ended on {before} instead of {runs}", ended, step=1)
        yield Change(
            spans,
            f"had {names} not been on file",
            tuple(Edit("authorization", i, None) for i in own),
            step=2,
        )
    for begun in starts:
        days = (case.day - begun).days
        if covering:
            early = tuple(Edit("authorization", i, {"start_date": begun}) for i in covering)
            began = listed(sorted({f"{rows[i]['start_date']}" for i in covering}))
            words = f"had {names} begun on {begun}, {days} days before, instead of {began}"
            yield Change(f"{names} began on {began}", words, early, step=3)
        else:
            made = case.added(
                "authorization",
                authorization_id=case.another_claim(),
                drug=case.line["drug"],
                status=APPROVED,
                start_date=begun,
                end_date=case.day,
            )
            yield Change(spans, f"had an approval from {begun} to {case.day} been on file", (made,))


def _too_early(case: Case, term: ApprovalPeriod) -> date:
    """The latest start of an approval that is a day too long for the line."""
    if term.days is not None:
        return shifted(case.day, -(term.days + 1))
    year = max(case.day.year - (term.years or 0), date.min.year)
    return shifted(date(year, case.day.month, min(case.day.day, 28)), -1)


def _named(ids: list[str]) -> str:
    return (
        f"authorization{'' if len(ids) == 1 else 's'} {listed(ids)}" if ids else "no authorization"
    )


def _covers(case: Case, row: Row) -> bool:
    """Whether an authorization of the line's payer and drug is an approval that covers it."""
    any_product = (
        {None, case.line["product"]}
        if all(t.by_product for t in case.terms(Authorization))
        else {row["product"]}
    )
    fits = row["product"] in any_product or case.line["product"] is None
    return (
        fits
        and row["status"] == APPROVED
        and bool(row["start_date"] <= case.day <= row["end_date"])
    )
