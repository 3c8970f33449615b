"""CODE01 -- Was the HCPCS code valid on the service date?

review            billed before the code's first day (`code_not_yet_valid`) or after its last
                  (`code_expired`). What the right code would have cost is not known.
pass              within its days, or a code that the policy gives no days for.
not_applicable    no clause was in force on the service date.
Cannot see        a claim that the payer accepted under the old code by agreement.
"""

from audit_rules.engine.rule import Rule
from audit_rules.policy.language.kinds import Coding
from schemas.outcomes import PRICE_UNKNOWN

RULE = Rule(id="CODE01", name="code.validity", asks=(Coding,), basis=PRICE_UNKNOWN, says={})
