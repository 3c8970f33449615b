"""UNIT02 -- Do the units of one date look like whole vials, with waste billed as it should be?

One finding per person, payer and date, on the line with most units. All units of the date count,
waste included, but no duplicates.
advisory          as few units as a dose has vials (`units_look_like_vials`).
review            waste and no waste claimed on one date (`jw_and_jz`), a whole vial or more as
                  waste (`waste_over_one_vial`), or units that with the waste are not whole vials
                  (`not_whole_vials`).
pass              none of these.
not_evaluable     no line of the date has units, and nothing else was found (`quantity_missing`).
not_applicable    the line does not carry the date's finding, has another code, is or may be a
                  duplicate, or is before the clause.
Cannot see        the vials opened; a vial shared between patients.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import exact_sum, from_thousandths, thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import line_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.infusion_units import billed_lines, carrying_lines, units_milli
from audit_rules.policy.terms.doses import VialUnits
from schemas.outcomes import ADVISORY, NONE, NOT_EVALUABLE, REVIEW

RULE = Rule(
    id="UNIT02",
    name="units.vials",
    asks=(VialUnits,),
    basis=NONE,
    counts=("unit", "units"),
    says={
        "units_look_like_vials": (
            "Units billed for {service_date}: {observed}, very little for a dose; perhaps the vials"
            " of {vial_units} units each were counted."
        ),
        "jw_and_jz": (
            "The lines for {service_date} say both that drug was thrown away ({waste_modifier}) and"
            " that none was ({no_waste_modifier})."
        ),
        "waste_over_one_vial": (
            "{observed:unit was|units were} billed as thrown away on {service_date}; waste of one"
            " dose is less than a vial of {vial_units} units."
        ),
        "not_whole_vials": (
            "{observed:unit was|units were} billed for {service_date}, waste included or said to be"
            " none; that is not a whole number of vials of {vial_units} units."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every date; one answer per person, payer, date and policy, on the carrying line."""
    asked = carrying_lines(dossier, in_force(lines, book.terms(VialUnits)))
    billed = billed_lines(dossier, asked).join(
        asked.select(*ON, "waste_modifier", "no_waste_modifier"), on=list(ON)
    )
    is_waste = pl.col("modifiers").list.contains(pl.col("waste_modifier"))
    is_no_waste = pl.col("modifiers").list.contains(pl.col("no_waste_modifier"))
    summed = billed.group_by(*ON).agg(
        total_milli=units_milli(),
        waste_milli=exact_sum(pl.col("quantity_milli").filter(is_waste)),
        has_waste=is_waste.any(),
        has_no_waste=is_no_waste.any(),
    )

    total, waste, vial = pl.col("total_milli"), pl.col("waste_milli"), pl.col("vial_units")
    has_waste, has_no_waste = pl.col("has_waste"), pl.col("has_no_waste")
    looks_like_vials = from_thousandths(total).is_between(
        1, pl.col("looks_like_vials")
    )  # from one vial on
    is_not_whole = (has_waste | has_no_waste) & (total % thousandths(vial) != 0)
    answers = asked.join(summed, on=list(ON)).pipe(
        answer,
        [
            Answer(looks_like_vials, ADVISORY, "units_look_like_vials", from_thousandths(total)),
            Answer(has_waste & has_no_waste, REVIEW, "jw_and_jz", from_thousandths(total)),
            Answer(
                waste >= thousandths(vial),
                REVIEW,
                "waste_over_one_vial",
                from_thousandths(waste),
                vial - 1,
            ),
            Answer(is_not_whole, REVIEW, "not_whole_vials", from_thousandths(total)),
            Answer(total.is_null(), NOT_EVALUABLE, "quantity_missing"),
        ],
    )
    return RuleAnswers(answers, [line_evidence(billed)])
