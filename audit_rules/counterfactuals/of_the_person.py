"""Changes to what is on file about the person: diagnoses, facts, authorizations, fills, services, doses, enrollment.

Every value comes from the terms in force, the reference tables or the person's own rows.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from audit_rules.counterfactuals.case import Case, Change, Edit, Row
from audit_rules.facts.authorizations import APPROVED
from audit_rules.policy.terms.doses import (
    AdverseEvent,
    Course,
    CyclesWithoutResponse,
    DoseInterval,
    MaximumCycles,
    Monitoring,
    RemissionAtStart,
    TransplantCycles,
)
from audit_rules.policy.terms.fills import (
    Combination,
    DailyDose,
    GenericTrial,
    QuantityLimit,
    SplitFills,
)
from audit_rules.policy.terms.persons import (
    AgeLimit,
    Authorization,
    DiagnosisCoverage,
    DuplicateClaim,
    Eligibility,
)
from audit_rules.wording import counted, figure, listed
from schemas.tables import EVIDENCE_VALUES

_DAY = timedelta(days=1)


# ---------------------------------------------------------------- diagnoses


def diagnoses(case: Case) -> Iterator[Change]:
    """Each code that some list names taken away, and all of them; remission in the place of active disease; an adverse event."""
    named = _listed_codes(case)
    places = {code: _without(case, {code}) for code in sorted(named)}
    for code, edits in places.items():
        yield Change(
            f"{code} is on file ({_where(case, code)})",
            f"had {code} not been on file",
            edits,
            step=len(edits),
        )
    if len(named) > 1:
        codes = listed(sorted(named))
        edits = _without(case, named)
        yield Change(
            f"{codes} are on file", f"had none of {codes} been on file", edits, step=len(edits)
        )
    yield from _remissions(case)
    yield from _adverse_events(case)


def _listed_codes(case: Case) -> set[str]:
    """The person's diagnosis codes that a list of the line's policies, or a clause on them, names, with their children."""
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


def _on_file(case: Case) -> Iterator[tuple[str, str]]:
    """Every diagnosis code of the person, with where it stands."""
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


def _without(case: Case, codes: set[str]) -> tuple[Edit, ...]:
    """The edits that take codes away wherever they stand."""
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
        gone = _without(case, active)
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
            "medical_claim", lambda r: r["service_date"] < case.day and _same_drug(case, r)
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
    """The event the day before; and on the day of an earlier dose, where this one began the course."""
    for term in case.terms(AdverseEvent):
        code, day = term.codes[0], case.day - _DAY
        event = case.added("diagnosis", diagnosis_code=code, diagnosis_date=day)
        fact = f"no {listed(list(term.codes))} is on file in this course before the date"
        yield Change(fact, f"had {code} been diagnosed on {day}", (event,))
        for course in case.terms(Course):
            if case.line["quantity"]:
                dose = _dose(case, case.day - timedelta(days=course.low_days))
                words = f"had a dose been given {course.low_days} days before, and {code} been diagnosed on {day}"
                yield Change(
                    f"{fact}, and the course had begun with this dose", words, (dose, event)
                )


# ---------------------------------------------------------------- clinical facts and authorizations


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
            (_planned(case),),
        )


def _planned(case: Case) -> Edit:
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
    allowed = sorted({t.allowed_days for t in case.terms(Authorization)})
    if covering:
        before = case.day - _DAY
        ended = tuple(Edit("authorization", i, {"end_date": before}) for i in covering)
        runs = listed(sorted({f"{rows[i]['end_date']}" for i in covering}))
        yield Change(spans, f"had {names} ended on {before} instead of {runs}", ended, step=1)
        yield Change(
            spans,
            f"had {names} not been on file",
            tuple(Edit("authorization", i, None) for i in own),
            step=2,
        )
    for granted in allowed:
        begun = case.day - timedelta(days=granted + 1)
        if covering:
            early = tuple(Edit("authorization", i, {"start_date": begun}) for i in covering)
            began = listed(sorted({f"{rows[i]['start_date']}" for i in covering}))
            words = f"had {names} begun on {begun}, {granted + 1} days before, instead of {began}"
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


# ---------------------------------------------------------------- other fills and services


def fills(case: Case) -> Iterator[Change]:
    """No trial of the generic; a fill shortly before this one; a fill of a drug that may be combined under a condition only."""
    if case.is_fill and case.terms(GenericTrial):
        ndc = case.book.reference.ndc
        generics = set(
            ndc.filter((ndc["ingredient"] == case.line["drug"]) & (ndc["product"] == "generic"))[
                "ndc11"
            ].to_list()
        )
        trials = [
            i
            for i, r in enumerate(case.rows["pharmacy_claim"])
            if i != case.position and r["ndc_code"] in generics and r["service_date"] < case.day
        ]
        if trials:
            on = listed([f"{case.rows['pharmacy_claim'][i]['service_date']}" for i in trials][-3:])
            gone = tuple(Edit("pharmacy_claim", i, None) for i in trials)
            fact = f"a trial of the generic is on file ({counted(len(trials), 'fill')}, of {on})"
            yield Change(
                fact, "had no fill of the generic been on file before", gone, step=len(trials)
            )
    yield from _split(case)
    yield from _combined(case)


def _split(case: Case) -> Iterator[Change]:
    """An earlier fill within the days that count, of so many tablets that both together exceed a limit.

    A fill that exceeds it alone is taken at the limit, for then only both together exceed it.
    """
    own = case.line["quantity"]
    if not case.is_fill or own is None:
        return
    of_strength = [
        t for t in case.terms(QuantityLimit) if float(t.strength_mg) == case.line["strength_mg"]
    ]
    limits = {most for t in of_strength for most in (t.limit, t.limit_with_inducer) if most}
    channel = case.line["channel"] or "retail"
    for term in case.terms(SplitFills):
        day = case.day - timedelta(days=term.lookback_days)
        for limit in sorted(limits) if term.channel == channel else []:
            tablets = max(limit - own + 1, Decimal(1))
            earlier = case.repeated(quantity=tablets, dispensing_date=day)
            words = f"had another fill of {counted(tablets, 'tablet')} been dispensed on {day}"
            fact = f"no other fill shortly before adds up with it to more than {counted(limit, 'tablet')}"
            if own <= limit:
                yield Change(fact, words, (earlier,), step=float(tablets))
            else:
                alone = f"its {counted(own, 'tablet')} alone are more than {figure(limit)}"
                capped = f"had the fill been of {counted(limit, 'tablet')} instead of {figure(own)}, and {words}"
                yield Change(
                    alone, capped, (case.edited(quantity=limit), earlier), step=float(own - limit)
                )


def _combined(case: Case) -> Iterator[Change]:
    """A fill on the service date of a drug that may be combined only under a condition."""
    ndc = case.book.reference.ndc
    for term in case.terms(Combination):
        known = (
            ndc.filter(ndc["ingredient"].is_in(term.ingredients) & ndc["audited"])
            .sort("ndc11")
            .head(1)
        )
        for row in known.iter_rows(named=True):
            fill = case.added(
                "pharmacy_claim",
                claim_id=case.another_claim(),
                ndc_code=row["ndc11"],
                dispensing_date=case.day,
                quantity=Decimal(1),
                days_supply=Decimal(1),
            )
            fact = f"no fill of {listed(list(term.ingredients)).replace(' and ', ' or ')} covers the date"
            yield Change(
                fact, f"had a fill of {row['ingredient']} been dispensed on {case.day}", (fill,)
            )


def services(case: Case) -> Iterator[Change]:
    """Each kind of monitoring taken away."""
    for term in case.terms(Monitoring):
        found = case.where("medical_claim", lambda r, codes=term.hcpcs: r["hcpcs_code"] in codes)  # type: ignore[misc]
        if found:
            days = listed(
                sorted({f"{case.rows['medical_claim'][i]['service_date']}" for i in found})[-3:]
            )
            edits = tuple(Edit("medical_claim", i, None) for i in found)
            yield Change(
                f"claims show {term.name} ({days})",
                f"had no claim shown {term.name}",
                edits,
                step=len(found),
            )


# ---------------------------------------------------------------- the same service again, and doses


def second_claims(case: Case) -> Iterator[Change]:
    """The same line under another claim that counts as the earlier."""
    for _ in case.terms(DuplicateClaim):
        fact = "no other claim bills the same service"
        words = f"had another claim billed the same {case.what} (date, product, quantity), paid no later than this one"
        yield Change(fact, words, (case.repeated(),))


def doses(case: Case) -> Iterator[Change]:
    """A dose too shortly before; so many earlier doses in the course that this one falls into a further cycle."""
    if case.is_fill or not case.line["quantity"]:
        return
    for term in case.terms(DoseInterval):
        day = case.day - timedelta(days=term.minimum_days - 1)
        words = f"had a dose been given on {day}, {term.minimum_days - 1} days before"
        yield Change(
            f"no dose was given less than {term.minimum_days} days before",
            words,
            (_dose(case, day),),
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
            days = [start - timedelta(days=course.low_days * k) for k in range(n, 0, -1)]
            given = (
                "a dose been given"
                if n == 1
                else f"{n} doses been given, {course.low_days} days apart,"
            )
            words = f"had {given} before the course's first of {start} (from {days[0]} on)"
            added = tuple(_dose(case, day) for day in days)
            yield Change(fact, words, added, step=n)
            if before_transplant:
                planned = f"{words}, and had a planned transplant been on file on {case.day}"
                yield Change(
                    f"{fact}, and no transplant is in sight",
                    planned,
                    (*added, _planned(case)),
                    step=n,
                )


def _dose(case: Case, day: date) -> Edit:
    """The line once more on another date, with no modifier that would make it waste."""
    plain = {c: None for c in case.own_row if c.startswith("hcpcs_modifier_")}
    return case.repeated(f" {day}", claim_line_start_date=day, claim_start_date=day, **plain)


def _same_drug(case: Case, row: Row) -> bool:
    """Whether a medical row is of the line's drug, by its code."""
    codes = case.book.reference.hcpcs
    return row["hcpcs_code"] in codes.filter(codes["drug"] == case.line["drug"])["hcpcs"].to_list()


def _course_dates(case: Case, gap_days: int) -> list[date]:
    """The dates up to the line's that bill the drug without a longer gap between them, the line's own the last."""
    rows = case.rows["medical_claim"]
    days = {
        r["service_date"]
        for r in rows
        if r["fate"] == "history" and r["quantity"] and _same_drug(case, r)
    }
    found = [case.day]
    for day in sorted((d for d in days if d < case.day), reverse=True):
        if (found[0] - day).days > gap_days:
            break
        found.insert(0, day)
    return found


# ---------------------------------------------------------------- age and enrollment


def births(case: Case) -> Iterator[Change]:
    """A birth date one day too late for each age that a clause asks for; with an indication that the age belongs to."""
    ages = {t.under_age for t in case.terms(AgeLimit)} | {
        t.adult_age for t in case.terms(DailyDose)
    }
    born = case.line["birth_date"]
    fact = f"the person was born on {born}" if born else "the birth date is not known"
    for age in sorted(ages, reverse=True):
        birth = _years_before(case.day, age) + _DAY
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
            told = case.added("diagnosis", diagnosis_code=code, diagnosis_date=case.day)
            use = f"{words}, and had {code} ({indication}) been the only covered diagnosis on file"
            edits = (*young, *_without(case, _listed_codes(case)), told)
            yield Change(
                f"{fact}, and the age limit is not for the indication on file",
                use,
                edits,
                step=step,
            )


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=day.day - 1)


def _limited_uses(case: Case, age: int) -> Iterable[tuple[str, str]]:
    """One covered diagnosis for which the age limit holds, where the limit depends on the diagnosis."""
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
    """Enrollment ended before the date; death before it; a person whose enrollment begins after it."""
    if not case.terms(Eligibility):
        return
    rows = case.rows["eligibility"]
    before = case.day - _DAY
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
        late = case.added("eligibility", enrollment_start_date=case.day + _DAY)
        yield Change(
            "the person is not in the eligibility table",
            f"had enrollment begun on {case.day + _DAY}",
            (late,),
        )
