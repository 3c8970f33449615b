"""MOD01 -- Does a line of the date say whether drug was thrown away?

One finding per person, payer and date, on the line with most units.
advisory          no line of the date has a modifier that says it (`no_waste_modifier`).
pass              one has.
not_applicable    a line is of a place where it is not asked for, the line does not carry the date's
                  finding, is or may be a duplicate, has another code, or is before the clause.
Cannot see        whether any drug was thrown away.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.evidence import line_evidence
from audit_rules.engine.rule import ON, PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.infusion_units import billed_lines, carrying_lines
from audit_rules.policy.terms.doses import WasteModifier
from schemas.collecting import CLERICAL
from schemas.outcomes import ADVISORY, NONE, NOT_APPLICABLE

RULE = Rule(
    id="MOD01",
    name="modifier.waste_missing",
    asks=(WasteModifier,),
    basis=NONE,
    says={
        "no_waste_modifier": (
            "No line that this payer paid for {service_date} under a code of the drug says whether"
            " drug of a single-dose vial was thrown away ({one_of})."
        ),
    },
    grounds={"no_waste_modifier": CLERICAL},
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every date; one answer per person, payer, date and policy, on the carrying line."""
    asked = carrying_lines(dossier, in_force(lines, book.terms(WasteModifier)))
    terms = asked.select(*ON, wanted="waste_modifiers", exempt="exempt_places")
    billed = billed_lines(dossier, asked).join(terms, on=list(ON))
    says_it = pl.col("modifiers").list.set_intersection("wanted").list.len() > 0
    is_exempt = pl.col("place_of_service_code").is_in(pl.col("exempt"))
    summed = billed.group_by(*ON).agg(
        says_it=says_it.any(), is_exempt=is_exempt.fill_null(False).any()
    )
    judged = asked.join(summed, on=list(ON)).with_columns(
        one_of=pl.col("waste_modifiers").list.join(" or ")
    )
    answers = judged.pipe(
        answer,
        [
            Answer(pl.col("is_exempt"), NOT_APPLICABLE),
            Answer(~pl.col("says_it"), ADVISORY, "no_waste_modifier"),
        ],
    )
    return RuleAnswers(answers, [line_evidence(billed)])
