"""Diagnoses on file, wherever they are."""

from collections.abc import Iterator

from audit_rules.counterfactuals.case import Case, Change, Edit, Row
from audit_rules.counterfactuals.changes.doses import another_dose, is_same_drug
from audit_rules.policy.terms.doses import (
    AdverseEvent,
    Course,
    CyclesWithoutResponse,
    RemissionAtStart,
)
from audit_rules.policy.terms.persons import DiagnosisCoverage
from audit_rules.wording import listed
from schemas.days import shifted


def diagnoses(case: Case) -> Iterator[Change]:
    """Each listed code removed, and all of them; remission instead of active disease; an adverse
    event."""
    named = listed_codes(case)
    places = {code: without_codes(case, {code}) for code in sorted(named)}
    for code, edits in places.items():
        yield Change(
            f"{code} is on file ({_where(case, code)})",
            f"had {code} not been on file",
            edits,
            step=len(edits),
        )
    if len(named) > 1:
        codes = listed(sorted(named))
        edits = without_codes(case, named)
        yield Change(
            f"{codes} are on file", f"had none of {codes} been on file", edits, step=len(edits)
        )
    yield from _remissions(case)
    yield from _adverse_events(case)


def listed_codes(case: Case) -> set[str]:
    """The person's diagnosis codes that a list or a clause of the line's policies names, or a
    parent."""
    policies = {p.document.id for p in case.policies()}
    codes = case.book.reference.codes
    asked = (
        set(codes.filter(codes["policy_id"].is_in(policies))["code"].to_list())
        if case.terms(DiagnosisCoverage)
        else set()
    )
    for remission in case.terms(RemissionAtStart):
        asked |= {*remission.remission_codes, *remission.active_codes}
    for response in case.terms(CyclesWithoutResponse):
        asked |= set(response.remission_codes)
    for event in case.terms(AdverseEvent):
        asked |= set(event.codes)
    return {code for code, _ in _on_file(case) if any(code.startswith(a) for a in asked)}


def codes_on_file(case: Case) -> set[str]:
    """Every diagnosis code of the person."""
    return {code for code, _ in _on_file(case)}


def _on_file(case: Case) -> Iterator[tuple[str, str]]:
    """Every diagnosis code of the person, with where it is on file."""
    for row in case.rows["diagnosis"]:
        yield row["diagnosis_code"], f"dated {row['diagnosis_date']}"
    for table in ("medical_claim", "pharmacy_claim"):
        for row in case.rows[table]:
            for column in _columns(row):
                if row[column]:
                    yield row[column], f"claim {row['claim_id']} of {row['service_date']}"


def _columns(row: Row) -> list[str]:
    return [c for c in row if c.startswith("diagnosis_code") and c != "diagnosis_code_type"]


def _where(case: Case, wanted: str) -> str:
    places = list(dict.fromkeys(place for code, place in _on_file(case) if code == wanted))
    return "; ".join(places[:2]) + (f"; {len(places) - 2} more" if len(places) > 2 else "")


def without_codes(case: Case, codes: set[str]) -> tuple[Edit, ...]:
    """The edits that take codes away wherever they are on file."""
    edits = [
        Edit("diagnosis", i, None)
        for i in case.where("diagnosis", lambda r: r["diagnosis_code"] in codes)
    ]
    for table in ("medical_claim", "pharmacy_claim"):
        for i, row in enumerate(case.rows[table]):
            blank = {c: None for c in _columns(row) if row[c] in codes}
            edits += [Edit(table, i, blank)] if blank else []
    return tuple(edits)


def _remissions(case: Case) -> Iterator[Change]:
    """Remission on the claim and active disease nowhere; the same had this been the first dose."""
    for term in case.terms(RemissionAtStart):
        code, active = term.remission_codes[0], set(term.active_codes)
        gone = without_codes(case, active)
        row = case.own_row
        column = next((c for c in _columns(row) if row[c] in active or not row[c]), None)
        if column is None:
            continue
        nowhere = listed(sorted(active)).replace(" and ", " or ")
        edits = (*gone, case.edited(**{column: code}))
        words = f"had the claim said {code} and no claim {nowhere}"
        yield Change(
            "no claim says that treatment began in remission", words, edits, step=len(edits)
        )
        earlier = case.where(
            "medical_claim", lambda r: r["service_date"] < case.day and is_same_drug(case, r)
        )
        if earlier:
            first = tuple(Edit("medical_claim", i, None) for i in earlier)
            fact = "it is not the first dose of the first course"
            yield Change(
                fact,
                f"had this been the first dose, and {words}",
                (*first, *edits),
                step=len(edits) + len(first),
            )


def _adverse_events(case: Case) -> Iterator[Change]:
    """The event the day before; and after an earlier dose, if this one began the course."""
    for term in case.terms(AdverseEvent):
        code, day = term.codes[0], shifted(case.day, -1)
        event = case.added("diagnosis", diagnosis_code=code, diagnosis_date=day)
        fact = f"no {listed(list(term.codes))} is on file in this course before the date"
        yield Change(fact, f"had {code} been diagnosed on {day}", (event,))
        for course in case.terms(Course):
            if case.line["quantity"]:
                dose = another_dose(case, shifted(case.day, -course.low_days))
                words = (
                    f"had a dose been given {course.low_days} days before, and {code} been"
                    f" diagnosed on {day}"
                )
                yield Change(
                    f"{fact}, and the course had begun with this dose", words, (dose, event)
                )
