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

from audit_rules.engine.rule import Rule
from audit_rules.policy.language.amounts import Quantity
from schemas.outcomes import NONE

RULE = Rule(
    id="DOSE02",
    name="dose.tablet_strength",
    asks=(Quantity,),
    basis=NONE,
    says={},
    counts=("mg a day", "mg a day"),
)
