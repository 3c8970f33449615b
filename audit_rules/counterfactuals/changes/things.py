"""Things on file that a term of the policy language asks about: put there, or taken away."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal

import polars as pl

from audit_rules.counterfactuals.case import AskedTerm, Case, Change, Edit, Row
from audit_rules.counterfactuals.changes.codes import without_specialty
from audit_rules.counterfactuals.changes.diagnoses import codes_on_file, without_codes
from audit_rules.engine.authorizations import APPROVED
from audit_rules.kinds.asking import window_of
from audit_rules.kinds.codes import codes_meant
from audit_rules.kinds.windows import closes_on, opens_on
from audit_rules.policy.language import conditions as words
from audit_rules.policy.language.conditions import Thing
from audit_rules.policy.language.sets import ends_of
from audit_rules.reference.product_sets import LineSet
from audit_rules.wording import listed
from schemas.days import shifted
from schemas.tables import CLAIM_TABLES, MEDICAL_CLAIM, PHARMACY_CLAIM

_SPOKEN = {words.DRUG: "line of", words.FILL: "fill of", words.FACT: ""}
_APPROVED = "approved"  # of a thing: an approval; another word is an override


def things_gone(case: Case, asked: AskedTerm, things: Sequence[Thing]) -> Iterator[Change]:
    """All of what is on file of the things taken away; no change if there is nothing."""
    for thing in things:
        if thing.kind == words.SPECIALIST:
            yield from without_specialty(case, set(_meant(asked, thing, _taxonomies(case))))
    edits = _together(e for thing in things for e in _removed(case, asked, thing))
    if edits:
        name = listed([_name(t) for t in things])
        yield Change(
            f"{name} {'is' if len(things) == 1 else 'are'} on file",
            f"had {'no ' if len(things) == 1 else 'nothing of '}{name} been on file",
            edits,
            step=len(edits),
        )


def things_there(case: Case, asked: AskedTerm, things: Sequence[Thing]) -> Iterator[Change]:
    """Each thing put on file in its window, as near to the service date as it may be."""
    for thing in things:
        day = _day_within(case, asked, thing)
        made = _ADDED.get(thing.kind)
        if day is None or made is None:
            continue
        edits = tuple(made(case, asked, thing, day))
        if edits:
            yield Change(
                f"no {_name(thing)} is on file in time",
                f"had {_name(thing)} been on file on {day}",
                edits,
                step=len(edits),
            )


def _name(thing: Thing) -> str:
    if thing.kind == words.AUTHORIZATION and thing.names[0] == _APPROVED:
        return thing.name or "approval"
    return thing.name or f"{_SPOKEN.get(thing.kind, thing.kind)} {' or '.join(thing.names)}".strip()


def _together(edits: Iterator[Edit]) -> tuple[Edit, ...]:
    """The edits, each row once; what removes it goes before what blanks a column of it."""
    found: dict[tuple[str, int | None], Edit] = {}
    for edit in edits:
        before = found.get((edit.table, edit.row))
        if before is None or edit.values is None:
            found[edit.table, edit.row] = edit
        elif before.values is not None:
            both = {**before.values, **edit.values}
            found[edit.table, edit.row] = Edit(edit.table, edit.row, both)
    return tuple(found.values())


# ------------------------------------------------------------ taken away


def _removed(case: Case, asked: AskedTerm, thing: Thing) -> Iterator[Edit]:
    if thing.kind in (words.DRUG, words.FILL):
        yield from _lines_gone(case, _of_sets(asked, thing))
    elif thing.kind == words.SERVICE:
        seen = pl.Series([r["hcpcs_code"] for r in case.rows["medical_claim"]], dtype=pl.String)
        codes = set(_meant(asked, thing, seen))
        yield from _lines_gone(case, lambda row: row.get("hcpcs_code") in codes)
    elif thing.kind == words.DIAGNOSIS:
        on_file = pl.Series(sorted(codes_on_file(case)), dtype=pl.String)
        yield from without_codes(case, set(_meant(asked, thing, on_file)))
    elif thing.kind == words.FACT:
        for i in case.where("clinical_evidence", lambda r: r["evidence_code"] in thing.names):
            yield Edit("clinical_evidence", i, None)
    elif thing.kind == words.AUTHORIZATION:
        for i in asked.authorizations(case):
            yield Edit("authorization", i, None)


def _lines_gone(case: Case, holds: Callable[[Row], bool]) -> Iterator[Edit]:
    for table in CLAIM_TABLES:
        own = case.position if table == case.table else None
        for i in case.where(table, holds):
            if i != own:
                yield Edit(table, i, None)


def _of_sets(asked: AskedTerm, thing: Thing) -> Callable[[Row], bool]:
    sets = _sets(asked, thing)
    ndcs = frozenset().union(*(s.ndcs for s in sets))
    hcpcs = frozenset().union(*(s.hcpcs for s in sets))
    return lambda row: row["ndc_code"] in ndcs or row.get("hcpcs_code") in hcpcs


def _sets(asked: AskedTerm, thing: Thing) -> list[LineSet]:
    return [s for s in asked.sets if s.name in thing.names] + (
        [asked.set] if words.OWN in thing.names else []
    )


def _meant(asked: AskedTerm, thing: Thing, seen: pl.Series) -> list[str]:
    return codes_meant(asked.policy.declared, thing.names, seen)


def _taxonomies(case: Case) -> pl.Series:
    known = {code for codes in case.taxonomies.values() for code in codes}
    return pl.Series(sorted(known), dtype=pl.String)


# ------------------------------------------------------------ put there


def _day_within(case: Case, asked: AskedTerm, thing: Thing) -> date | None:
    """The day of a thing's window that is nearest to the service date; None if it is to come."""
    window = window_of(asked.policy.declared, thing)
    if window is None:
        return case.day
    own = pl.lit(case.day)
    opens, closes = pl.select(o=opens_on(window, own, own), c=closes_on(window, own)).row(0)
    day: date = min(max(case.day, opens), closes)
    return day if day <= case.as_of else None


def _lines_added(case: Case, asked: AskedTerm, thing: Thing, day: date) -> Iterator[Edit]:
    """So many lines of the first set with a code, on one day after another."""
    days = Decimal(thing.least_days_supply or 1)
    for one in _sets(asked, thing):
        for n in range(thing.least):
            dated = shifted(day, -n)
            if one.ndcs:
                yield case.added(
                    "pharmacy_claim",
                    claim_id=case.another_claim(f" {n}"),
                    ndc_code=min(one.ndcs),
                    **dict.fromkeys(PHARMACY_CLAIM.service_dates, dated),
                    quantity=Decimal(1),
                    days_supply=days,
                )
            elif one.hcpcs and thing.kind == words.DRUG:
                yield _service(case, min(one.hcpcs), dated, n)
        return


def _services_added(case: Case, asked: AskedTerm, thing: Thing, day: date) -> Iterator[Edit]:
    for n in range(thing.least):
        yield _service(case, _first(asked, thing), shifted(day, -n), n)


def _service(case: Case, code: str, day: date, number: int) -> Edit:
    return case.added(
        "medical_claim",
        claim_id=case.another_claim(f" {number}"),
        hcpcs_code=code,
        **dict.fromkeys(MEDICAL_CLAIM.service_dates, day),
        quantity=Decimal(1),
        billing_npi=case.line["billing_npi"],
    )


def _diagnosis_added(case: Case, asked: AskedTerm, thing: Thing, day: date) -> Iterator[Edit]:
    code = _first(asked, thing)
    if thing.same != "claim" and window_of(asked.policy.declared, thing) is not None:
        yield case.added("diagnosis", diagnosis_code=code, diagnosis_date=day)
        return
    columns = [c for c in case.own_row if c.startswith("diagnosis_code_") and c[-1].isdigit()]
    free = next((c for c in columns if case.own_row[c] is None), None)
    if free is not None:
        yield case.edited(**{free: code})


def _fact_added(case: Case, asked: AskedTerm, thing: Thing, day: date) -> Iterator[Edit]:
    ends = (thing.range.low, thing.range.high)
    declared = asked.policy.declared.facts.get(thing.names[0])
    values = (
        *thing.values,
        *(str(end) for end in ends if end is not None),
        *(declared.values if declared else ()),
    )
    for value in values[:1]:
        yield case.added(
            "clinical_evidence",
            evidence_code=thing.names[0],
            evidence_value=value,
            evidence_date=day,
        )


def _approval_added(case: Case, asked: AskedTerm, thing: Thing, day: date) -> Iterator[Edit]:
    yield case.added(
        "authorization",
        authorization_id=case.another_claim(),
        drug=asked.set.drug,
        drug_word=asked.set.drug,
        status=APPROVED,
        override=None if thing.names[0] == _APPROVED else thing.names[0],
        start_date=case.day,
        end_date=case.day,
    )


def _first(asked: AskedTerm, thing: Thing) -> str:
    """The first code that a thing names; of a range its first."""
    word = thing.names[0]
    listed_codes = asked.policy.declared.codes.get(word)
    code = listed_codes.codes[0] if listed_codes else word
    return ends_of(code)[0]


_ADDED: dict[str, Callable[[Case, AskedTerm, Thing, date], Iterator[Edit]]] = {
    words.DRUG: _lines_added,
    words.FILL: _lines_added,
    words.SERVICE: _services_added,
    words.DIAGNOSIS: _diagnosis_added,
    words.FACT: _fact_added,
    words.AUTHORIZATION: _approval_added,
}
