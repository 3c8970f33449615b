"""SAFE02 -- Do claims show the monitoring that the policy asks for around a date?

One finding per person, payer and date, on the date's first line.
advisory          a kind of monitoring has no claim in its window (`monitoring_not_on_claims`).
pass              every kind has one.
not_evaluable     none has been seen of some kind, and the window after the date was still open on
                  the as-of date (`window_open`).
not_applicable    the line does not carry the date's finding, or is before the clause.
Cannot see        tests within a hospital stay or a bundled payment, and their results.
"""

from audit_rules.engine.rule import Rule
from audit_rules.policy.language.kinds import OnFile
from schemas.outcomes import NONE

RULE = Rule(
    id="SAFE02",
    name="safety.monitoring",
    asks=(OnFile,),
    basis=NONE,
    says={},
    counts=("kind of monitoring missing", "kinds of monitoring missing"),
)
