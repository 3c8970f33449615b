"""AGE01 -- Is the patient younger than the policy covers?

pass              old enough, or an indication is on file that the policy covers at any age.
records_request   under the age from which the policy covers the drug or the indication on file
                  (`under_minimum_age`).
review            a minor before the drug's label had pediatric use
                  (`pediatric_before_revision`), or if the document names adults but makes that no
                  criterion (`adults_named`).
advisory          a minor after the label had pediatric use and before the policy's revision did
                  (`pediatric_before_revision`).
not_evaluable     the birth date is missing or after the service date, or the extracts disagree on
                  it (`birth_date_missing`).
not_applicable    the age belongs to an indication and none is on file, or no clause was in force.
Cannot see        which of several indications the drug was given for, and exceptions granted for a
                  child.
"""

from audit_rules.engine.rule import Rule
from audit_rules.policy.language.kinds import Who
from schemas.outcomes import FULL_PAID

RULE = Rule(
    id="AGE01",
    name="age.limit",
    asks=(Who,),
    basis=FULL_PAID,
    says={},
    approved_care=True,
)
