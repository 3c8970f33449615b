"""Other fills and services of the person, and the same service billed again."""

from collections.abc import Iterator
from decimal import Decimal

from audit_rules.counterfactuals.case import Case, Change, Edit
from audit_rules.policy.terms.fills import Combination, GenericTrial, QuantityLimit, SplitFills
from audit_rules.policy.terms.persons import DuplicateClaim
from audit_rules.wording import counted, figure, listed
from schemas.days import shifted


def fills(case: Case) -> Iterator[Change]:
    """No trial of the generic; a fill shortly before; a fill of a drug that may not always be
    combined."""
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
    """An earlier fill within the days that count, with which the two together exceed a limit.

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
        day = shifted(case.day, -term.lookback_days)
        for limit in sorted(limits) if term.channel == channel else []:
            tablets = max(limit - own + 1, Decimal(1))
            earlier = case.repeated(quantity=tablets, dispensing_date=day)
            words = f"had another fill of {counted(tablets, 'tablet')} been dispensed on {day}"
            fact = (
                "no other fill shortly before adds up with it to more than"
                f" {counted(limit, 'tablet')}"
            )
            if own <= limit:
                yield Change(fact, words, (earlier,), step=float(tablets))
            else:
                alone = f"its {counted(own, 'tablet')} alone are more than {figure(limit)}"
                capped = (
                    f"had the fill been of {counted(limit, 'tablet')} instead of {figure(own)}, and"
                    f" {words}"
                )
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
            fact = (
                f"no fill of {listed(list(term.ingredients)).replace(' and ', ' or ')} covers the"
                " date"
            )
            yield Change(
                fact, f"had a fill of {row['ingredient']} been dispensed on {case.day}", (fill,)
            )


def second_claims(case: Case) -> Iterator[Change]:
    """The same line under another claim that counts as the earlier."""
    for _ in case.terms(DuplicateClaim):
        fact = "no other claim bills the same service"
        words = (
            f"had another claim billed the same {case.what} (date, product, quantity), paid no"
            " later than this one"
        )
        yield Change(fact, words, (case.repeated(),))
