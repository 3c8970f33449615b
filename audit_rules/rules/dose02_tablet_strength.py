"""DOSE02 -- Should the stronger tablet have been used for this daily dose?

advisory          the fill's own daily dose in these tablets reaches the dose from which the
                  document asks for the stronger tablet, for the iron in the coating
                  (`use_400mg_tablets`).
pass              below that dose.
not_evaluable     the quantity (`quantity_missing`) or the days' supply (`days_supply_missing`) is
                  missing.
not_applicable    tablets of another strength, or the clause was not in force on the dispensing
                  date.
Cannot see        a patient who cannot swallow the larger tablet.
"""

import polars as pl

from audit_rules.engine.answers import Answer, answer
from audit_rules.engine.arithmetic import thousandths
from audit_rules.engine.dossier import Dossier
from audit_rules.engine.rule import PolicyBook, Rule, RuleAnswers
from audit_rules.engine.scope import in_force
from audit_rules.facts.daily_dose import mg_per_day, with_daily_dose
from audit_rules.facts.quantity_limits import tablet_fills
from audit_rules.policy.terms.fills import TabletStrength
from schemas.outcomes import ADVISORY, NONE, NOT_EVALUABLE

RULE = Rule(
    id="DOSE02",
    name="dose.tablet_strength",
    asks=(TabletStrength,),
    basis=NONE,
    counts=("mg a day", "mg a day"),
    says={
        "use_400mg_tablets": (
            "The fill comes to {observed} mg a day in tablets of {strength_mg} mg; from {allowed}"
            " mg a day the policy's dosing text asks for the 400 mg tablet, which spares the"
            " patient iron."
        ),
    },
)


def evaluate(dossier: Dossier, lines: pl.LazyFrame, book: PolicyBook) -> RuleAnswers:
    """Judge every fill of tablets of the strength in question; one answer per fill and policy."""
    asked = in_force(tablet_fills(lines), book.terms(TabletStrength), on=["strength_mg"]).pipe(
        with_daily_dose
    )
    supplied, days, daily = pl.col("supplied_ng"), pl.col("supply_millidays"), pl.col("daily_mg")
    answers = asked.pipe(
        answer,
        [
            Answer(pl.col("quantity_milli").is_null(), NOT_EVALUABLE, "quantity_missing"),
            Answer(days.is_null(), NOT_EVALUABLE, "days_supply_missing"),
            Answer(
                supplied >= thousandths(daily) * days,
                ADVISORY,
                "use_400mg_tablets",
                mg_per_day(supplied, days),
                daily,
            ),
        ],
    )
    return RuleAnswers(answers)
