"""The rules, in the order in which the catalogue lists them."""

from audit_rules.rule import RuleModule
from audit_rules.rules import (
    cyc01_cycles_without_response,
    dx01_diagnosis_coverage,
    gen01_brand_without_generic_trial,
    qty01_quantity_per_fill,
)

RULES: tuple[RuleModule, ...] = (
    dx01_diagnosis_coverage,
    qty01_quantity_per_fill,
    gen01_brand_without_generic_trial,
    cyc01_cycles_without_response,
)
